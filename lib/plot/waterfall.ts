import { cutText, textWidth } from "../frame/text_width.ts";
import { visibleText } from "../frame/visible_text.ts";
import type { Figure } from "./figure.ts";
import { legend, legendRows } from "./legend.ts";
import { textColorOn } from "./palette.ts";
import { FONT_SIZE, Plot, plotFigure } from "./plot_figure.ts";
import { textPixels } from "./text_size.ts";
import { timeUnit } from "./time_ticks.ts";

/** A stretch of time in a lane. */
export interface WaterfallBar {
  /** Index of its lane. */
  readonly lane: number;
  /** ns. */
  readonly from: number;
  /** ns. */
  readonly to: number;
  /** What the legend calls it. */
  readonly kind: string;
  readonly color: string;
  /** Written into it where there is room. */
  readonly text: string;
}

/** An arrow from one lane to another. */
export interface WaterfallLink {
  /** ns. */
  readonly time: number;
  readonly from: number;
  readonly to: number;
}

/** What {@linkcode plotWaterfall} draws. */
export interface Waterfall {
  readonly width: number;
  /** The time shown, ns. */
  readonly from: number;
  readonly to: number;
  /** Name of each lane, from the top. */
  readonly lanes: readonly string[];
  readonly bars: readonly WaterfallBar[];
  readonly links: readonly WaterfallLink[];
  /** Of the axis, behind its unit. */
  readonly label: string;
  /** Where the axis has its 0, ns. */
  readonly zero: number;
  readonly alt: string;
  readonly caption?: string;
}

const LANE = 26;
const MARGIN_RIGHT = 16;
/** Most arrows: where there are more, one would not be told from the other. */
const MOST_LINKS = 200;

/** Lanes over time, with bars in them and arrows between them. */
export function plotWaterfall(waterfall: Waterfall): Figure {
  const { width, from, to, bars, zero, alt } = waterfall;
  const lanes = waterfall.lanes.map(visibleText);
  const marginLeft = Math.max(60, ...lanes.map((name) => textPixels(name))) + 12;
  const unit = timeUnit(to - from);
  const relative = (ns: number) => (ns - zero) / unit.ns;
  const pixels = (width - marginLeft - MARGIN_RIGHT) / Math.max(1, to - from);
  const drawn = merged(bars, 1 / pixels);
  const kinds = new Map(bars.map(({ kind, color }) => [kind, color]));
  const items = [...kinds].map(([label, color]) => ({ label, color }));
  const above = legendRows(items, width - marginLeft - MARGIN_RIGHT) * 18;
  const labels = drawn.flatMap((bar) => {
    const room = Math.floor(((bar.to - bar.from) * pixels - 6) / (FONT_SIZE * 0.6));
    const text = visibleText(bar.text);
    return text === "" || room < Math.min(4, textWidth(text)) ? [] : [{ ...bar, text: cutText(text, room) }];
  });
  const links = spread(waterfall.links, 3 / pixels);
  const domain = [...lanes.keys()];
  const height = above + lanes.length * LANE + 56;
  const few = links.length <= MOST_LINKS;
  const notes = [
    ...(waterfall.caption === undefined ? [] : [waterfall.caption]),
    ...(few ? [] : [`${waterfall.links.length.toLocaleString("en-US")} wakeups are too many for arrows.`]),
  ];
  return plotFigure({
    width,
    height,
    marginLeft,
    marginRight: MARGIN_RIGHT,
    marginTop: above + 10,
    marginBottom: 44,
    x: {
      domain: [relative(from), relative(Math.max(to, from + 1))],
      label: `${unit.name} ${waterfall.label} →`,
      labelAnchor: "right",
      labelArrow: "none",
      labelOffset: 38,
      ticks: Math.max(3, Math.floor((width - marginLeft) / 90)),
      grid: true,
    },
    y: { domain, label: null, padding: 0.2, tickSize: 0, tickFormat: (lane: number) => lanes[lane]! },
    alt,
    ...(notes.length === 0 ? {} : { caption: notes.join(" ") }),
    marks: [
      Plot.barX({ length: lanes.length }, {
        x1: lanes.map(() => relative(from)),
        x2: lanes.map(() => relative(to)),
        y: domain,
        fill: "currentColor",
        fillOpacity: 0.04,
      }),
      Plot.barX({ length: drawn.length }, {
        x1: drawn.map((bar) => relative(bar.from)),
        x2: drawn.map((bar) => relative(bar.to)),
        y: drawn.map(({ lane }) => lane),
        fill: drawn.map(({ color }) => color),
      }),
      Plot.text({ length: labels.length }, {
        x: labels.map((bar) => relative((bar.from + bar.to) / 2)),
        y: labels.map(({ lane }) => lane),
        text: labels.map(({ text }) => text),
        fill: labels.map(({ color }) => textColorOn(color)),
      }),
      few
        ? Plot.arrow({ length: links.length }, {
          x1: links.map(({ time }) => relative(time)),
          x2: links.map(({ time }) => relative(time)),
          y1: links.map((link) => link.from),
          y2: links.map((link) => link.to),
          stroke: "currentColor",
          strokeWidth: 1.2,
          headLength: 5,
          insetEnd: 7,
        })
        : null,
      items.length === 0 ? null : legend(items, 2),
    ],
  });
}

/** Neighbours in a lane that are narrower than `least` ns become one, of the colour that most of them have. */
function merged(bars: readonly WaterfallBar[], least: number): WaterfallBar[] {
  const out: WaterfallBar[] = [];
  const open = new Map<number, { bars: WaterfallBar[]; from: number; to: number }>();
  const close = (lane: number) => {
    const pile = open.get(lane);
    if (pile === undefined) return;
    open.delete(lane);
    const times = new Map<string, number>();
    for (const bar of pile.bars) times.set(bar.color, (times.get(bar.color) ?? 0) + bar.to - bar.from);
    const [color] = [...times].reduce((best, each) => each[1] > best[1] ? each : best);
    const { kind } = pile.bars.find((bar) => bar.color === color)!;
    out.push({ lane, from: pile.from, to: pile.to, kind, color, text: "" });
  };
  for (const bar of bars) {
    const pile = open.get(bar.lane);
    const wide = bar.to - bar.from >= least;
    if (pile !== undefined && (wide || bar.from - pile.to > least || pile.to - pile.from >= least)) {
      close(bar.lane);
    }
    if (wide) {
      const last = out.at(-1);
      // The same thread moved from CPU to CPU, or behind whom it waits is the same: one bar.
      if (
        last !== undefined && last.lane === bar.lane && last.color === bar.color && last.text === bar.text &&
        last.to === bar.from
      ) out[out.length - 1] = { ...last, to: bar.to };
      else out.push(bar);
      continue;
    }
    const now = open.get(bar.lane);
    if (now === undefined) open.set(bar.lane, { bars: [bar], from: bar.from, to: bar.to });
    else {
      now.bars.push(bar);
      now.to = bar.to;
    }
  }
  for (const lane of [...open.keys()]) close(lane);
  return out;
}

/** Of links between the same lanes that are nearer than `least` ns the first. */
function spread(links: readonly WaterfallLink[], least: number): WaterfallLink[] {
  const last = new Map<string, number>();
  return links.filter(({ time, from, to }) => {
    const key = `${from}>${to}`;
    if (time - (last.get(key) ?? -Infinity) < least) return false;
    last.set(key, time);
    return true;
  });
}
