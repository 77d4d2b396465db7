import type { Count, DictColumn, Frame, Ns } from "../../frame/mod.ts";
import type { PulledTrace } from "../agent/mod.ts";
import type { Accelerator } from "../qemu/mod.ts";
import type { HwlatColumns } from "./parse_hwlat.ts";
import type { HwlatSummaryColumns } from "./summarize_hwlat.ts";

/** Columns of the vCPU threads of the inner guests, as the outer guest's kernel accounts for them from the first sample's start to the end. */
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

/** What a run of target `kvm` found. */
export interface KvmResult {
  /** Release of the kernel, as `uname -r` has it. */
  readonly release: string;
  /** What ran the outer guest. */
  readonly accelerator: Accelerator;
  /** What ran the inner guests. */
  readonly innerAccelerator: "kvm" | "tcg";
  /** What they were kept apart by. */
  readonly isolation: "cookies" | "none";
  /** CPUs of the outer guest that all inner vCPUs shared, and whether those are threads of one core. */
  readonly cpus: { readonly numbers: readonly number[]; readonly siblings: boolean };
  /** Seconds measured. */
  readonly seconds: number;
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
  /** What was done when. */
  readonly phases: readonly KvmPhase[];
  /** The outer guest's trace, where one was asked for and could be had. */
  readonly trace?: PulledTrace;
  /** What the reader must know of the figures, in sentences. */
  readonly notes: readonly string[];
}
