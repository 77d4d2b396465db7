import { DictColumn } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import { type Count, count, type Ns, ns } from "../frame/units.ts";
import type { RegionHead, RegionThread, ThreadCounter } from "./spin_region.ts";

/**
 * Columns of the gaps of a spin run, in order of their start.
 *
 * The counters say what the thread got between its previous reading (start of the burst, or the gap before) and this gap's end;
 * `minor` is how much of that time went to stalls below the threshold.
 */
export type GapColumns = {
  /** Start, ns of CLOCK_MONOTONIC after the result's `epoch`. */
  ts: Ns;
  /** Length, ns. */
  dur: Ns;
  /** Kernel id of the thread. */
  tid: Int32Array;
  /** Its name, `spin-00` and on. */
  comm: DictColumn<string>;
  /** Its number in the run. */
  thread: Uint16Array;
  /** `run`: it was spinning and did not run; `wake`: it slept and began to run later than due. */
  kind: DictColumn<"run" | "wake">;
  /** CPU before the gap. */
  cpu_before: Uint16Array;
  /** CPU after it. */
  cpu_after: Uint16Array;
  /** Cycle counter at the last sample before it, or when the wake-up was due. */
  start_tsc: BigUint64Array;
  /** Cycle counter at the first sample after it. */
  end_tsc: BigUint64Array;
  /** Involuntary context switches. */
  nivcsw: Count<Uint32Array>;
  /** Voluntary context switches. */
  nvcsw: Count<Uint32Array>;
  /** Time that the thread waited on run queues, ns. */
  run_delay: Ns;
  /** CPU time that it got, ns. */
  cpu_time: Ns;
  /** Steal of `cpu_after`, ns, in the kernel's grains of 10 ms. */
  steal: Ns;
  /** Stalls below the threshold, ns. */
  minor: Ns;
  /** Wall time between the two readings, ns. */
  wall: Ns;
  /**
   * `wall - cpu_time - run_delay`, ns: time in which the thread had the CPU and its clock stood still. That is steal to the
   * nanosecond where the kernel takes steal out of CPU time (CONFIG_PARAVIRT_TIME_ACCOUNTING), and interrupts where it takes those out
   * (CONFIG_IRQ_TIME_ACCOUNTING). For a gap of kind wake it holds the sleep too.
   */
  uncounted: Ns;
  /**
   * How much of it the control thread, on a CPU of its own, did not run either, ns; 0 without one. A gap that coincides with the
   * control's was not the scheduler's doing on this CPU: the hypervisor, the firmware, or a device held the whole machine.
   */
  control: Ns;
  /**
   * Sum of 1: outside bursts, 2: while the gap before was written down, 4: the longest of those that gave way to newer ones, 8: at least
   * half of it is also the control's, so it befell the whole machine.
   */
  flags: Uint8Array;
};

/** Columns of the threads of a spin run. Durations are ns; sums are over finished bursts unless said otherwise. */
export type ThreadColumns = {
  /** Number of the thread. */
  thread: Uint16Array;
  /** Kernel id. */
  tid: Int32Array;
  /** Name. */
  comm: DictColumn<string>;
  /** When its first burst began, ns after the result's `epoch`; NaN where none was finished. */
  first: Ns;
  /** When its last one ended. */
  last: Ns;
  /** Which of the groups it ran in, -1 for none. */
  group: Int32Array;
  /** How long it sleeps between bursts. */
  sleep: Ns;
  /** Finished bursts. */
  bursts: Count;
  /** Samples of the cycle counter. */
  samples: Count;
  /** Median time between two samples. */
  period: Ns;
  /** Gaps of kind run over the threshold, inside bursts. */
  run_gaps: Count;
  /** Their sum. */
  run_gap_time: Ns;
  /** The longest. */
  run_gap_max: Ns;
  /** Gaps of kind wake over the threshold. */
  wake_gaps: Count;
  /** Their sum. */
  wake_gap_time: Ns;
  /** The longest. */
  wake_gap_max: Ns;
  /** All wake-ups. */
  wakeups: Count;
  /** Wall time of the bursts. */
  wall: Ns;
  /** CPU time in them (CLOCK_THREAD_CPUTIME_ID). */
  cpu_time: Ns;
  /** `wall - cpu_time`. */
  off_cpu: Ns;
  /** Waiting on run queues in them (schedstat). */
  run_delay: Ns;
  /** Waiting on run queues between bursts, so after wake-ups. */
  wake_delay: Ns;
  /** Involuntary context switches in bursts. */
  nivcsw: Count;
  /** Voluntary context switches in bursts. */
  nvcsw: Count;
  /** Sum of every interval of at least 256 ticks. */
  stall: Ns;
  /** Sum of every interval over the audit's floor (10 us, or the threshold if that is less). */
  audit: Ns;
  /** Times it was found on another CPU than before. */
  migrations: Count;
  /** Times the cycle counter went back; never a gap. */
  warp: Count;
  /** Gaps that gave way to newer ones in the list; all sums have them. */
  overflow: Count;
  /** Time spent writing gaps down. */
  overhead: Ns;
  /**
   * Time for which it kept other hardware threads of its core idle, from its start to its end: core_forceidle_sum of /proc/TID/sched.
   * NaN where the kernel does not count it: no core scheduling, or kernel.sched_schedstats is 0.
   */
  forced_idle: Ns;
};

