import { Frame } from "../../frame/frame.ts";
import { type Ns, ns, type Ratio, ratio } from "../../frame/units.ts";
import { Kind } from "../../trace/stream.ts";
import type { Trace } from "../../trace/trace.ts";
import { interrupts } from "../interrupts.ts";
import { type Changes, changesOf, STATE } from "./changes.ts";
import { UNKNOWN_TID } from "./occupants.ts";
import { QueueTracker } from "./queue_tracker.ts";
import { TimeBins } from "./time_bins.ts";

/** Columns of {@linkcode load}: a row for each CPU, or for each CPU and bin of time. */
export type LoadColumns = {
  cpu: Uint16Array;
  /** Start of the row's time, ns since the epoch. */
  ts: Ns;
  /** ns. */
  dur: Ns;
  /** Running a thread. */
  busy: Ns;
  /** Running the idle task. */
  idle: Ns;
  /** `dur` less `busy` and `idle`: a hole hides who ran. */
  unknown: Ns;
  /** `busy` as a share of the time that is known; NaN where none is. */
  utilization: Ratio;
  /** Interrupts and softirqs, at whoever's cost; NaN where the trace has no event of them. */
  irq: Ns;
  /** `sched_switch` records. */
  switches: Int32Array;
  /** In a second of `dur`. */
  switches_per_s: Float64Array;
  /** Threads that began to run here after they had been woken. */
  wakeups: Int32Array;
  /** In a second of `dur`. */
  wakeups_per_s: Float64Array;
  /** Time that threads waited in this CPU's queue, summed over threads: what run_delay of /proc/schedstat counts. */
  waited: Ns;
  /** Mean number of threads that the CPU had to run (the running one among them) while it is known who ran; NaN where it never is. */
  mean_depth: Float64Array;
  /** Most of them, while it is known who ran. */
  max_depth: Int32Array;
  /** Time in which at least one thread waited, as a share of the time that is known; NaN where none is. */
  contended: Ratio;
  /** `busy` + `idle` as a share of `dur`. */
  coverage: Ratio;
  /** 1 where `coverage` is below 1, or a thread that may have waited here is hidden by a hole. */
  censored: Uint8Array;
};

/** Options of {@linkcode load}. */
export interface LoadOptions {
  /** Length of a bin of time, ns; the last one may be shorter. Default: one bin, the whole span. */
  bin?: number;
}

/**
 * What each CPU did: busy, idle, switches, wakeups, and how deep its queue was. Rows are sorted by CPU, then time. CPUs without
 * a `sched_switch` have none: the trace does not tell whether they were idle, busy or off. Needs `sched:sched_switch` and
 * `sched:sched_waking` or `sched:sched_wakeup`; for `irq` the events of `record --irq`.
 *
 * Throws `MissingEventError`, and a RangeError for a bin that is not above 0 or makes more than ten million rows.
 *
 * @example
 * ```ts
 * import { load } from "@schedscope/schedscope/sched";
 * import { openTrace } from "@schedscope/schedscope/trace";
 *
 * async function everyTenMilliseconds(path: string) {
 *   const trace = await openTrace(path);
 *   console.log(load(trace).toText());
 *   return load(trace, { bin: 10e6 });
 * }
 * ```
 */
export function load(trace: Trace, options: LoadOptions = {}): Frame<LoadColumns> {
  const changes = changesOf(trace, "load");
  const bins = new TimeBins(changes.from, changes.to, options.bin);
  const tally = new LoadTally(changes, bins);
  changes.walk(tally);
  tally.close();
  countSwitches(trace, bins, tally);
  addInterrupts(trace, bins, tally);
  return tally.frame();
}

class LoadTally extends QueueTracker {
  readonly bins: TimeBins;
  /** First cell of each CPU's bins; -1 for a CPU that has none. */
  readonly cell: Int32Array;
  readonly busy: Float64Array;
  readonly idle: Float64Array;
  readonly irq: Float64Array;
  readonly switches: Int32Array;
  readonly wakeups: Int32Array;
  readonly waited: Float64Array;
  /** Thread-ns of those that waited while it is known who ran, and ns in which any did. */
  readonly known: Float64Array;
  readonly contended: Float64Array;
  readonly deepest: Int32Array;
  readonly unsureTime: Float64Array;
  /** What was settled last of each CPU. */
  readonly #since: Float64Array;
  readonly #was: Int8Array;
  readonly #wasWaiting: Int32Array;
  readonly #wasUnsure: Int32Array;

  constructor(changes: Changes, bins: TimeBins) {
    super(changes);
    this.bins = bins;
    this.cell = new Int32Array(changes.width).fill(-1);
    changes.cpus.forEach((cpu, k) => this.cell[cpu] = k * bins.count);
    const cells = changes.cpus.length * bins.count;
    this.busy = new Float64Array(cells);
    this.idle = new Float64Array(cells);
    this.irq = new Float64Array(cells);
    this.switches = new Int32Array(cells);
    this.wakeups = new Int32Array(cells);
    this.waited = new Float64Array(cells);
    this.known = new Float64Array(cells);
    this.contended = new Float64Array(cells);
    this.deepest = new Int32Array(cells);
    this.unsureTime = new Float64Array(cells);
    this.#since = new Float64Array(changes.width).fill(changes.from);
    this.#was = new Int8Array(changes.width).fill(-1);
    this.#wasWaiting = new Int32Array(changes.width);
    this.#wasUnsure = new Int32Array(changes.width);
  }

