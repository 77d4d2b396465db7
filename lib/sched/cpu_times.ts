import type { Trace } from "../trace/trace.ts";
import { cpuOccupancy, type CpuSlices, sliceAt } from "./cpu_occupancy.ts";
import { schedClass } from "./gap_cause.ts";
import { ThreadIndex } from "./timehist/thread_index.ts";

/** What ran on a CPU during a slice. */
export const Ran = {
  /** A hole hides who. */
  Hidden: 0,
  /** The idle task. */
  Idle: 1,
  /** A stopper, `migration/N`. */
  Stop: 2,
  Deadline: 3,
  Rt: 4,
  Fair: 5,
  /** A thread whose class the trace does not tell. */
  Other: 6,
} as const;

/** How many numbers {@linkcode Ran} has. */
export const RAN_KINDS = 7;

/** Numbers for each slice in {@linkcode CpuTimes.before}: one more than there are kinds, so that they lie in one cache line. */
const STRIDE = 8;

const KIND = {
  stop: Ran.Stop,
  deadline: Ran.Deadline,
  rt: Ran.Rt,
  fair: Ran.Fair,
  idle: Ran.Idle,
  "": Ran.Other,
};

/** Who ran on one CPU, and how long each class did until each slice. */
export interface CpuTimes extends CpuSlices {
  /** {@linkcode Ran} of each slice. */
  readonly ran: Uint8Array;
  /** A number of the slice's thread, from 0 on, the same on all CPUs. */
  readonly who: Uint32Array;
  /** The last slice up to each in which the CPU idled; -1 where there is none. */
  readonly lastIdle: Int32Array;
  /** For each slice eight numbers: by {@linkcode Ran}, ns that it ran before. Sums of whole ns are exact. */
  readonly before: Float64Array;
}

const KNOWN = new WeakMap<Trace, { readonly cpus: readonly CpuTimes[]; readonly threads: number }>();

/** The slices of every CPU of `trace`, by CPU number, and how many threads there are. Made once for a trace. */
export function cpuTimes(trace: Trace): { readonly cpus: readonly CpuTimes[]; readonly threads: number } {
  const known = KNOWN.get(trace);
  if (known !== undefined) return known;
  const stop = stopClass(trace);
  const prio = prioritiesOf(trace);
  const index = new ThreadIndex();
  const cpus = cpuOccupancy(trace.stream).map((slices): CpuTimes => {
    const { ts, tid, last, row } = slices;
    const ran = new Uint8Array(ts.length);
    const who = new Uint32Array(ts.length);
    const before = new Float64Array(ts.length * STRIDE);
    const lastIdle = new Int32Array(ts.length);
    const sum = new Float64Array(RAN_KINDS);
    const end = trace.span.to;
    for (let i = 0; i < ts.length; i++) {
      const thread = tid[i]!;
      const found = index.find(thread);
      who[i] = found < 0 ? index.add(thread) : found;
      const kind = last[i] !== thread
        ? Ran.Hidden
        : thread === 0
        ? Ran.Idle
        : stop(row[i]!)
        ? Ran.Stop
        : KIND[schedClass("", prio?.[row[i]!] ?? -2, thread)];
      ran[i] = kind;
      lastIdle[i] = kind === Ran.Idle ? i : i === 0 ? -1 : lastIdle[i - 1]!;
      for (let k = 0; k < RAN_KINDS; k++) before[i * STRIDE + k] = sum[k]!;
      sum[kind]! += Math.max(0, (i + 1 < ts.length ? ts[i + 1]! : end) - ts[i]!);
    }
    return { ...slices, ran, who, lastIdle, before };
  });
  const made = { cpus, threads: index.size };
  KNOWN.set(trace, made);
  return made;
}

/**
 * Adds to `into`, by {@linkcode Ran}, how long each class ran on a CPU in [from, to). What was before its first switch is hidden. `a` and `b`
 * are the slices under way at either end, where they are known.
 */
export function addTimes(
  times: CpuTimes,
  from: number,
  to: number,
  into: Float64Array,
  a = sliceAt(times, from),
  b = sliceAt(times, to),
): void {
  if (b < 0) {
    into[Ran.Hidden]! += to - from;
    return;
  }
  const { before } = times;
  const at = b * STRIDE;
  for (let k = 0; k < RAN_KINDS; k++) into[k]! += before[at + k]! - (a < 0 ? 0 : before[a * STRIDE + k]!);
  into[times.ran[b]!]! += to - times.ts[b]!;
  if (a < 0) into[Ran.Hidden]! += times.ts[0]! - from;
  else into[times.ran[a]!]! -= from - times.ts[a]!;
}

/** The last slice that began before `time`, where `slice` is the one under way; -1 where none did. */
export function sliceBefore(times: CpuSlices, time: number, slice: number): number {
  while (slice >= 0 && times.ts[slice]! >= time) slice--;
  return slice;
}

/** Whether switch `row` is to a stopper. */
function stopClass(trace: Trace): (row: number) => boolean {
  const { codes, dictionary } = trace.switches.column("next_comm");
  const stop = Uint8Array.from(dictionary, (comm) => schedClass(comm, 0, -1) === "stop" ? 1 : 0);
  return (row) => stop[codes[row]!] === 1;
}

/** next_prio of every switch; undefined where the trace does not have it. */
function prioritiesOf(trace: Trace): Int32Array | undefined {
  try {
    return trace.switches.column("next_prio");
  } catch {
    return undefined;
  }
}
