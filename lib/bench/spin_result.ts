import { formatNs } from "../frame/format_ns.ts";
import type { Frame } from "../frame/frame.ts";
import { ClockMapping, type ClockReading } from "./clock_mapping.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { Histogram } from "./histogram.ts";
import type { InterruptColumns } from "./interrupts.ts";
import { type SpinAudit, spinAudit } from "./spin_audit.ts";
import { type SpinControl, spinControl } from "./spin_control.ts";
import { type SpinCookieColumns, spinCookies } from "./spin_cookies.ts";
import { type GapColumns, gapFrame, type ThreadColumns, threadFrame } from "./spin_columns.ts";
import { logLinearEdge, type RegionHead, type RegionThread } from "./spin_region.ts";

/** How the cycle counter was calibrated. */
export interface TscCalibration {
  /** Ticks per second over the whole run. */
  readonly hz: number;
  /** The same as calibrated before the run. */
  readonly hzBefore: number;
  /** How: `"monotonic_raw_brackets"`. */
  readonly method: string;
  /** Number of brackets. */
  readonly brackets: number;
  /** Largest distance of a bracket, or of the whole run, from the calibration, ppm. */
  readonly residualPpm: number;
  /** Whether the counter runs at one rate in all power states (CPUID 80000007h EDX[8]). */
  readonly invariant: boolean;
  /** The kernel's clock source. */
  readonly clocksource: string;
  /** Whether gap lengths can be relied on: invariant, and the kernel itself trusts the counter. */
  readonly trusted: boolean;
}

/** Why a run ended. */
export interface SpinStop {
  /** `duration`: it was over; `maxGap`: a gap was longer; `signal`: the abort signal, or a signal sent to the child. */
  readonly reason: "duration" | "maxGap" | "signal";
  /** Row in `gaps` of the gap that ended it. */
  readonly gap?: number;
}

/** What surrounds a region when a result is made of it. */
export interface SpinContext {
  /** Interrupts that the CPUs took while it ran. */
  readonly interrupts: Frame<InterruptColumns>;
  /** Steal of the CPUs while it ran, ns. */
  readonly steal: number;
  /** The machine. */
  readonly fingerprint: Fingerprint;
  /** Where the threads ran. */
  readonly isolation: "process" | "thread";
  /** The arguments of schedscope-spin. */
  readonly args: readonly string[];
}

/** Histograms of one thread, or of all. */
export interface SpinHistograms {
  /** Time between two samples: exact to the tick below 256 ticks, to 3.1 % above. */
  readonly run: Histogram;
  /** Lateness of wake-ups, to 3.1 %. */
  readonly wake: Histogram;
}

/** What a spin run found. Times are ns; `ts` columns count from `epoch`, a CLOCK_MONOTONIC time. */
export class SpinResult {
  /** CLOCK_MONOTONIC when the threads were let go, ns. */
  readonly epoch: bigint;
  /** From then until the last thread had ended. */
  readonly elapsed: number;
  /** Gaps over the threshold in order of their start. */
  readonly gaps: Frame<GapColumns>;
  /** One row for each thread. */
  readonly threads: Frame<ThreadColumns>;
  /** Of all threads together. */
  readonly histogram: SpinHistograms;
  /** Of each thread. */
  readonly threadHistograms: readonly SpinHistograms[];
  /** The cycle counter. */
  readonly tsc: TscCalibration;
  /** Counter to CLOCK_MONOTONIC and back. */
  readonly clock: ClockMapping;
  /** Interrupts of the CPUs used while the threads ran; TLB, CAL and RES are those by which a program disturbs itself. */
  readonly interrupts: Frame<InterruptColumns>;
  /** Why it ended. */
  readonly stopped: SpinStop;
  /** Whether what was lost adds up. */
  readonly audit: SpinAudit;
  /** Core-scheduling cookies, or why there are none; no rows where none were asked for. */
  readonly cookies: Frame<SpinCookieColumns>;
  /** What the control thread saw; undefined without one. */
  readonly control: SpinControl | undefined;
  /** What the machine was. */
  readonly fingerprint: Fingerprint;
  /** Whether memory was locked. */
  readonly locked: boolean;
  /** Error number of a failed write to the trace marker or tracing_on, 0 for none. */
  readonly traceErrno: number;
  /** Where the threads ran. */
  readonly isolation: "process" | "thread";
  /** How it was run: the arguments of schedscope-spin, `--cpus 0 --nice 0,5`, ... What is not there was as the program has it. */
  readonly args: readonly string[];
  /** The threshold that was in force. */
  readonly threshold: number;

