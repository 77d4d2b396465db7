import { formatNs } from "../frame/format_ns.ts";
import type { Frame } from "../frame/frame.ts";
import { cutText, textWidth } from "../frame/text_width.ts";
import { visibleText } from "../frame/visible_text.ts";
import type { TaskNow, TopColumns } from "./top_tasks.ts";

/** What the tasks are sorted by. */
export type TopSort = "run" | "wait" | "delay" | "gap";

/** What one frame of the view shows. */
export interface TopSample {
  /** The tasks of the interval. */
  readonly tasks: Frame<TopColumns>;
  /** Wall-clock time of its end. */
  readonly at: Date;
  /** Its length, ns. */
  readonly dur: number;
  /** Records in it. */
  readonly events: number;
  /** Events lost in it. */
  readonly lost: number;
  /** Covered share of CPU-time, 0 to 1. */
  readonly coverage: number;
  /** CPUs that were followed. */
  readonly cpus: number;
  /** Kernel release. */
  readonly kernel: string;
  /** CPUs' worth of time that this program used itself. */
  readonly own: number;
  /** Threads of this program. */
  readonly ownTids: ReadonlySet<number>;
}

/** Options of {@linkcode topLines}. */
export interface TopViewOptions {
  /** What is above. */
  readonly sort: TopSort;
  /** Columns of the terminal. */
  readonly width: number;
  /** Most lines; what does not fit is left out. Default: no limit. */
  readonly height?: number;
  /** Whether the newest interval is not shown. Default false. */
  readonly paused?: boolean;
  /** Whether to write the sequences for reverse and dim text. Default false. */
  readonly styled?: boolean;
  /** The line of keys. Default: none. */
  readonly keys?: string;
}

/** Column of the frame that each order goes by. */
const SORT_COLUMN = { run: "run", wait: "wait", delay: "p99_delay", gap: "gap" } as const;

/** The tasks in the order `sort`, the largest first; those without a value last. */
export function sortTasks(tasks: Frame<TopColumns>, sort: TopSort): Frame<TopColumns> {
  const keys = tasks.column(SORT_COLUMN[sort]);
  const also = tasks.column("run");
  const key = (row: number) => Number.isNaN(keys[row]!) ? -1 : keys[row]!;
  const order = [...keys.keys()].sort((x, y) => key(y) - key(x) || also[y]! - also[x]!);
  return tasks.take(Uint32Array.from(order));
}

interface ViewColumn {
  readonly title: string;
  readonly width: number;
  /** Width that does where the terminal is narrow. Default: `width`. */
  readonly least?: number;
  readonly right?: boolean;
  /** Columns with the highest number go first where the terminal is narrow; 0 stays. */
  readonly drop: number;
  readonly sort?: TopSort;
  text(row: TaskRow): string;
}

type TaskRow = ReturnType<Frame<TopColumns>["row"]>;

const NOW: Readonly<Record<TaskNow, string>> = {
  running: "R",
  waiting: "W",
  asleep: "S",
  ended: "X",
  unknown: "?",
};

const time = (ns: number) => Number.isNaN(ns) ? "-" : formatNs(ns);

const COLUMNS: readonly ViewColumn[] = [
  { title: "TID", width: 7, right: true, drop: 0, text: ({ tid }) => String(tid) },
  { title: "NAME", width: 16, drop: 0, text: ({ comm }) => visibleText(comm) },
  { title: "S", width: 1, drop: 4, text: ({ now }) => NOW[now as TaskNow] },
  { title: "CPU", width: 3, right: true, drop: 6, text: ({ cpu }) => cpu < 0 ? "?" : String(cpu) },
  { title: "RUN", width: 8, right: true, drop: 0, sort: "run", text: ({ run }) => time(run) },
  { title: "WAIT", width: 8, right: true, drop: 1, sort: "wait", text: ({ wait }) => time(wait) },
  {
    title: "DELAY99",
    width: 8,
    right: true,
    drop: 5,
    sort: "delay",
    text: ({ p99_delay }) => time(p99_delay),
  },
  { title: "GAP", width: 8, right: true, drop: 0, sort: "gap", text: ({ gap }) => time(gap) },
  {
    title: "CAUSE",
    width: 9,
    drop: 2,
    text: ({ cause }) => cause === "nothing scheduled" ? "nothing" : cause,
  },
  {
    title: "CULPRIT",
    width: 24,
    least: 12,
    drop: 3,
    text: ({ culprit, culprit_tid }) =>
      culprit === "" ? "" : `${visibleText(culprit)}${culprit_tid < 0 ? "" : `[${culprit_tid}]`}`,
  },
  {
    title: "UNKNOWN",
    width: 8,
    right: true,
    drop: 7,
    text: ({ unknown }) => unknown > 0 ? time(unknown) : "",
  },
];

