/** Bytes that perf gives a thread's name with its ids, `comm[tid/pid]`; what is longer is cut. */
const LONGEST_NAME = 31;
/** Bytes of the name's column at least. */
const NAME_COLUMN = 30;

/** A thread as perf prints it; tid is undefined where it prints only a name. */
export interface PrintedThread {
  /** Thread; -1 where perf did not know either, as for the last run of one that ends. */
  readonly tid: number | undefined;
  /** Process; -1 where it is not told. */
  readonly pid: number;
  /** Name, or `<idle>`. */
  readonly comm: string;
}

/** A line of `perf sched timehist`. Times are what is printed: microseconds. */
export type TimehistLine =
  & { readonly seconds: number; readonly us: number; readonly cpu: number }
  & (
    | {
      readonly kind: "run";
      readonly thread: PrintedThread;
      /** Sched delay and run time in ns. */
      readonly delay: number;
      readonly run: number;
      /** Letter of `--state`; empty without. */
      readonly state: string;
      /** The thread of `-n`. */
      readonly next: PrintedThread | undefined;
    }
    | { readonly kind: "wakeup"; readonly thread: PrintedThread; readonly woken: PrintedThread }
    | {
      readonly kind: "migration";
      readonly thread: PrintedThread;
      readonly moved: PrintedThread;
      readonly from: number;
      readonly to: number;
    }
    | { readonly kind: "lost"; readonly count: number }
  );

/** Columns between the CPU and the name: two blanks, and with `-V` a column for each CPU. Told by the line of dashes. */
export function nameGap(dashes: string): number | undefined {
  const groups = [...dashes.matchAll(/-+/g)];
  const state = groups.at(-1)?.[0].length === 5 ? 1 : 0;
  const name = groups[groups.length - state - 4];
  const cpu = groups[1];
  if (name === undefined || cpu === undefined || name.index <= cpu.index || name[0].length < NAME_COLUMN) {
    return undefined;
  }
  return name.index - cpu.index - cpu[0].length;
}

const HEAD = /^ *(\d{1,10})\.(\d{6}) \[(\d{4,5})\]/;
const LOST = /^ *(\d{1,10})\.(\d{6}) lost (\d{1,9}) events on cpu (\d{1,5})\s*$/;
const RUN =
  /^ +\d{1,12}\.\d{3} +(\d{1,12})\.(\d{3}) +(\d{1,12})\.(\d{3})(?: +([A-Za-z])(?= |$))?(?: +next: (.*?))? *$/s;
const WAKEUP = /^ {20,}awakened: (.*?) *$/s;
const MIGRATION = /^ {20,}migrated: (.*) cpu (\d{1,5}) => (\d{1,5}) *$/s;

/**
 * Takes a line apart, in which each character is a byte; undefined where it is none. The name's column has a fixed start and
 * least width, and no name is longer than that by more than a byte: so what a name holds does not matter.
 */
export function parseTimehistLine(line: string, gap: number): TimehistLine | undefined {
  const head = HEAD.exec(line);
  if (head === null) {
    const lost = LOST.exec(line);
    if (lost === null || Number(lost[4]) > 0xffff) return undefined;
    return {
      kind: "lost",
      seconds: Number(lost[1]),
      us: Number(lost[2]),
      cpu: Number(lost[4]),
      count: Number(lost[3]),
    };
  }
  const at = { seconds: Number(head[1]), us: Number(head[2]), cpu: Number(head[3]) };
  if (at.cpu > 0xffff) return undefined;
  let start = head[0].length + gap;
  // With -V perf puts migrations too far right, by a column for the CPUs and one for the name.
  const migrated = gap > 2 && line.includes(" migrated: ");
  for (let column = 0; column < 2 && migrated && line[start] === " "; column++) start++;
  for (const width of [NAME_COLUMN, LONGEST_NAME]) {
    const rest = line.slice(start + width);
    const thread = parseThread(line.slice(start, start + width).trimEnd(), LONGEST_NAME);
    if (thread === undefined) return undefined;
    const run = RUN.exec(rest);
    if (run !== null) {
      return {
        ...at,
        kind: "run",
        thread,
        delay: (Number(run[1]) * 1000 + Number(run[2])) * 1000,
        run: (Number(run[3]) * 1000 + Number(run[4])) * 1000,
        state: run[5] ?? "",
        // perf has 29 bytes for "next: " and the name.
        next: run[6] === undefined ? undefined : parseThread(run[6], 29 - 6),
      };
    }
    const wakeup = WAKEUP.exec(rest);
    const woken = wakeup === null ? undefined : parseThread(wakeup[1]!, LONGEST_NAME);
    if (woken !== undefined) return { ...at, kind: "wakeup", thread, woken };
    const migration = MIGRATION.exec(rest);
    const moved = migration === null ? undefined : parseThread(migration[1]!, LONGEST_NAME);
    if (moved !== undefined) {
      return {
        ...at,
        kind: "migration",
        thread,
        moved,
        from: Number(migration![2]),
        to: Number(migration![3]),
      };
    }
  }
  return undefined;
}

/** `comm[tid]`, `comm[tid/pid]`, the same cut at `most` bytes, `<idle>`, `:tid`, or a name alone. */
export function parseThread(text: string, most: number): PrintedThread | undefined {
  if (text === "") return undefined;
  if (text === "<idle>" || text === "swapper") return { tid: 0, pid: 0, comm: text };
  const found = /^(.*)\[(-1|\d{1,9})(?:\/(-1|\d{1,9}))?(\])?$/s.exec(text);
  if (found !== null && (found[4] !== undefined || text.length >= most)) {
    const tid = Number(found[2]);
    return { tid, pid: found[3] === undefined ? tid : Number(found[3]), comm: found[1]! };
  }
  const unnamed = /^:(\d{1,9})$/.exec(text);
  return { tid: unnamed === null ? undefined : Number(unnamed[1]), pid: -1, comm: text };
}
