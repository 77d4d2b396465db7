/**
 * One colour for each cause of a gap, the same in every figure.
 *
 * Okabe and Ito's palette with additions, chosen to stay apart under the common colour blindnesses and to be seen on
 * white and on near-black; figures also name what they show, so that no colour is the only carrier.
 */
export const CAUSE_COLORS: Readonly<Record<string, string>> = {
  "preempted": "#d55e00",
  "queued": "#e69f00",
  "migrated": "#009e73",
  "waking": "#327e3e",
  "asleep": "#747474",
  "irq": "#0072b2",
  "softirq": "#56b4e9",
  "steal": "#ce79a7",
  "throttled": "#882255",
  "forced idle": "#78c369",
  "offline": "#5a4b00",
  "nothing scheduled": "#6e4ddf",
  "unknown": "#b8b8b8",
};

/** The order in which causes are stacked and listed. */
export const CAUSE_ORDER: readonly string[] = Object.keys(CAUSE_COLORS);

/** Colours for series that are no causes (kinds, thread groups), in order. */
export const SERIES_COLORS: readonly string[] = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#7b61c9",
  "#8c8c8c",
];

/** The thread whose gap it is. */
export const VICTIM_COLOR = "#0072b2";
/** The thread that took its time. */
export const CULPRIT_COLOR = "#d55e00";
/** All other threads. */
export const OTHERS_COLOR = "#9aa0a6";

/** The colour of `cause`; that of `unknown` for a cause that the palette does not name. */
export function causeColor(cause: string): string {
  return Object.hasOwn(CAUSE_COLORS, cause) ? CAUSE_COLORS[cause]! : CAUSE_COLORS["unknown"]!;
}

/** Black or white, whichever is read better on `color` (`#rrggbb`), by the contrast ratio of WCAG 2. */
export function textColorOn(color: string): "#000000" | "#ffffff" {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const channel = parseInt(color.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
  return 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 ? "#ffffff" : "#000000";
}
