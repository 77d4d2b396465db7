import type { Theme } from "./theme.ts";

/** Elements of the view, in a shadow tree of their own: no style of the page reaches them. */
export interface Parts {
  readonly box: HTMLElement;
  readonly search: HTMLInputElement;
  readonly found: HTMLElement;
  readonly buttons: Readonly<Record<ButtonName, HTMLButtonElement>>;
  readonly note: HTMLElement;
  readonly stage: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  readonly tip: HTMLElement;
  readonly legend: HTMLElement;
  readonly details: HTMLElement;
  readonly help: HTMLElement;
  /** Has the ground of the page. */
  readonly probe: HTMLElement;
}

/** Buttons above the lanes. */
export type ButtonName = "previousGap" | "nextGap" | "zoomOut" | "zoomIn" | "all" | "chain";

const BUTTONS: Readonly<Record<ButtonName, readonly [text: string, title: string]>> = {
  previousGap: ["‹ gap", "Previous gap (p)"],
  nextGap: ["gap ›", "Next gap (n)"],
  zoomOut: ["−", "Zoom out (-)"],
  zoomIn: ["+", "Zoom in (+)"],
  all: ["All", "Show the whole time (0)"],
  chain: ["Chain only", "Show only the threads of the wakeup chain (c)"],
};

const HELP =
  "Click into the view, then: wheel, + and − zoom · Shift+wheel, ← → and drag pan (Ctrl+wheel zooms at any time) · " +
  "↑ ↓ choose a thread, , and . its slices · Enter follows to the waker, Shift+Enter to who was woken · " +
  "n p gaps · / search · 0 all · Esc clears";

const STYLE = `
:host{display:block;margin:0 0 14px}
*{box-sizing:border-box}
.box{font:13px/1.4 system-ui,sans-serif;color:var(--ink);background:var(--ground);border:1px solid var(--line);border-radius:6px;position:relative;text-align:left}
.bar{display:flex;flex-wrap:wrap;gap:6px;align-items:center;padding:8px;border-bottom:1px solid var(--line)}
.title{font-weight:600;margin-right:auto;overflow-wrap:anywhere}
input,button{font:inherit;color:inherit;background:var(--stripe);border:1px solid var(--line);border-radius:4px;padding:2px 8px;min-height:26px}
input{width:17em;max-width:100%}
input::placeholder{color:var(--soft);opacity:1}
button{cursor:pointer}
button:hover{border-color:var(--soft)}
button[hidden]{display:none}
button[aria-pressed=true]{background:var(--selected);color:#fff;border-color:var(--selected)}
:focus-visible{outline:2px solid var(--selected);outline-offset:1px}
.found{position:absolute;right:18px;bottom:8px;padding:2px 9px;background:var(--ground);border:1px solid var(--soft);border-radius:4px;pointer-events:none;font-size:12px;z-index:1}
.found:empty{display:none}
.note{padding:5px 10px;color:var(--soft);border-bottom:1px solid var(--line)}
.note:empty{display:none}
.stage{position:relative;overflow:hidden}
canvas{display:block;width:100%;cursor:crosshair;touch-action:pan-y}
canvas:focus-visible{outline-offset:-2px}
.tip{position:absolute;left:0;top:0;max-width:min(420px,90%);padding:5px 9px;background:var(--ground);border:1px solid var(--soft);border-radius:4px;box-shadow:0 2px 8px #0004;pointer-events:none;font-size:12px;z-index:2;overflow-wrap:anywhere}
.tip[hidden]{display:none}
.tip div:first-child,.details .head{font-weight:600}
.legend{display:flex;flex-wrap:wrap;gap:2px 14px;padding:5px 10px;border-top:1px solid var(--line);color:var(--soft);font-size:12px}
.legend i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px;vertical-align:-1px}
.details{padding:7px 10px;border-top:1px solid var(--line);overflow-wrap:anywhere}
.details:empty{display:none}
.details ol{margin:3px 0 0;padding-left:22px;max-height:160px;overflow:auto}
.details li{margin:1px 0}
.details li button{padding:0 6px;min-height:22px;text-align:left}
.details .two{display:grid;grid-template-columns:repeat(auto-fit,minmax(260px,1fr));gap:4px 24px;margin-top:5px}
.help{padding:5px 10px 7px;border-top:1px solid var(--line);color:var(--soft);font-size:12px}
.probe{position:absolute;width:0;height:0;visibility:hidden;background:Canvas}
`;

/** Makes the elements in a shadow tree of `host`. */
export function makeParts(host: HTMLElement, title: string, note: string): Parts {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  // A constructed sheet needs no leave from a page's Content-Security-Policy.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];
  const box = element("div", "box");
  const bar = element("div", "bar");
  const heading = element("span", "title", title);
  const search = element("input");
  search.type = "search";
  search.placeholder = "Search thread or number (/)";
  search.setAttribute("aria-label", "Search a thread by name or number");
  search.spellcheck = false;
  search.autocomplete = "off";
  const found = element("span", "found");
  found.setAttribute("role", "status");
  const buttons = {} as Record<ButtonName, HTMLButtonElement>;
  for (const [name, [text, label]] of Object.entries(BUTTONS)) {
    const button = buttons[name as ButtonName] = element("button", "", text);
    button.type = "button";
    button.title = label;
    button.setAttribute("aria-label", label);
  }
  buttons.chain.setAttribute("aria-pressed", "false");
  bar.append(heading, search, ...Object.values(buttons));
  const stage = element("div", "stage");
  const canvas = element("canvas");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-roledescription", "timeline");
  canvas.setAttribute("aria-describedby", "help");
  const tip = element("div", "tip");
  tip.hidden = true;
  stage.append(canvas, found, tip);
  const details = element("div", "details");
  details.setAttribute("role", "status");
  const help = element("div", "help", HELP);
  help.id = "help";
  const noteLine = element("div", "note", note);
  const legend = element("div", "legend");
  const probe = element("div", "probe");
  box.append(bar, noteLine, stage, legend, details, help, probe);
  root.replaceChildren(box);
  return { box, search, found, buttons, note: noteLine, stage, canvas, tip, legend, details, help, probe };
}

/** Gives the elements the colours of `theme`. */
export function paintParts({ box }: Parts, theme: Theme): void {
  for (const name of ["ink", "ground", "line", "soft", "stripe", "selected"] as const) {
    box.style.setProperty(`--${name}`, theme[name]);
  }
  box.style.colorScheme = theme.dark ? "dark" : "light";
}

/** An element with text. Nothing is ever written as HTML. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  text = "",
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className !== "") made.className = className;
  if (text !== "") made.textContent = text;
  return made;
}