function ofThreads(threads: readonly RegionThread[], value: (thread: RegionThread) => number): Float64Array {
  return Float64Array.from(threads, value);
}

/** The median of a thread's sampling period in ticks. */
function medianPeriod(fast: Float64Array, all: number): number {
  let seen = 0;
  for (let ticks = 0; ticks < fast.length; ticks++) {
    seen += fast[ticks]!;
    if (seen * 2 >= all && seen) return ticks;
  }
  return NaN;
}

/** The frame of threads. */
export function threadFrame(head: RegionHead, threads: readonly RegionThread[]): Frame<ThreadColumns> {
  const tick = 1e9 / head.hz;
  const sums = (name: ThreadCounter) => ofThreads(threads, (t) => t.counter(name));
  const counts = (name: ThreadCounter) => count(sums(name));
  const times = (name: ThreadCounter) => ns(sums(name));
  const ticks = (name: ThreadCounter) => ns(ofThreads(threads, (t) => t.counter(name) * tick));
  const start = Number(head.reading(288).tsc);
  const since = (name: ThreadCounter) =>
    ns(ofThreads(threads, (t) => t.counter(name) ? (t.counter(name) - start) * tick : NaN));
  const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);
  const samples = count(ofThreads(threads, (t) => sum(t.fast) + sum(t.run)));
  const wall = ticks("wall_ticks"), cpu = times("cpu_ns");
  return new Frame<ThreadColumns>({
    thread: Uint16Array.from(threads, (_, i) => i),
    tid: Int32Array.from(threads, (t) => t.tid),
    comm: DictColumn.from(threads.map((t) => t.comm)),
    first: since("first_tsc"),
    last: since("last_tsc"),
    group: Int32Array.from(threads, (t) => t.group),
    sleep: times("sleep_ns"),
    bursts: counts("bursts"),
    samples,
    period: ns(Float64Array.from(threads, (t, i) => medianPeriod(t.fast, samples[i]!) * tick)),
    run_gaps: counts("run_count"),
    run_gap_time: ticks("run_ticks"),
    run_gap_max: ticks("run_max"),
    wake_gaps: counts("wake_count"),
    wake_gap_time: ticks("wake_ticks"),
    wake_gap_max: ticks("wake_max"),
    wakeups: counts("wakeups"),
    wall,
    cpu_time: cpu,
    off_cpu: ns(wall.map((w, i) => w - cpu[i]!)),
    run_delay: times("run_delay_ns"),
    wake_delay: times("wake_delay_ns"),
    nivcsw: counts("nivcsw"),
    nvcsw: counts("nvcsw"),
    stall: ticks("stall_ticks"),
    audit: ticks("audit_ticks"),
    migrations: counts("migrations"),
    warp: counts("warp_count"),
    overflow: counts("overflow"),
    overhead: ticks("record_ticks"),
    forced_idle: ns(ofThreads(threads, (t) => t.evidence & FORCEIDLE ? t.counter("forceidle_ns") : NaN)),
  });
}

/** SS_EVIDENCE_FORCEIDLE of native/include/spin_region.h. */
const FORCEIDLE = 8;

/** Offsets in `struct ss_gap`, and its size. */
const gapSize = 96;

/** Flag of a gap that befell the whole machine. */
const MACHINE_WIDE = 8;

