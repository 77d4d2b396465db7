/**
 * What the page runs: each fragment brings this script with it, and the first to come shows them all. Bundled into
 * `../bundle.ts` by `deno task widget`.
 *
 * @module
 */
import { VERSION } from "../protocol.ts";
import { placeOf } from "./links.ts";
import { TimelineView } from "./timeline_view.ts";
import { fromBase64, unpack } from "./unpack.ts";

/** What the script leaves in the page. */
interface Page {
  /** The widgets that are shown, in the order in which they came. */
  schedscopeWidgets?: TimelineView[];
  [mount: `schedscopeMount${number}`]: (() => void) | undefined;
}

const page = globalThis as unknown as Page;
const widgets = page.schedscopeWidgets ??= [];

if (page[`schedscopeMount${VERSION}`] === undefined) {
  page[`schedscopeMount${VERSION}`] = mountAll;
  addEventListener("hashchange", () => void follow(location.hash));
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest('a[href^="#schedscope-"]') : null;
    if (link === null || !follow(link.getAttribute("href")!)) return;
    event.preventDefault();
  });
}
page[`schedscopeMount${VERSION}`]!();

/** Shows each fragment that is not shown yet. */
function mountAll(): void {
  // Within a notebook the fragment may not be in the document yet; then its script's own place tells where it is.
  const own = document.currentScript?.closest<HTMLElement>(".schedscope-widget");
  const found = document.querySelectorAll<HTMLElement>(`.schedscope-widget[data-version="${VERSION}"]`);
  for (const host of new Set([...(own ? [own] : []), ...found])) {
    if (host.dataset["state"] !== undefined) continue;
    host.dataset["state"] = "unpacking";
    void mount(host).catch((error) => {
      host.dataset["state"] = "failed";
      const line = document.createElement("p");
      line.textContent = `The timeline cannot be shown: ${error instanceof Error ? error.message : error}`;
      host.append(line);
    });
  }
}

async function mount(host: HTMLElement): Promise<void> {
  const begun = performance.now();
  const packed = host.querySelector('script[type="text/plain"]');
  if (packed === null) throw new Error("its data are missing; was the fragment cut?");
  const model = await unpack(fromBase64(packed.textContent ?? ""));
  // The text is not needed any more, and is large.
  packed.remove();
  host.querySelector(".schedscope-fallback")?.remove();
  const widget = new TimelineView(host, model, {
    height: Number(host.dataset["height"]) || 420,
    alt: host.getAttribute("aria-label") ?? "Timeline",
    begun,
  });
  host.removeAttribute("role");
  host.removeAttribute("aria-label");
  widgets.push(widget);
  host.dataset["state"] = "shown";
  host.dispatchEvent(new CustomEvent("schedscope-shown", { bubbles: true }));
  follow(location.hash, host.id);
}

/** Goes to the place of a link. Returns whether there is a widget for it. */
function follow(hash: string, only?: string): boolean {
  const found = placeOf(hash);
  if (found === undefined || (only !== undefined && only !== found.id)) return false;
  const widget = widgets.find(({ host }) => host.id === found.id && host.isConnected);
  if (widget === undefined) return false;
  widget.host.scrollIntoView({ block: "nearest" });
  widget.goTo(found.place);
  return true;
}
