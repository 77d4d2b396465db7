import type { Fingerprint } from "../../bench/fingerprint.ts";
import type { GapLedger } from "../../sched/gaps.ts";
import type { Trace } from "../../trace/trace.ts";

/** What is measured in a guest: `user`, spinning threads in pairs; `kvm`, guests in the guest, by their kernels' hwlat tracer. */
export type VmTarget = "user" | "kvm";

/** How the groups are kept from sharing a core. Target `kvm` knows `auto`, `cookies` and `none` only. */
export type VmIsolation = "auto" | "cookies" | "tag" | "coscheduling" | "none";

/** What a run depends on besides what is being measured. */
export interface VmFingerprint {
  /** The machine that ran the guest. */
  readonly host: Fingerprint;
  /** The guest; null where the target does not tell. */
  readonly guest: Fingerprint | null;
  /** sha256 of the kernel's file. */
  readonly kernel: string;
  /** Release of the guest's kernel; null where it is not known. */
  readonly release: string | null;
  /** What ran the guest's instructions: `kvm`, `tcg`; null where it is not known. */
  readonly accelerator: string | null;
}

/** What one run gave, whatever its target. */
export interface VmRunResult {
  /** How the groups were kept apart in truth. */
  readonly isolation: string;
  /** Numbers that can be compared between runs; NaN where there was nothing to measure. */
  readonly metrics: Readonly<Record<string, number>>;
  /** What it depends on besides. */
  readonly fingerprint: VmFingerprint;
  /** What must be known to read the numbers, in sentences. */
  readonly notes: readonly string[];
}

/** A whole run: its numbers, and what they are from. */
export interface VmRun<R = unknown> extends VmRunResult {
  /** What was measured. */
  readonly target: VmTarget;
  /** Path of the kernel. */
  readonly kernel: string;
  /** The guest's trace; undefined where none was taken. */
  readonly trace: Trace | undefined;
  /** The gaps with their causes; undefined where the target has none. */
  readonly gaps: GapLedger | undefined;
  /** What the target gave: `UserResult`, `KvmResult`. */
  readonly result: R;
}