  /** Reads a finished region. */
  constructor(head: RegionHead, blocks: readonly RegionThread[], context: SpinContext) {
    const threads = blocks.slice(0, head.threads), control = head.hasControl ? blocks.at(-1) : undefined;
    const start = head.reading(288), end = head.reading(304);
    const hz = head.hz, hzBefore = head.f64(176);
    this.epoch = start.mono;
    this.elapsed = Number(end.mono - start.mono);
    this.gaps = gapFrame(head, threads, start.mono, control);
    this.control = control && spinControl(head, control, start.mono);
    this.cookies = spinCookies(threads);
    this.threads = threadFrame(head, threads);
    this.threadHistograms = histograms(head, threads);
    this.histogram = this.threadHistograms.reduce((a, b) => ({
      run: a.run.merge(b.run),
      wake: a.wake.merge(b.wake),
    }));
    const clocksource = head.text(224, 32), invariant = head.u32(208) === 1;
    this.tsc = {
      hz,
      hzBefore,
      method: head.text(256, 32),
      brackets: head.u32(220),
      residualPpm: Math.max(head.f64(184), Math.abs(hz / hzBefore - 1) * 1e6),
      invariant,
      clocksource,
      trusted: invariant &&
        /^(tsc|kvm-clock|hyperv_clocksource_tsc_page|arch_sys_counter)$/.test(clocksource),
    };
    this.clock = new ClockMapping(start, end, readings(head, blocks), head.f64(200));
    this.interrupts = context.interrupts;
    this.fingerprint = context.fingerprint;
    this.isolation = context.isolation;
    this.args = context.args;
    this.stopped = stop(head, threads, this.gaps);
    this.threshold = Number(head.u64(136));
    const floor = Number(head.u64(168)) * 1e9 / hz;
    this.audit = spinAudit(this.threads, floor, context.steal, threads.every((t) => (t.evidence & 2) !== 0));
    this.locked = head.u32(216) === 1;
    this.traceErrno = -head.i32(100) || 0;
  }

  /** A summary for a terminal: why it ended, the longest gaps, the audit. */
  toString(): string {
    const { audit, gaps, tsc } = this;
    const sum = (name: "overflow" | "warp") => this.threads.column(name).reduce((a, b) => a + b, 0);
    const count = (kind: "run" | "wake") => [...gaps.column("kind")].filter((k) => k === kind).length;
    const notes = [
      tsc.trusted ? "" : `NOT TRUSTED: invariant ${tsc.invariant}, clock source ${tsc.clocksource}`,
      sum("overflow")
        ? `${sum("overflow")} gaps gave way to newer ones in the list (all sums have them)`
        : "",
      sum("warp") ? `the cycle counter went back ${sum("warp")} times` : "",
      this.traceErrno ? `the trace could not be stopped: errno ${this.traceErrno}` : "",
    ].filter(Boolean);
    const { control, cookies } = this;
    if (cookies.length > 0) {
      const { state, reason } = cookies.row(0);
      notes.push(
        state === "has"
          ? `core-scheduling cookies: ${new Set(cookies.column("cookie")).size} for ${cookies.length} threads`
          : `core-scheduling cookies: ${state}, ${reason}`,
      );
    }
    if (control) {
      const wide = gaps.column("flags").reduce((sum, flags) => sum + (flags & 8 ? 1 : 0), 0);
      notes.push(
        `control on CPU ${control.cpu}: ${control.gaps.length} gaps of its own, ${wide} of the ${gaps.length} listed coincide with them` +
          (control.idle
            ? ""
            : `; NOT IDLE: it waited ${(control.runDelay / control.wall * 100).toFixed(1)} % of the time`),
      );
    }
    const longest = gaps.sort("dur", { descending: true }).head(10)
      .select("ts", "dur", "comm", "tid", "kind", "cpu_before", "cpu_after", "nivcsw", "run_delay", "steal");
    return [
      `spin: ${this.threads.length} threads, ${
        formatNs(this.elapsed)
      }, stopped by ${this.stopped.reason} (${this.isolation})`,
      `gaps of at least ${formatNs(this.threshold)}: ${count("run")} run, ${count("wake")} wake` +
      (gaps.length ? `, the longest ${Math.min(10, gaps.length)}:` : ""),
      ...(gaps.length ? [longest.toText()] : []),
      `period: median ${formatNs(this.histogram.run.percentile(0.5))}; wake-ups: p50 late ` +
      `${formatNs(this.histogram.wake.percentile(0.5))}, p99 ${
        formatNs(this.histogram.wake.percentile(0.99))
      }`,
      `audit: off CPU ${formatNs(audit.offCpu, { digits: 5 })}, run_delay ${
        formatNs(audit.runDelay, { digits: 5 })
      } ` +
      `(${audit.runDelayResidual.toFixed(2)} %), gaps over ${formatNs(audit.floor)} ${
        formatNs(audit.gaps, { digits: 5 })
      } ` +
      `(${audit.gapsResidual.toFixed(2)} %), steal ${formatNs(audit.steal)}: ${
        audit.conserved ? "conserved" : "NOT CONSERVED"
      }`,
      ...selfMade(this.interrupts),
      `counter: ${(tsc.hz / 1e6).toFixed(6)} MHz, residual ${tsc.residualPpm.toFixed(2)} ppm; ` +
      `to CLOCK_MONOTONIC within ${formatNs(this.clock.maxError)}`,
      ...notes,
    ].join("\n");
  }

