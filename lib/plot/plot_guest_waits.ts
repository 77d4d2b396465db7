import type { DictColumn, NumericColumn } from "../frame/column.ts";
import { formatNs } from "../frame/format_ns.ts";
import type { Frame } from "../frame/frame.ts";
import { cutText } from "../frame/text_width.ts";
import { visibleText } from "../frame/visible_text.ts";
import type { Figure } from "./figure.ts";
import { legend, type LegendItem, legendRows } from "./legend.ts";
import { DEFAULT_WIDTH, emptyFigure, Plot, plotFigure } from "./plot_figure.ts";
import { textPixels } from "./text_size.ts";
import { timeUnit } from "./time_ticks.ts";

/** Columns that {@linkcode plotGuestWaits} reads: `threads` of what `mergeHostGuest` gives. Times are ns. */
export type PlotGuestWaitsColumns = {
  tid: NumericColumn;
  comm: DictColumn;
  guest_queued: NumericColumn;
  vcpu_preempted: NumericColumn;
  vcpu_queued: NumericColumn;
  vcpu_throttled: NumericColumn;
  vcpu_forced_idle: NumericColumn;
  vcpu_migrated: NumericColumn;
  vcpu_waking: NumericColumn;
  vcpu_irq: NumericColumn;
  vcpu_softirq: NumericColumn;
  vcpu_offline: NumericColumn;
  vcpu_halted: NumericColumn;
  vcpu_blocked: NumericColumn;
  wait: NumericColumn;
};

/** Options of {@linkcode plotGuestWaits}. */
export interface PlotGuestWaitsOptions {
  /** Most threads: those that waited longest. Default 16. */
  limit?: number;
  /** Width, px. Default 860. */
  width?: number;
}

type PartColumn = Exclude<keyof PlotGuestWaitsColumns, "tid" | "comm" | "wait">;

interface PartLook extends LegendItem {
  readonly columns: readonly PartColumn[];
}

/** In the order in which they are stacked: what the guest's scheduler did, then the host's. */
const PARTS: readonly PartLook[] = [
  { label: "guest's run queue", color: "#e69f00", columns: ["guest_queued"] },
  { label: "vCPU preempted on the host", color: "#d55e00", columns: ["vcpu_preempted"] },
  { label: "vCPU queued on the host", color: "#882255", columns: ["vcpu_queued"] },
  { label: "vCPU throttled", color: "#5a4b00", columns: ["vcpu_throttled"] },
  { label: "vCPU forced idle", color: "#78c369", columns: ["vcpu_forced_idle"] },
  {
    label: "vCPU waking, moved, offline",
    color: "#009e73",
    columns: ["vcpu_waking", "vcpu_migrated", "vcpu_offline"],
  },
  { label: "interrupts of the host", color: "#0072b2", columns: ["vcpu_irq", "vcpu_softirq"] },
  { label: "vCPU asleep", color: "#9aa0a6", columns: ["vcpu_halted", "vcpu_blocked"] },
  { label: "unknown", color: "#9aa0a6", opacity: 0.3, columns: [] },
];

/**
 * What the waits of each of a guest's threads were made of: a bar for each thread, of the time that it was runnable in the guest and did not
 * run, split by what its vCPU did on the host meanwhile. Whoever waited longest comes first.
 */
export function plotGuestWaits<C extends PlotGuestWaitsColumns>(
  threads: Frame<C>,
  options: PlotGuestWaitsOptions = {},
): Figure {
  const { width = DEFAULT_WIDTH, limit = 16 } = options;
  const wait = threads.column("wait") as NumericColumn;
  const tid = threads.column("tid") as NumericColumn;
  const comm: DictColumn = threads.column("comm");
  const rows = Array.from({ length: threads.length }, (_, row) => row).filter((row) => wait[row]! > 0);
  rows.sort((a, b) => wait[b]! - wait[a]!);
  const hidden = Math.max(0, rows.length - limit);
  rows.length = Math.min(rows.length, limit);
  if (rows.length === 0) return emptyFigure("No thread of the guest waited.", width);
  const partsOf = (row: number) => {
    const parts = PARTS.map(({ columns }) =>
      columns.reduce((sum, name) => sum + (threads.column(name) as NumericColumn)[row]!, 0)
    );
    parts[PARTS.length - 1] = Math.max(0, wait[row]! - parts.reduce((sum, part) => sum + part, 0));
    return parts;
  };
  const parts = rows.map(partsOf);
  const { name: unit, ns } = timeUnit(wait[rows[0]!]!);
  const slices = parts.flatMap((own, bar) => {
    let from = 0;
    return own.map((part, look) => ({ bar, look, from, to: from += part })).filter(({ from, to }) =>
      to > from
    );
  });
  const used = PARTS.filter((_, look) => parts.some((own) => own[look]! > 0));
  const items = used.map(({ columns: _, ...look }) => look);
  const names = rows.map((row) =>
    `${cutText(visibleText(comm.at(row)), width < 700 ? 12 : 22)} [${tid[row]}]`
  );
  const ends = rows.map((row, bar) => {
    const host = parts[bar]!.slice(1, 7).reduce((sum, part) => sum + part, 0);
    return `${formatNs(wait[row]!)}, ${Math.round(host / wait[row]! * 100)} % the host's`;
  });
  const marginLeft = Math.min(width / 3, Math.max(...names.map((name) => textPixels(name)))) + 10;
  const marginRight = Math.min(width / 3, Math.max(...ends.map((text) => textPixels(text)))) + 12;
  const above = legendRows(items, width - marginLeft - marginRight) * 18;
  return plotFigure({
    width,
    height: above + rows.length * 22 + 50,
    marginLeft,
    marginRight,
    marginTop: above + 8,
    marginBottom: 40,
    x: {
      domain: [0, wait[rows[0]!]! / ns],
      ticks: width - marginLeft - marginRight < 260 ? 3 : 6,
      label: `runnable in the guest and not running, ${unit} →`,
      labelAnchor: "right",
      labelArrow: "none",
      labelOffset: 34,
    },
    y: {
      domain: [...rows.keys()],
      label: null,
      tickSize: 0,
      padding: 0.2,
      tickFormat: (bar: number) => names[bar]!,
    },
    alt: "Waits of a guest's threads by what their vCPU did. " +
      rows.slice(0, 8).map((row, bar) =>
        `${names[bar]} waited ${formatNs(wait[row]!)}: ` +
        PARTS.flatMap(({ label }, look) =>
          parts[bar]![look]! > 0 ? [`${label} ${formatNs(parts[bar]![look]!)}`] : []
        )
          .join(", ")
      ).join("; "),
    ...(hidden === 0
      ? {}
      : { caption: `${hidden.toLocaleString("en-US")} more that waited less are not shown.` }),
    marks: [
      Plot.barX({ length: slices.length }, {
        x1: slices.map(({ from }) => from / ns),
        x2: slices.map(({ to }) => to / ns),
        y: slices.map(({ bar }) => bar),
        fill: slices.map(({ look }) => PARTS[look]!.color),
        fillOpacity: { value: slices.map(({ look }) => PARTS[look]!.opacity ?? 1), scale: null },
      }),
      Plot.text({ length: rows.length }, {
        x: rows.map((row) => wait[row]! / ns),
        y: [...rows.keys()],
        text: ends,
        textAnchor: "start",
        dx: 6,
      }),
      legend(items, 2),
    ],
  });
}