/** Gaps of one thread, in order: ticks. */
function intervals(thread: RegionThread): { from: bigint; to: bigint }[] {
  const { gaps } = thread;
  const found: { from: bigint; to: bigint }[] = [];
  for (let at = 0; at < gaps.byteLength; at += gapSize) {
    found.push({ from: gaps.getBigUint64(at, true), to: gaps.getBigUint64(at + 8, true) });
  }
  return found.sort((a, b) => a.from < b.from ? -1 : a.from > b.from ? 1 : 0);
}

/** Ticks that each of [starts, ends) shares with the control's gaps, which do not overlap each other. */
function sharedWith(
  control: RegionThread | undefined,
  starts: BigUint64Array,
  ends: BigUint64Array,
): Float64Array {
  const shared = new Float64Array(starts.length);
  if (control === undefined) return shared;
  const own = intervals(control);
  for (let row = 0; row < starts.length; row++) {
    // The first that ends after the start.
    let low = 0, high = own.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (own[middle]!.to > starts[row]!) high = middle;
      else low = middle + 1;
    }
    for (let i = low; i < own.length && own[i]!.from < ends[row]!; i++) {
      const { from, to } = own[i]!;
      const start = from > starts[row]! ? from : starts[row]!, end = to < ends[row]! ? to : ends[row]!;
      shared[row]! += Number(end - start);
    }
  }
  return shared;
}

/** The frame of gaps, by start; `epoch` is the CLOCK_MONOTONIC time that becomes 0; `control` is the control's block. */
export function gapFrame(
  head: RegionHead,
  threads: readonly RegionThread[],
  epoch: bigint,
  control?: RegionThread,
): Frame<GapColumns> {
  const tick = 1e9 / head.hz;
  const rows: { view: DataView; at: number; end: bigint }[] = [];
  for (const { gaps } of threads) {
    for (let at = 0; at < gaps.byteLength; at += gapSize) {
      rows.push({ view: gaps, at, end: gaps.getBigUint64(at + 24, true) });
    }
  }
  const dur = ({ view, at }: typeof rows[number]) =>
    Number(view.getBigUint64(at + 8, true) - view.getBigUint64(at, true)) * tick;
  const starts = rows.map((row) => Number(row.end - epoch) - dur(row));
  const order = starts.map((_, i) => i).sort((a, b) => starts[a]! - starts[b]!);
  const sorted = order.map((i) => rows[i]!);
  const u64 = (offset: number) =>
    BigUint64Array.from(sorted, ({ view, at }) => view.getBigUint64(at + offset, true));
  const time = (offset: number) =>
    ns(Float64Array.from(sorted, ({ view, at }) => Number(view.getBigInt64(at + offset, true))));
  const u32 = (offset: number) =>
    Uint32Array.from(sorted, ({ view, at }) => view.getUint32(at + offset, true));
  const u16 = (offset: number) =>
    Uint16Array.from(sorted, ({ view, at }) => view.getUint16(at + offset, true));
  const u8 = (offset: number) => Uint8Array.from(sorted, ({ view, at }) => view.getUint8(at + offset));
  const thread = u16(36);
  const startTsc = u64(0), endTsc = u64(8);
  const shared = sharedWith(control, startTsc, endTsc).map((ticks) => ticks * tick);
  const durations = Float64Array.from(sorted, dur);
  const flags = u8(39).map((flag, row) =>
    control !== undefined && shared[row]! > 0 && 2 * shared[row]! >= durations[row]!
      ? flag | MACHINE_WIDE
      : flag
  );
  const wall = time(88), cpu = time(64), delay = time(56);
  return new Frame<GapColumns>({
    ts: ns(Float64Array.from(order, (i) => starts[i]!)),
    dur: ns(durations),
    tid: Int32Array.from(sorted, ({ view, at }) => view.getInt32(at + 32, true)),
    comm: new DictColumn(thread.map((t) => Math.min(t, threads.length - 1)), threads.map((t) => t.comm)),
    thread,
    kind: new DictColumn(u8(38), ["run", "wake"]),
    cpu_before: u16(40),
    cpu_after: u16(42),
    start_tsc: startTsc,
    end_tsc: endTsc,
    nivcsw: count(u32(44)),
    nvcsw: count(u32(48)),
    run_delay: delay,
    cpu_time: cpu,
    steal: time(72),
    minor: time(80),
    wall,
    uncounted: ns(wall.map((t, i) => t - cpu[i]! - delay[i]!)),
    control: ns(shared),
    flags,
  });
}