  /** Everything but the machine's own text forms: frames as columns, 64-bit integers as strings. */
  toJSON(): Record<string, unknown> {
    const { clock, tsc, audit, stopped, fingerprint, isolation, threshold, elapsed } = this;
    return {
      schema: "schedscope-spin-result/1",
      epoch: String(this.epoch),
      elapsed,
      threshold,
      isolation,
      args: this.args,
      stopped,
      audit,
      tsc,
      clock: {
        start: { tsc: String(clock.start.tsc), mono: String(clock.start.mono) },
        end: { tsc: String(clock.end.tsc), mono: String(clock.end.mono) },
        nsPerTick: clock.nsPerTick,
        maxError: clock.maxError,
      },
      gaps: this.gaps.toJSONColumns(),
      threads: this.threads.toJSONColumns(),
      histogram: {
        run: this.histogram.run.toFrame().toJSONColumns(),
        wake: this.histogram.wake.toFrame().toJSONColumns(),
      },
      interrupts: this.interrupts.toJSONColumns(),
      cookies: this.cookies.toJSONColumns(),
      control: this.control && { ...this.control, gaps: this.control.gaps.toJSONColumns() },
      fingerprint,
    };
  }

  /** The summary, for `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

/** The line about the interrupts by which programs disturb CPUs; none where the kernel does not name them so. */
function selfMade(interrupts: Frame<InterruptColumns>): string[] {
  const sums = new Map([["TLB", 0], ["CAL", 0], ["RES", 0], ["LOC", 0]]);
  for (const { irq, count } of interrupts.rows()) {
    const sum = sums.get(irq);
    if (sum !== undefined) sums.set(irq, sum + count);
  }
  if (![...sums.values()].some((sum) => sum > 0)) return [];
  return [`interrupts of these CPUs: ${[...sums].map(([irq, sum]) => `${irq} ${sum}`).join(", ")}`];
}

function joined(exact: Float64Array, rest: Float64Array): Float64Array {
  const both = new Float64Array(exact.length + rest.length);
  both.set(exact);
  both.set(rest, exact.length);
  return both;
}

function histograms(head: RegionHead, threads: readonly RegionThread[]): SpinHistograms[] {
  const bits = head.u32(72), ns = 1e9 / head.hz;
  const wakeEdges = Float64Array.from({ length: head.u32(68) }, (_, i) => logLinearEdge(i, bits));
  const exact = Float64Array.from({ length: head.u32(52) }, (_, i) => i);
  const from = wakeEdges.indexOf(exact.length); // the first bucket that the exact counts do not hold
  const runEdges = joined(exact, wakeEdges.subarray(from));
  return threads.map(({ fast, run, wake }) => ({
    run: new Histogram(runEdges, joined(fast, run.subarray(from)), ns),
    wake: new Histogram(wakeEdges, wake, ns),
  }));
}

function readings(head: RegionHead, threads: readonly RegionThread[]): ClockReading[] {
  const found: ClockReading[] = [];
  for (let i = 0; i < head.u32(320); i++) found.push(head.reading(328 + 16 * i));
  for (const { gaps } of threads) {
    for (let at = 0; at < gaps.byteLength; at += 96) {
      found.push({ tsc: gaps.getBigUint64(at + 8, true), mono: gaps.getBigUint64(at + 24, true) });
    }
  }
  return found;
}

function stop(head: RegionHead, threads: readonly RegionThread[], gaps: Frame<GapColumns>): SpinStop {
  const reason = head.stopReason === "none" ? "signal" : head.stopReason;
  const thread = head.i32(88);
  if (reason !== "maxGap" || thread < 0) return { reason };
  const start = threads[thread]!.gaps.getBigUint64(96 * head.i32(92), true);
  const gap = gaps.column("start_tsc").findIndex((tsc, row) =>
    tsc === start && gaps.column("thread")[row] === thread
  );
  return gap < 0 ? { reason } : { reason, gap };
}