  override thread(row: number, before: number): void {
    super.thread(row, before);
    const { what } = this.changes;
    if (row < 0 || before < 0) return;
    if ((what[row]! & 7) !== STATE.running || (what[before]! & 7) !== STATE.woken) return;
    const cell = this.cell[(what[row]! >> 3) - 1]!;
    if (cell >= 0) this.wakeups[cell + this.bins.at(this.now)]!++;
  }

  protected changed(cpu: number): void {
    this.#settle(cpu, this.now);
    const tid = this.occupants[cpu]!;
    this.#was[cpu] = tid === UNKNOWN_TID ? -1 : tid === 0 ? 0 : 1;
    this.#wasWaiting[cpu] = this.waiting[cpu]!;
    this.#wasUnsure[cpu] = this.unsure[cpu]!;
  }

  /** Books what each CPU did up to the end. */
  close(): void {
    for (const cpu of this.changes.cpus) this.#settle(cpu, this.changes.to);
  }

  #settle(cpu: number, to: number): void {
    const first = this.cell[cpu]!;
    let from = this.#since[cpu]!;
    this.#since[cpu] = to;
    if (first < 0) return;
    const was = this.#was[cpu]!;
    const waiting = this.#wasWaiting[cpu]!;
    while (from < to) {
      const bin = this.bins.at(from);
      const cell = first + bin;
      const end = Math.min(to, this.bins.end(bin));
      const time = end - from;
      this.waited[cell]! += time * waiting;
      if (was >= 0) {
        if (was === 1) this.busy[cell]! += time;
        else this.idle[cell]! += time;
        this.known[cell]! += time * waiting;
        if (waiting > 0) this.contended[cell]! += time;
        if (was + waiting > this.deepest[cell]!) this.deepest[cell] = was + waiting;
      }
      if (this.#wasUnsure[cpu]! > 0) this.unsureTime[cell]! += time;
      from = end;
    }
  }

  frame(): Frame<LoadColumns> {
    const { bins, busy, idle } = this;
    const { cpus } = this.changes;
    const cells = cpus.length * bins.count;
    const dur = new Float64Array(cells);
    const ts = new Float64Array(cells);
    const cpu = new Uint16Array(cells);
    for (let cell = 0; cell < cells; cell++) {
      const bin = cell % bins.count;
      cpu[cell] = cpus[(cell - bin) / bins.count]!;
      ts[cell] = bins.start(bin);
      dur[cell] = bins.end(bin) - ts[cell]!;
    }
    const seen = busy.map((time, cell) => time + idle[cell]!);
    const perSecond = (counts: Int32Array) => Float64Array.from(counts, (n, cell) => n / dur[cell]! * 1e9);
    return new Frame<LoadColumns>({
      cpu,
      ts: ns(ts),
      dur: ns(dur),
      busy: ns(busy),
      idle: ns(idle),
      // Not below 0 by what sums of fractions are off.
      unknown: ns(dur.map((time, cell) => Math.max(0, time - seen[cell]!))),
      utilization: ratio(busy.map((time, cell) => time / seen[cell]!)),
      irq: ns(this.irq),
      switches: this.switches,
      switches_per_s: perSecond(this.switches),
      wakeups: this.wakeups,
      wakeups_per_s: perSecond(this.wakeups),
      waited: ns(this.waited),
      mean_depth: busy.map((time, cell) => (time + this.known[cell]!) / seen[cell]!),
      max_depth: this.deepest,
      contended: ratio(this.contended.map((time, cell) => time / seen[cell]!)),
      coverage: ratio(seen.map((time, cell) => Math.min(1, time / dur[cell]!))),
      censored: Uint8Array.from(
        dur,
        (time, cell) => time - seen[cell]! > 0.5 || this.unsureTime[cell]! > 0 ? 1 : 0,
      ),
    }, cells);
  }
}

function countSwitches(trace: Trace, bins: TimeBins, { cell, switches }: LoadTally): void {
  const { kind, ts, cpu, length } = trace.stream;
  for (let i = 0; i < length; i++) {
    if (kind[i] === Kind.Switch) switches[cell[cpu[i]!]! + bins.at(ts[i]!)]!++;
  }
}

/** Interrupts nest (one may come during a softirq): the time in which there is any counts once. */
function addInterrupts(trace: Trace, bins: TimeBins, { cell, irq }: LoadTally): void {
  const recorded = [...trace.counts.keys()].some((event) =>
    /^irq(_vectors)?:\w+_exit$/.test(event) && trace.has(event)
  );
  if (!recorded) {
    irq.fill(NaN);
    return;
  }
  const slices = interrupts(trace);
  const cpu = slices.column("cpu");
  const ts = slices.column("ts");
  const dur = slices.column("dur");
  let on = -1;
  let done = -Infinity;
  for (let row = 0; row < cpu.length; row++) {
    if (cpu[row] !== on) done = -Infinity;
    on = cpu[row]!;
    const first = cell[on] ?? -1;
    if (first < 0) continue;
    const to = Math.min(ts[row]! + dur[row]!, bins.to);
    let from = Math.max(ts[row]!, done, bins.from);
    while (from < to) {
      const bin = bins.at(from);
      const end = Math.min(to, bins.end(bin));
      irq[first + bin]! += end - from;
      from = end;
    }
    done = Math.max(done, to);
  }
}
