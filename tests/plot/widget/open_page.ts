import assert from "node:assert/strict";
import { existsSync } from "node:fs";
// playwright-core: drives the Chromium that is installed, and downloads none. For tests only.
import { chromium, type Page } from "playwright-core";
import type { WidgetStats } from "../../../lib/plot/widget/browser/stats.ts";

/** How a page is looked at. */
export interface OpenPageOptions {
  /** What the reader's system prefers. Default: `light`. */
  colorScheme?: "light" | "dark";
  /** Size of the window, CSS pixels. Default: 1000 x 800. */
  viewport?: { width: number; height: number };
  /** Part of the address, from `#` on. Default: none. */
  hash?: string;
  /** Whether the page of somebody else (an exported notebook) may ask for things; they are refused all the same. Default: false. */
  mayAsk?: boolean;
}

/** A page in a real headless browser that has no network. */
export interface OpenedPage {
  readonly page: Page;
  /** Addresses that the page asked for besides itself. */
  readonly requests: readonly string[];
  /** What the page complained of: errors of scripts, and of its security policy. */
  readonly errors: readonly string[];
}

/**
 * Opens `html` in headless Chromium and hands it to `use`. All that the page asks for is refused; after `use` it must not have asked for
 * anything, and nothing must have gone wrong in it.
 */
export async function withPage(
  html: string,
  use: (opened: OpenedPage) => Promise<void>,
  options: OpenPageOptions = {},
): Promise<void> {
  const { colorScheme = "light", viewport = { width: 1000, height: 800 }, hash = "", mayAsk = false } =
    options;
  const folder = await Deno.makeTempDir({ prefix: "schedscope-page-" });
  const file = `file://${folder}/page.html`;
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: ["--no-sandbox"] })
    .catch(
      (cause) => {
        throw new Error("This test opens the page in Chromium: apt-get install chromium", { cause });
      },
    );
  try {
    await Deno.writeTextFile(`${folder}/page.html`, html);
    const context = await browser.newContext({ colorScheme, viewport });
    await context.setOffline(true);
    const requests: string[] = [];
    const errors: string[] = [];
    await context.route("**/*", (route) => {
      const url = route.request().url();
      if (url.split("#")[0] === file) return route.continue();
      requests.push(url);
      return route.abort();
    });
    const page = await context.newPage();
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    await page.goto(file + hash);
    await use({ page, requests, errors });
    if (mayAsk) return;
    assert.deepEqual(requests, []);
    assert.deepEqual(errors, []);
  } finally {
    await browser.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** The installed Chromium: playwright looks for none on PATH. */
function chromiumPath(): string {
  const paths = (Deno.env.get("PATH") ?? "").split(":").map((folder) => `${folder}/chromium`);
  return paths.find((path) => existsSync(path)) ?? "/usr/bin/chromium";
}

/** Waits until `count` widgets are shown in the page. */
export async function shown(page: Page, count = 1): Promise<void> {
  await page.waitForFunction(
    (count) => document.querySelectorAll('.schedscope-widget[data-state="shown"]').length >= count,
    count,
    { timeout: 60_000 },
  );
}

/** What the tests ask of a widget in the page. */
export interface WidgetFacts {
  readonly from: number;
  readonly span: number;
  readonly length: number;
  /** Number of the thread that is chosen, and when its slice begins. */
  readonly tid: number | undefined;
  readonly ts: number | undefined;
  /** Names before the lanes of threads. */
  readonly threads: readonly string[];
  readonly details: string;
  readonly found: string;
  readonly stats: WidgetStats;
  /** Middles of lanes by name, and the ends of the time, CSS pixels within the window. */
  readonly lanes: Readonly<Record<string, number>>;
  readonly left: number;
  readonly right: number;
}

/** Facts of widget number `at`, after it has come to rest. */
export async function factsOf(page: Page, at = 0): Promise<WidgetFacts> {
  await page.waitForFunction((at) => {
    // deno-lint-ignore no-explicit-any
    const { view } = (globalThis as any).schedscopeWidgets[at];
    return view.goal.from === view.from && view.goal.span === view.span;
  }, at);
  return await page.evaluate((at) => {
    // deno-lint-ignore no-explicit-any
    const { view, layout, model, selection, parts, stats } = (globalThis as any).schedscopeWidgets[at];
    const box = parts.canvas.getBoundingClientRect();
    const lanes: Record<string, number> = {};
    for (const { lane, y } of layout.placed()) lanes[layout.nameOf(lane)] = box.top + y + lane.height / 2;
    return {
      from: view.from,
      span: view.span,
      length: view.length,
      tid: selection === undefined ? undefined : model.header.tid[selection.thread],
      ts: selection === undefined ? undefined : model.threads[selection.thread].track.time[selection.row],
      threads: layout.threads.map((at: number) => layout.nameOf({ kind: "thread", at })),
      details: parts.details.innerText,
      found: parts.found.textContent,
      stats,
      lanes,
      left: box.left + layout.gutter,
      right: box.left + layout.gutter + layout.timeWidth,
    };
  }, at);
}

/** Column of the window at which the moment `ns` of a widget is. */
export function columnOf(facts: WidgetFacts, ns: number): number {
  return facts.left + (ns - facts.from) / facts.span * (facts.right - facts.left);
}

/** A page with a policy as strict as can be, and `body` in it. */
export function strictPage(body: string, scriptSource: string): string {
  return `<!DOCTYPE html><html><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src ${scriptSource}">
<meta name="color-scheme" content="light dark"><title>page</title></head><body>${body}</body></html>`;
}
