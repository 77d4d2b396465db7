import { DictColumn } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import { gather, type Trace } from "../trace/trace.ts";
import { cpuOccupancy, sliceAt } from "./cpu_occupancy.ts";
import { withinSpan } from "./within_span.ts";

/** Columns of {@linkcode runs}. */
export type RunColumns = {
  cpu: Uint16Array;
  /** Switch-in, ns since the epoch. */
  ts: Float64Array;
  /** ns until the CPU switched to another thread. */
  dur: Float64Array;
  /** Thread; 0 is idle, -1 where a hole hides who it was. */
  tid: Int32Array;
  /** Its name; empty where a hole hides who it was. */
  comm: DictColumn;
  /** The kernel's priority: -1 deadline, 0 to 99 rt, 100 to 139 fair. */
  prio: Int32Array;
  /** 1 where the slice is cut by the window or by a hole. */
  censored: Uint8Array;
};

/** Options of {@linkcode runs}. */
export interface RunsOptions {
  /** Only what lies after this, ns since the epoch. Default: the trace's first event. */
  from?: number;
  /** Only what lies before this, ns since the epoch. Default: the trace's last event. */
  to?: number;
}

/**
 * Every run slice: which thread a CPU ran from when to when, sorted by CPU, then time. Needs `sched:sched_switch`.
 *
 * Slices that reach out of the window are cut at its edges and marked; so is a CPU's last one, whose end was not recorded.
 */
export function runs(trace: Trace, options: RunsOptions = {}): Frame<RunColumns> {
  if (trace.context !== undefined) return runs(trace.context, withinSpan(trace, options));
  trace.requireEvent("runs", "sched:sched_switch");
  const { from = trace.span.from, to = trace.span.to } = options;
  const occupancy = cpuOccupancy(trace.stream);
  const ranges = occupancy.map((slices) => {
    const first = Math.max(0, sliceAt(slices, from));
    let end = Math.max(first, sliceAt(slices, to) + 1);
    while (end > first && slices.ts[end - 1]! >= to) end--;
    return { first, end };
  });
  const rows = ranges.reduce((sum, range) => sum + range.end - range.first, 0);
  const cpu = new Uint16Array(rows);
  const ts = new Float64Array(rows);
  const dur = new Float64Array(rows);
  const tid = new Int32Array(rows);
  const censored = new Uint8Array(rows);
  const source = new Uint32Array(rows);
  let row = 0;
  occupancy.forEach((slices, on) => {
    const { first, end } = ranges[on]!;
    for (let i = first; i < end; i++) {
      const begin = slices.ts[i]!;
      const finish = slices.ts[i + 1] ?? Infinity;
      cpu[row] = on;
      ts[row] = Math.max(from, begin);
      dur[row] = Math.min(to, finish) - ts[row]!;
      const whole = slices.tid[i] === slices.last[i];
      tid[row] = whole ? slices.tid[i]! : -1;
      censored[row] = begin < from || finish > to || !whole ? 1 : 0;
      source[row++] = slices.row[i]!;
    }
  });
  const { switches } = trace;
  return new Frame<RunColumns>({
    cpu,
    ts,
    dur,
    tid,
    comm: () => {
      const comm = switches.column("next_comm");
      const codes = new Uint32Array(rows);
      for (let i = 0; i < rows; i++) {
        codes[i] = tid[i] === -1 ? comm.dictionary.length : comm.codes[source[i]!]!;
      }
      return new DictColumn(codes, [...comm.dictionary, ""]);
    },
    prio: () => gather(switches.column("next_prio"), source),
    censored,
  }, rows);
}
