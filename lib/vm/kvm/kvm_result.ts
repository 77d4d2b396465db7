import { formatNs } from "../../frame/format_ns.ts";
import type { Columns, Count, DictColumn, Frame, Ns } from "../../frame/mod.ts";
import { visibleText } from "../../frame/visible_text.ts";
import type { PulledTrace } from "../agent/mod.ts";
import type { KernelLack } from "../kernel/mod.ts";
import type { Accelerator } from "../qemu/mod.ts";
import type { ChosenIsolation } from "../user/isolation.ts";
import type { TuningColumns } from "../user/tuning.ts";
import type { HwlatColumns } from "./parse_hwlat.ts";
import type { HwlatSummaryColumns } from "./summarize_hwlat.ts";

/** Columns of the vCPU threads of the inner guests, as the outer guest's kernel accounts for them over the measured time. */
export type KvmVcpuColumns = {
  /** The inner guest. */
  vm: DictColumn<string>;
  /** Its vCPU. */
  vcpu: Int32Array;
  /** Thread in the outer guest. */
  tid: Int32Array;
  /** Its cookie in hexadecimal, to be compared for equality only; empty for none. */
  cookie: DictColumn<string>;
  /** CPUs of the outer guest it may run on, as the kernel lists them. */
  cpus: DictColumn<string>;
  /** Time on a CPU (/proc/TID/schedstat). */
  run: Ns;
  /** Time runnable and waiting (the same). */
  wait: Ns;
  /** Times that it got a CPU (the same). */
  slices: Count;
  /** Time for which it forced the sibling CPU to be idle (core_forceidle_sum of /proc/TID/sched); NaN where the kernel does not tell. */
  forceidle: Ns;
};

/** What became of an inner guest. */
export interface KvmVm {
  /** Its number, from 0; as text it is the name in the frames. */
  readonly vm: number;
  /** `measured`; `silent`: it was let go and told no sample; `hung`: it never answered; `died`: its QEMU ended. */
  readonly state: "measured" | "silent" | "hung" | "died";
  /** How often it was started: more than 1 where the watchdog had to. */
  readonly starts: number;
  /** In a sentence, where it is not measured; else empty. */
  readonly detail: string;
}

/** A part of a run and how long it took. */
export interface KvmPhase {
  /** What was done. */
  readonly name: string;
  /** When it began, ns since the start of the run. */
  readonly from: number;
  /** How long it took, ns. */
  readonly dur: number;
}

/** What was measured inside the outer guest. */
export interface KvmMeasurement {
  /** What ran the inner guests. */
  readonly innerAccelerator: "kvm" | "tcg";
  /** What they were kept apart by, and the proof of it. */
  readonly isolation: ChosenIsolation;
  /** What was asked of the outer guest's scheduler, and what it made of that. */
  readonly tuning: Frame<TuningColumns>;
  /** CPUs of the outer guest that all inner vCPUs shared. */
  readonly cpus: readonly number[];
  /** Whether those are the hardware threads of one core. */
  readonly siblings: boolean;
  /** Time measured, from the moment at which all were let go, ns. */
  readonly elapsed: number;
  /** Whether the run was interrupted before its time was over. */
  readonly interrupted: boolean;
  /** Time from the start of the run until each inner guest had told a sample, ns; NaN where one never did. */
  readonly allTracing: number;
  /** Every sample of every inner guest since they were let go. */
  readonly samples: Frame<HwlatColumns>;
  /** Their gaps, a row for each inner guest. */
  readonly summary: Frame<HwlatSummaryColumns>;
  /** The threads of the inner guests; no rows where the outer guest ended before they were read. */
  readonly vcpus: Frame<KvmVcpuColumns>;
  /** The inner guests. */
  readonly vms: readonly KvmVm[];
  /** The outer guest's trace, where one was asked for and could be had. */
  readonly trace: PulledTrace | undefined;
  /** What the reader must know of the figures, in sentences. */
  readonly notes: readonly string[];
}

/** The outer guest of a run. */
export interface KvmOuter {
  /** Release of the kernel, as `uname -r` has it. */
  readonly release: string;
  /** What the kernel lacks for this target; none of it kept it from running. */
  readonly lacks: readonly KernelLack[];
  /** What ran its instructions, and what that means for the numbers. */
  readonly accelerator: Accelerator;
  /** QEMU's version. */
  readonly qemuVersion: string;
  /** The processor that it saw. */
  readonly cpuModel: string;
  /** From the first instruction to its init, ns; undefined where it was not seen. */
  readonly bootTime: number | undefined;
  /** What was done when. */
  readonly phases: readonly KvmPhase[];
}

