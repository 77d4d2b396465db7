import type { DictColumn } from "../../frame/column.ts";
import type { Frame } from "../../frame/frame.ts";
import type { Ns } from "../../frame/units.ts";
import type { GapCause, SchedClass } from "../../sched/gap_cause.ts";
import type { GuestClockFit } from "./guest_clock.ts";
import type { HostGuestStateColumns, HostGuestStatesOptions } from "./host_guest_states.ts";
import type { GuestWaitPart } from "./merged_parts.ts";

/** ns of each of `GUEST_WAIT_PARTS`. */
export type GuestWaitParts = Record<GuestWaitPart, Ns>;

/** Columns of {@linkcode HostGuest.waits}. Times are ns of the host's CLOCK_MONOTONIC. */
export type GuestWaitColumns =
  & {
    /** Start, since {@linkcode HostGuest.epoch}. */
    ts: Ns;
    /** Its length; the parts add up to it exactly. */
    dur: Ns;
    /** Thread of the guest that waited. */
    tid: Int32Array;
    comm: DictColumn;
    /** `preempted` or `woken`, as it began. */
    kind: DictColumn<"preempted" | "woken">;
    /** vCPU on whose queue it ended. */
    vcpu: Int32Array;
    /** The largest part. */
    cause: DictColumn<GuestWaitPart>;
    /** Who on the host took the most of the vCPU's time meanwhile: a thread, or an interrupt; empty where nobody did. */
    culprit: DictColumn;
    /** -1 where it is no thread. */
    culprit_tid: Int32Array;
    culprit_class: DictColumn<SchedClass>;
    /** CPU of the host on which it did; -1 unknown. */
    culprit_cpu: Int32Array;
    /** The largest cause of the wait by the guest's own trace, which knows nothing of the host. */
    guest_cause: DictColumn<GapCause>;
    /** Thread of the guest that took the most of it by the guest's own trace. */
    guest_culprit: DictColumn;
    /** -1 where there is none. */
    guest_culprit_tid: Int32Array;
  }
  & GuestWaitParts
  & {
    /** Most by which the clocks' error can have put each part off: the fit's `max` for each vCPU on whose queue it was. */
    error: Ns;
    /** 1 where a trace has a hole in it, or it is cut by the edge of what both traces tell. */
    censored: Uint8Array;
  };

/** Columns of {@linkcode HostGuest.threads}. In each row `wall` is the sum of all parts exactly. */
export type GuestThreadColumns =
  & {
    /** Thread of the guest. */
    tid: Int32Array;
    comm: DictColumn;
    /** Its life within the span, ns. */
    wall: Ns;
    /** Share of it that both traces tell, 0 to 1. */
    coverage: Float64Array;
    /** On the guest's CPU, while the vCPU was on a CPU of the host. */
    run: Ns;
    /** On the guest's CPU, while the vCPU wanted to run on the host and did not (or the host handled an interrupt). */
    stolen: Ns;
    /** On the guest's CPU, while the vCPU's thread slept on the host: the hypervisor was at work for it. */
    paused: Ns;
  }
  & GuestWaitParts
  & {
    /** Asleep in the guest, interruptibly. */
    asleep: Ns;
    /** Asleep in the guest, uninterruptibly. */
    blocked: Ns;
    /** Stopped or traced in the guest. */
    stopped: Ns;
    /** Its waits: the sum of the parts of `GUEST_WAIT_PARTS`, but for what of `unknown` was no wait. */
    wait: Ns;
    /** How many. */
    waits: Int32Array;
    /** Most by which the clocks' error can have put each part of its waits off. */
    error: Ns;
  };

/** Columns of {@linkcode HostGuest.vcpus}. In each row `wall` is the sum of all parts exactly. */
export type VcpuColumns =
  & {
    /** Number of the CPU in the guest. */
    vcpu: Int32Array;
    /** Thread on the host. */
    tid: Int32Array;
    comm: DictColumn;
    /** The span, ns. */
    wall: Ns;
    /** Share of it that the host's trace tells. */
    coverage: Float64Array;
    /** On a CPU of the host. */
    run: Ns;
  }
  & Omit<GuestWaitParts, "guest_queued">
  & {
    /** CPUs of the host that it ran on. */
    pcpus: Int32Array;
    /** How often it went on on another CPU than it had run on. */
    migrations: Int32Array;
  };

/** Columns of {@linkcode HostGuest.culprits}. */
export type HostCulpritColumns = {
  /** Thread of the host (or interrupt) in whose favour vCPUs waited. */
  culprit: DictColumn;
  /** -1 for an interrupt. */
  culprit_tid: Int32Array;
  culprit_class: DictColumn<SchedClass>;
  /** Time in which vCPUs waited for it. */
  vcpu_wait: Ns;
  /** Time of the guest's threads that waited meanwhile. */
  guest_wait: Ns;
  /** Time that the guest's running threads lost to it. */
  stolen: Ns;
};

/** Columns of {@linkcode HostGuest.causes}. */
export type GuestWaitCauseColumns = {
  part: DictColumn<GuestWaitPart>;
  /** ns over the waits of all threads. */
  dur: Ns;
  /** Share of all waiting, 0 to 1. */
  share: Float64Array;
};

/** A guest's trace and its host's on one clock, the host's. */
export interface HostGuest {
  /** Stamp of ts = 0, ns of the host's CLOCK_MONOTONIC: the host trace's epoch. */
  readonly epoch: bigint;
  /** What both traces tell, ns since the epoch. */
  readonly span: { readonly from: number; readonly to: number };
  /** How the clocks were fitted. */
  readonly clock: GuestClockFit;
  /** Every thread of the guest, the one with the most waiting first: where its life went. */
  readonly threads: Frame<GuestThreadColumns>;
  /** Every vCPU by number: where its thread's time went on the host. */
  readonly vcpus: Frame<VcpuColumns>;
  /** The waits of the guest's threads, in order of time. */
  readonly waits: Frame<GuestWaitColumns>;
  /** Waits that there were; more than `waits` has rows where a limit kept the longest only. */
  readonly total: number;
  /** The waits of all threads by part, the largest first. */
  readonly causes: Frame<GuestWaitCauseColumns>;
  /** Who on the host took the vCPUs' time, whoever took most first. */
  readonly culprits: Frame<HostCulpritColumns>;
  /**
   * The timeline: what each vCPU and each thread of the guest did, as rows in exclusive states. Of long traces ask for a part of the time: a thread
   * that waits has a row for whatever its vCPU does meanwhile.
   */
  states(options?: HostGuestStatesOptions): Frame<HostGuestStateColumns>;
}
