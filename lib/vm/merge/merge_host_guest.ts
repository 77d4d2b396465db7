import type { CoreKnowledge } from "../../sched/idle_causes.ts";
import type { Trace } from "../../trace/trace.ts";
import { GuestBook } from "./guest_book.ts";
import { guestWaits } from "./guest_waits.ts";
import type { GuestClockFit, GuestClocks } from "./guest_clock.ts";
import type { HostGuest } from "./host_guest.ts";
import { hostGuestStates } from "./host_guest_states.ts";
import { MergedTime, type VcpuThread } from "./merged_time.ts";
import { vcpuFrame } from "./vcpu_frame.ts";

/** What {@linkcode mergeHostGuest} merges. */
export interface MergeHostGuestOptions extends CoreKnowledge {
  /** The host's trace, on the clock `mono`; it has the threads of the vCPUs. A window of it will do. */
  host: Trace;
  /** The guest's trace, on the clock that `clock` is of. A window of it will do. */
  guest: Trace;
  /** How the guest's clock maps to the host's CLOCK_MONOTONIC: what `AgentChannel.clock()` gives, or the fit of the trace's clock alone. */
  clock: GuestClockFit | GuestClocks;
  /** Which thread of the host is which CPU of the guest: `Guest.vcpus`. */
  vcpus: readonly VcpuThread[];
  /** Only these threads of the guest. Default: all but the idle ones. */
  tids?: Iterable<number>;
  /** Shortest wait that `waits` has, ns; the sums are of all. Default: 0. */
  threshold?: number;
  /** Most waits that `waits` has, the longest ones. Default: 10,000. */
  limit?: number;
}

/**
 * Lays a guest's trace over its host's, and splits each wait of a thread of the guest: while it was runnable in the guest and did not run, its
 * vCPU ran (so that it waited in the guest's own queue), wanted to run on the host and did not (with the host's cause and culprit, as
 * `gaps` finds them), or its thread slept. The parts of a wait add up to it exactly.
 *
 * All times are whole ns of the host's CLOCK_MONOTONIC. Where the fit of the clocks is off by e, each part of a stretch on one vCPU is off by
 * at most e, and their sum not at all: `error` says so of each row. Only what both traces tell is looked at (`span`); where either has a
 * hole, the time is `unknown` and the row `censored`. With several guests on one host, merge each by itself: the others' vCPUs are culprits like
 * any thread. `cores` and `cookies` are the host's.
 *
 * Needs `sched:sched_switch`, and `sched:sched_waking` or `sched:sched_wakeup`, in both; throws `MissingEventError` without, and a `VmError`
 * where the traces have no time in common, the host's does not run on `mono`, or two vCPUs have the same thread.
 */
export function mergeHostGuest(options: MergeHostGuestOptions): HostGuest {
  const { host, guest, clock, vcpus, threshold = 0, limit = 10_000 } = options;
  const time = new MergedTime(host, guest, clock, vcpus, options);
  const { fit } = time.mapping;
  const book = new GuestBook(time, fit.max);
  time.table.tids.forEach((_, k) => book.take(k));
  const waits = guestWaits(time, book.waits, { threshold, limit, max: fit.max });
  return {
    epoch: time.host.epoch,
    span: { from: time.from, to: time.to },
    clock: fit,
    threads: book.threads(),
    vcpus: vcpuFrame(time),
    ...waits,
    causes: book.causes(),
    culprits: book.culprits(),
    states: (wanted = {}) => hostGuestStates(time, wanted),
  };
}
