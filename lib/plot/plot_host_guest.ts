import type { Columns, DictColumn, NumericColumn } from "../frame/column.ts";
import { formatNs } from "../frame/format_ns.ts";
import type { Frame } from "../frame/frame.ts";
import { cutText } from "../frame/text_width.ts";
import { visibleText } from "../frame/visible_text.ts";
import type { Figure } from "./figure.ts";
import { legend, type LegendItem, legendRows } from "./legend.ts";
import { textColorOn } from "./palette.ts";
import { DEFAULT_WIDTH, emptyFigure, Plot, plotFigure } from "./plot_figure.ts";
import { textPixels } from "./text_size.ts";
import { timeUnit } from "./time_ticks.ts";

/** Columns that {@linkcode plotHostGuest} reads; `states()` of what `mergeHostGuest` gives has them. Times are ns. */
export type PlotHostGuestColumns = Columns & {
  level: DictColumn;
  tid: NumericColumn;
  comm: DictColumn;
  vcpu: NumericColumn;
  cpu: NumericColumn;
  ts: NumericColumn;
  dur: NumericColumn;
  state: DictColumn;
  culprit: DictColumn;
};

/** Options of {@linkcode plotHostGuest}. */
export interface PlotHostGuestOptions {
  /** Most threads of the guest: those that ran and waited most. Default 12. */
  limit?: number;
  /** Width, px. Default 860. */
  width?: number;
}

/** What a slice is drawn as. */
interface Look extends LegendItem {
  readonly states: readonly string[];
}

const HOST_WAIT = [
  "vcpu_preempted",
  "vcpu_queued",
  "vcpu_throttled",
  "vcpu_forced_idle",
  "vcpu_migrated",
  "vcpu_waking",
  "vcpu_irq",
  "vcpu_softirq",
  "vcpu_offline",
];

/** In the order of the legend. Sleep in the guest is not drawn. */
const LOOKS: readonly Look[] = [
  { label: "runs", color: "#0072b2", states: ["run"] },
  { label: "waits in the guest's queue, its vCPU runs", color: "#e69f00", states: ["guest_queued"] },
  { label: "the vCPU waits on the host", color: "#d55e00", states: HOST_WAIT },
  { label: "on the guest's CPU, but the vCPU waits on the host", color: "#cc79a7", states: ["stolen"] },
  {
    label: "the vCPU sleeps on the host",
    color: "#9aa0a6",
    states: ["vcpu_halted", "vcpu_blocked", "paused"],
  },
  { label: "unknown", color: "#9aa0a6", opacity: 0.3, states: ["unknown"] },
];
const LOOK_OF = new Map(LOOKS.flatMap(({ states }, look) => states.map((state) => [state, look])));

/** More rows than this are drawn by pixel, each in the colour of what took most of it. */
const MANY = 4000;
const PIXEL = 2;
const LANE = 26;
const LABEL_SIZE = 11;

/** One bar of the figure. */
interface Slice {
  readonly lane: number;
  readonly from: number;
  readonly to: number;
  readonly look: number;
  readonly label: string;
}

/**
 * A guest's threads below its vCPUs on one clock: above what each vCPU's thread did on the host, with the CPU that it ran on or who kept it from it,
 * below what each thread of the guest did and, where it waited, whether its vCPU ran. Time in which a thread slept in the guest is empty.
 */
export function plotHostGuest<C extends PlotHostGuestColumns>(
  states: Frame<C>,
  options: PlotHostGuestOptions = {},
): Figure {
  const { width = DEFAULT_WIDTH, limit = 12 } = options;
  const { lanes, hidden, slices, coarse, from, to } = slicesOf(states, limit, width);
  if (slices.length === 0) return emptyFigure("Neither a vCPU nor a thread of the guest was seen.", width);
  const { name: unit, ns } = timeUnit(to - from);
  const marginLeft = Math.min(width / 3, Math.max(...lanes.map(({ name }) => textPixels(name))) + 12);
  const used = LOOKS.filter((_, look) => slices.some((slice) => slice.look === look));
  const items = used.map(({ states: _, ...look }) => look);
  const above = legendRows(items, width - marginLeft - 16) * 18 + 10;
  const x = (time: number) => (time - from) / ns;
  const scale = (width - marginLeft - 16) / Math.max(1, to - from);
  const labelled = slices.filter(({ label, from: a, to: b }) =>
    label !== "" && textPixels(label, LABEL_SIZE) + 6 < (b - a) * scale
  );
  const notes = [
    ...(hidden > 0 ? [`${hidden} more threads of the guest are not shown.`] : []),
    ...(coarse
      ? ["Each pixel has the colour of what took most of its time: show less time to see each slice."]
      : []),
  ];
  const color = ({ look }: Slice) => LOOKS[look]!.color;
  return plotFigure({
    width,
    height: above + lanes.length * LANE + 46,
    marginLeft,
    marginRight: 16,
    marginTop: above,
    marginBottom: 40,
    x: {
      domain: [0, x(to)],
      label: `${unit} since the first shown →`,
      labelAnchor: "right",
      labelArrow: "none",
    },
    y: { type: "band", domain: lanes.keys(), axis: null, padding: 0.2 },
    alt: `vCPUs of a guest on its host and the guest's threads over ${formatNs(to - from)}. ` +
      lanes.slice(0, 12).map(({ name }, lane) => `${name}: ${inWords(slices, lane)}`).join("; "),
    ...(notes.length > 0 ? { caption: notes.join(" ") } : {}),
    marks: [
      Plot.ruleY(lanes.keys(), { stroke: "currentColor", strokeOpacity: 0.12 }),
      Plot.barX({ length: slices.length }, {
        x1: slices.map((slice) => x(slice.from)),
        x2: slices.map((slice) => x(slice.to)),
        y: slices.map(({ lane }) => lane),
        fill: slices.map(color),
        fillOpacity: { value: slices.map(({ look }) => LOOKS[look]!.opacity ?? 1), scale: null },
      }),
      Plot.text({ length: labelled.length }, {
        x: labelled.map((slice) => x((slice.from + slice.to) / 2)),
        y: labelled.map(({ lane }) => lane),
        text: labelled.map(({ label }) => label),
        fill: labelled.map((slice) => textColorOn(color(slice))),
        fontSize: LABEL_SIZE,
      }),
      Plot.text({ length: lanes.length }, {
        y: [...lanes.keys()],
        text: lanes.map(({ name }) => name),
        frameAnchor: "left",
        textAnchor: "end",
        dx: -6,
      }),
      legend(items, 2),
    ],
  });
}

