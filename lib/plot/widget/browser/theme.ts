import { causeColor, CULPRIT_COLOR, SERIES_COLORS, VICTIM_COLOR } from "../../palette.ts";

/** Colours of the view, as CSS (`#rrggbb`). */
export interface Theme {
  readonly dark: boolean;
  readonly ground: string;
  readonly ink: string;
  /** Text of lesser weight. */
  readonly soft: string;
  readonly line: string;
  /** Behind lanes. */
  readonly stripe: string;
  /** By `State`. */
  readonly states: readonly string[];
  /** Where the trace does not say. */
  readonly hatch: string;
  /** For threads on CPUs, in turn. */
  readonly tints: readonly string[];
  /** A CPU's slice while another thread is selected. */
  readonly faded: string;
  readonly selected: string;
  readonly culprit: string;
}

/** A colour between `a` and `b`: `share` is that of `b`. */
export function mixed(a: string, b: string, share: number): string {
  const part = (color: string, at: number) => parseInt(color.slice(at, at + 2), 16);
  return "#" +
    [1, 3, 5].map((at) =>
      Math.round(part(a, at) * (1 - share) + part(b, at) * share).toString(16).padStart(2, "0")
    ).join("");
}

/** The view's colours on light and on dark. */
export function themeFor(dark: boolean): Theme {
  const ground = dark ? "#14171b" : "#ffffff";
  const ink = dark ? "#e6e8eb" : "#1b1f24";
  const stripe = dark ? "#1c2026" : "#f5f7f9";
  // The palette's tones are made for white; on a dark ground they are lit a little.
  const lit = (color: string) => dark ? mixed(color, "#ffffff", 0.18) : color;
  const faint = (color: string, share: number) => mixed(ground, color, share);
  return {
    dark,
    ground,
    ink,
    soft: dark ? "#9aa4af" : "#59636e",
    line: dark ? "#343a42" : "#d8dde3",
    stripe,
    states: [
      faint(causeColor("unknown"), dark ? 0.3 : 0.45),
      lit(VICTIM_COLOR),
      lit(causeColor("preempted")),
      lit(causeColor("queued")),
      faint(causeColor("asleep"), dark ? 0.35 : 0.25),
      lit(causeColor("steal")),
      faint(causeColor("asleep"), 0.7),
      ground,
    ],
    hatch: faint(causeColor("unknown"), dark ? 0.55 : 0.9),
    tints: SERIES_COLORS.slice(0, 7).map((color) => faint(color, dark ? 0.55 : 0.42)),
    faded: faint(ink, 0.14),
    selected: lit(VICTIM_COLOR),
    culprit: lit(CULPRIT_COLOR),
  };
}

/**
 * Whether what is behind `element` is dark: the first ground that is painted. Where none is, that of the page, which `probe` has: an element
 * whose background is the system colour `Canvas`.
 */
export function isDark(element: Element, probe: Element): boolean {
  for (let at: Element | null = element; at !== null; at = at.parentElement ?? hostOf(at)) {
    const dark = darkGround(at);
    if (dark !== undefined) return dark;
  }
  return darkGround(probe) ?? false;
}

function darkGround(element: Element): boolean | undefined {
  const color = getComputedStyle(element).backgroundColor;
  const found = /^rgba?\((\d+),\s*(\d+),\s*(\d+)(?:,\s*([\d.]+))?\)$/.exec(color);
  if (found === null || Number(found[4] ?? 1) < 0.5) return undefined;
  const [, red, green, blue] = found.map(Number);
  return 0.299 * red! + 0.587 * green! + 0.114 * blue! < 110;
}

function hostOf(element: Element): Element | null {
  const root = element.getRootNode();
  return root instanceof ShadowRoot ? root.host : null;
}