/** One picture of the view, line by line; none is wider than the terminal or holds a control character of a task's name. */
export function topLines(sample: TopSample, options: TopViewOptions): string[] {
  const { sort, width, height = Infinity, paused = false, styled = false, keys } = options;
  const { tasks, ownTids } = sample;
  const head = headLines(sample, sort, paused).map((line) => cutText(line, width));
  const columns = fitting(width);
  const foot = keys === undefined ? [] : [cutText(keys, width)];
  const title = columns.map((column) =>
    cell(column, column.sort === sort ? `${column.title}▾` : column.title)
  )
    .join(" ");
  const room = Math.max(0, height - head.length - foot.length - 1);
  const shown = Math.min(tasks.length, room);
  const sorted = sortTasks(tasks, sort);
  const lines = [...head, style(cutText(title.padEnd(styled ? width : 0), width), styled ? "7" : "")];
  for (let row = 0; row < shown; row++) {
    const task = sorted.row(row);
    const own = ownTids.has(task.tid);
    const marked = own ? { ...task, comm: `*${task.comm}` } : task;
    const line = cutText(columns.map((column) => cell(column, column.text(marked))).join(" "), width);
    lines.push(styled ? style(line, own ? "2" : "") : line.trimEnd());
  }
  if (Number.isFinite(height)) { while (lines.length < height - foot.length) lines.push(""); }
  return [...lines, ...foot].slice(0, height);
}

function headLines(sample: TopSample, sort: TopSort, paused: boolean): string[] {
  const { tasks, at, dur, events, lost, coverage, cpus, kernel, own } = sample;
  const sum = (column: "run" | "wait" | "unknown") =>
    tasks.column(column).reduce((total, each) => total + each, 0) / (dur || 1);
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map((n) => String(n).padStart(2, "0"))
    .join(":");
  const ran = tasks.column("run").reduce((count, run) => count + (run > 0 ? 1 : 0), 0);
  const waited = tasks.column("wait").reduce((count, wait) => count + (wait > 0 ? 1 : 0), 0);
  const rate = Math.round(events / ((dur || 1) / 1e9)).toLocaleString("en-US");
  return [
    `schedscope top ${clock}, ${paused ? "PAUSED, " : ""}the last ${formatNs(dur)} by ${sort}; ${
      visibleText(kernel)
    }`,
    `${sum("run").toFixed(2)} of ${cpus} CPUs ran ${ran} threads; ${waited} waited, ${
      sum("wait").toFixed(2)
    } at a time`,
    `${rate} events/s, ${lost} lost, coverage ${(coverage * 100).toFixed(1)} %; own (*) ${
      (own * 100).toFixed(1)
    } % of a CPU`,
  ];
}

/** The columns that a terminal of `width` has room for. */
function fitting(width: number): ViewColumn[] {
  const columns = COLUMNS.map((column) => ({ ...column, width: column.least ?? column.width }));
  const used = () => columns.reduce((sum, column) => sum + column.width + 1, -1);
  while (used() > width) {
    const worst = columns.reduce((most, column, i) => column.drop > columns[most]!.drop ? i : most, 0);
    if (columns[worst]!.drop === 0) break;
    columns.splice(worst, 1);
  }
  for (const column of columns) {
    const wanted = COLUMNS.find(({ title }) => title === column.title)!.width;
    column.width += Math.max(0, Math.min(wanted - column.width, width - used()));
  }
  return columns;
}

function cell({ width, right }: ViewColumn, text: string): string {
  const cut = cutText(text, width);
  const padding = " ".repeat(Math.max(0, width - textWidth(cut)));
  return right === true ? padding + cut : cut + padding;
}

function style(line: string, code: string): string {
  return code === "" ? line : `\x1b[${code}m${line}\x1b[m`;
}