interface Lane {
  readonly key: string;
  readonly name: string;
  readonly guest: boolean;
  /** ns that it ran and waited. */
  active: number;
}

function slicesOf(
  states: Frame<PlotHostGuestColumns>,
  limit: number,
  width: number,
): { lanes: Lane[]; hidden: number; slices: Slice[]; coarse: boolean; from: number; to: number } {
  const level: DictColumn = states.column("level");
  const state: DictColumn = states.column("state");
  const comm: DictColumn = states.column("comm");
  const culprit: DictColumn = states.column("culprit");
  const number = (name: "tid" | "vcpu" | "cpu" | "ts" | "dur") => states.column(name) as NumericColumn;
  const [tid, vcpu, cpu, ts, dur] = [
    number("tid"),
    number("vcpu"),
    number("cpu"),
    number("ts"),
    number("dur"),
  ];
  const known = new Map<string, Lane>();
  const keyOf = (row: number) => `${level.at(row)} ${tid[row]}`;
  let from = Infinity;
  let to = -Infinity;
  for (let row = 0; row < states.length; row++) {
    const key = keyOf(row);
    let lane = known.get(key);
    if (lane === undefined) {
      const guest = level.at(row) !== "vcpu";
      const name = guest
        ? `${cutText(visibleText(comm.at(row)), width < 700 ? 10 : 18)} [${tid[row]}]`
        : `vCPU ${vcpu[row]} on the host`;
      known.set(key, lane = { key, name, guest, active: 0 });
    }
    from = Math.min(from, ts[row]!);
    to = Math.max(to, ts[row]! + dur[row]!);
    if ((LOOK_OF.get(state.at(row)) ?? 5) < 5) lane.active += dur[row]!;
  }
  const guests = [...known.values()].filter(({ guest, active }) => guest && active > 0);
  const kept = new Set(guests.toSorted((a, b) => b.active - a.active).slice(0, limit));
  const lanes = [...known.values()].filter((lane) => !lane.guest || kept.has(lane));
  const index = new Map(lanes.map(({ key }, i) => [key, i]));
  const slices: Slice[] = [];
  for (let row = 0; row < states.length; row++) {
    const lane = index.get(keyOf(row));
    const look = LOOK_OF.get(state.at(row));
    if (lane === undefined || look === undefined) continue;
    const label = lanes[lane]!.guest ? "" : look === 0 ? `CPU ${cpu[row]}` : visibleText(culprit.at(row));
    slices.push({ lane, from: ts[row]!, to: ts[row]! + dur[row]!, look, label });
  }
  const coarse = slices.length > MANY;
  const drawn = coarse ? byPixel(slices, lanes.length, from, to, width) : slices;
  return { lanes, hidden: guests.length - kept.size, slices: drawn, coarse, from, to };
}

/** One slice for each stretch of pixels in which the same took most of the time; nothing where nothing did. */
function byPixel(slices: readonly Slice[], lanes: number, from: number, to: number, width: number): Slice[] {
  const pixels = Math.floor(width / PIXEL);
  const each = (to - from) / pixels;
  const looks = LOOKS.length;
  const time = new Float64Array(lanes * pixels * looks);
  for (const slice of slices) {
    const last = Math.min(pixels - 1, Math.floor((slice.to - from) / each));
    for (let pixel = Math.floor((slice.from - from) / each); pixel <= last; pixel++) {
      const a = Math.max(slice.from, from + pixel * each);
      const b = Math.min(slice.to, from + (pixel + 1) * each);
      time[(slice.lane * pixels + pixel) * looks + slice.look]! += Math.max(0, b - a);
    }
  }
  const found: Slice[] = [];
  for (let lane = 0; lane < lanes; lane++) {
    for (let pixel = 0, look = -1, begun = 0; pixel <= pixels; pixel++) {
      const at = (lane * pixels + pixel) * looks;
      let most = -1;
      for (let i = 0; i < looks && pixel < pixels; i++) {
        if (time[at + i]! > each / 20 && (most < 0 || time[at + i]! > time[at + most]!)) most = i;
      }
      if (most === look && pixel < pixels) continue;
      if (look >= 0) {
        found.push({ lane, from: from + begun * each, to: from + pixel * each, look, label: "" });
      }
      [look, begun] = [most, pixel];
    }
  }
  return found;
}

function inWords(slices: readonly Slice[], lane: number): string {
  const sums = LOOKS.map(() => 0);
  for (const slice of slices) if (slice.lane === lane) sums[slice.look]! += slice.to - slice.from;
  return LOOKS.flatMap(({ label }, look) => sums[look]! > 0 ? [`${label} ${formatNs(sums[look]!)}`] : [])
    .join(", ");
}