/** What a run of target `kvm` found. */
export class KvmResult implements KvmMeasurement {
  /** What ran the inner guests. */
  readonly innerAccelerator!: "kvm" | "tcg";
  /** What they were kept apart by, and the proof of it. */
  readonly isolation!: ChosenIsolation;
  /** What was asked of the outer guest's scheduler, and what it made of that. */
  readonly tuning!: Frame<TuningColumns>;
  /** CPUs of the outer guest that all inner vCPUs shared. */
  readonly cpus!: readonly number[];
  /** Whether those are the hardware threads of one core. */
  readonly siblings!: boolean;
  /** Time measured, from the moment at which all were let go, ns. */
  readonly elapsed!: number;
  /** Whether the run was interrupted before its time was over. */
  readonly interrupted!: boolean;
  /** Time from the start of the run until each inner guest had told a sample, ns; NaN where one never did. */
  readonly allTracing!: number;
  /** Every sample of every inner guest since they were let go. */
  readonly samples!: Frame<HwlatColumns>;
  /** Their gaps, a row for each inner guest. */
  readonly summary!: Frame<HwlatSummaryColumns>;
  /** The threads of the inner guests; no rows where the outer guest ended before they were read. */
  readonly vcpus!: Frame<KvmVcpuColumns>;
  /** The inner guests. */
  readonly vms!: readonly KvmVm[];
  /** The outer guest's trace, where one was asked for and could be had. */
  readonly trace: PulledTrace | undefined;
  /** What the reader must know of the figures, in sentences. */
  readonly notes!: readonly string[];
  /** The outer guest. */
  readonly outer: KvmOuter;

  /** Adds the outer guest to the measurement. */
  constructor(measured: KvmMeasurement, outer: KvmOuter) {
    Object.assign(this, measured);
    this.outer = outer;
  }

  /** What happened, for a terminal. */
  toString(): string {
    const { outer, isolation, summary, vcpus } = this;
    const { proof } = isolation;
    const measured = this.vms.filter(({ state }) => state === "measured").length;
    const forced = vcpus.column("forceidle").reduce((sum, one) => sum + one, 0);
    return [
      `kernel ${
        visibleText(outer.release)
      } under ${outer.accelerator.kind}, inner guests under ${this.innerAccelerator}` +
      (outer.accelerator.meaning === "" ? "" : `: ${outer.accelerator.meaning}`),
      `isolation: ${isolation.kind} (${isolation.reason})`,
      ...(proof === undefined ? [] : [
        `  two threads of different groups on CPUs ${this.cpus.join(" and ")} ran ${
          proof.shares.map((share) => `${(share * 100).toFixed(0)} %`).join(" and ")
        } of the time: ${proof.holds ? "they are kept apart" : "NOT KEPT APART"}`,
      ]),
      `${measured} of ${this.vms.length} inner guests measured for ${formatNs(this.elapsed)}` +
      `${this.interrupted ? " (interrupted)" : ""} on CPUs ${this.cpus.join(",")}; ` +
      (Number.isNaN(this.allTracing)
        ? "not all of them told a sample"
        : `the last told its first sample ${formatNs(this.allTracing)} after the start`),
      ...this.vms.filter(({ detail }) => detail !== "").map(({ vm, state, detail }) =>
        `  inner guest ${vm}: ${state}: ${visibleText(detail)}`
      ),
      "",
      summary.toText(),
      "",
      ...(vcpus.length === 0 ? [] : [
        `forced idle by ${vcpus.length} vCPU threads: ${
          Number.isNaN(forced) ? "not told by this kernel" : formatNs(forced)
        }`,
      ]),
      ...(this.trace === undefined ? [] : [
        `trace: ${this.trace.path}, ${this.trace.events} events, ${this.trace.lost} older ones overwritten`,
      ]),
      `phases: ${outer.phases.map(({ name, dur }) => `${name} ${formatNs(dur)}`).join(", ")}`,
      ...this.notes.map((note) => `note: ${note}`),
    ].join("\n");
  }

  /** All of it; times are ns, and `time` of a sample a string, since JSON's numbers are not exact enough. */
  toJSON(): Record<string, unknown> {
    const { samples, summary, vcpus, tuning, outer, ...rest } = this;
    return {
      schema: "schedscope-vm-kvm/1",
      ...outer,
      ...rest,
      allTracing: Number.isNaN(this.allTracing) ? null : this.allTracing,
      summary: plain(summary),
      vcpus: plain(vcpus),
      samples: plain(samples),
      tuning: plain(tuning),
    };
  }
}

function plain<C extends Columns>(frame: Frame<C>): unknown[] {
  return Array.from(
    frame.rows(),
    (row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [name, typeof value === "bigint" ? `${value}` : value]),
      ),
  );
}
