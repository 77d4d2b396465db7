import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns } from "../../frame/units.ts";
import type { MergedTime } from "./merged_time.ts";
import { GUEST_WAIT_PARTS, isVcpuWait, PART } from "./merged_parts.ts";
import { Doing } from "../../sched/thread_segments.ts";
import { sleepState } from "../../sched/sleep_state.ts";

/**
 * What a vCPU or a thread of a guest did. `run`: on a CPU of the host (and of the guest); `stolen`: on a CPU of the guest whose vCPU waited on
 * the host; `paused`: the same, but the vCPU's thread slept on the host; `asleep`, `blocked`, `stopped`: in the guest, as `states` has them; the
 * others are `GUEST_WAIT_PARTS`, of a vCPU what its thread waited for on the host.
 */
export const HOST_GUEST_STATES = [
  ...GUEST_WAIT_PARTS,
  "run",
  "stolen",
  "paused",
  "asleep",
  "blocked",
  "stopped",
] as const;

/** One of {@linkcode HOST_GUEST_STATES}. */
export type HostGuestState = typeof HOST_GUEST_STATES[number];

/** Columns of {@linkcode HostGuest.states}. */
export type HostGuestStateColumns = {
  /** `vcpu`: a vCPU's thread on the host; `guest`: a thread in the guest. */
  level: DictColumn<"vcpu" | "guest">;
  /** Thread: of the host for `vcpu`, of the guest for `guest`. */
  tid: Int32Array;
  comm: DictColumn;
  /** The vCPU; for a thread of the guest that on which it ran or was queued, or ran last. -1 unknown. */
  vcpu: Int32Array;
  /** CPU of the host of that vCPU; -1 unknown. */
  cpu: Int32Array;
  /** Start, ns since {@linkcode HostGuest.epoch}. */
  ts: Ns;
  /** ns. */
  dur: Ns;
  state: DictColumn<HostGuestState>;
  /** Who on the host had the vCPU's CPU meanwhile; empty where nobody is known. */
  culprit: DictColumn;
  /** -1 where it is no thread. */
  culprit_tid: Int32Array;
};

/** Options of {@linkcode HostGuest.states}. */
export interface HostGuestStatesOptions {
  /** ns since the epoch. Default: the start of the span. */
  from?: number;
  /** ns since the epoch. Default: the end of the span. */
  to?: number;
  /** Only these threads of the guest. Default: all but the idle ones. */
  tids?: Iterable<number>;
}

const STATE = Object.fromEntries(HOST_GUEST_STATES.map((state, i) => [state, i])) as Record<
  HostGuestState,
  number
>;

/** The rows of {@linkcode HostGuest.states}: first the vCPUs by number, then the guest's threads by tid, each in order of time. */
export function hostGuestStates(
  time: MergedTime,
  options: HostGuestStatesOptions,
): Frame<HostGuestStateColumns> {
  const from = Math.max(options.from ?? -Infinity, time.from);
  const to = Math.min(options.to ?? Infinity, time.to);
  const only = options.tids === undefined ? undefined : new Set(options.tids);
  const rows = new StateRows(time);
  for (const { index, tid } of time.vcpus) {
    if (to <= from) break;
    time.split(index, from, to, (part, _, culprit, a, b, cpu) => {
      rows.put(0, tid, index, cpu, a, b, part === PART.guest_queued ? STATE.run : part, culprit);
    });
  }
  const { table } = time;
  table.tids.forEach((tid, k) => {
    if (only !== undefined && !only.has(tid)) return;
    time.segments(k, (i, a, b) => {
      const begin = Math.max(a, from);
      const end = Math.min(b, to);
      if (end <= begin) return;
      const doing = i < 0 ? -1 - i : table.hidden[i] === 1 ? Doing.Unknown : table.doing[i]!;
      const vcpu = i < 0 ? -1 : table.cpu[i]!;
      switch (doing) {
        case Doing.Gone:
          return;
        case Doing.Unknown:
          return rows.put(1, tid, vcpu, -1, begin, end, PART.unknown, -1);
        case Doing.Asleep: {
          const sleep = i < 0 ? "sleeping" : sleepState(time.guest.stream, table.event[i]!);
          const state = sleep === "sleeping" ? STATE.asleep : STATE[sleep];
          return rows.put(1, tid, vcpu, -1, begin, end, state, -1);
        }
        default: {
          const runs = doing === Doing.Running;
          time.split(vcpu, begin, end, (part, _, culprit, x, y, cpu) => {
            const state = !runs || part === PART.unknown
              ? part
              : part === PART.guest_queued
              ? STATE.run
              : isVcpuWait(part)
              ? STATE.stolen
              : STATE.paused;
            rows.put(1, tid, vcpu, cpu, x, y, state, culprit);
          });
        }
      }
    });
  });
  return rows.frame();
}

class StateRows {
  readonly #time: MergedTime;
  readonly #level: number[] = [];
  readonly #tid: number[] = [];
  readonly #vcpu: number[] = [];
  readonly #cpu: number[] = [];
  readonly #ts: number[] = [];
  readonly #to: number[] = [];
  readonly #state: number[] = [];
  readonly #culprit: number[] = [];

  constructor(time: MergedTime) {
    this.#time = time;
  }

  put(
    level: number,
    tid: number,
    vcpu: number,
    cpu: number,
    from: number,
    to: number,
    state: number,
    culprit: number,
  ): void {
    const last = this.#ts.length - 1;
    if (last >= 0 && this.#level[last] === level && this.#tid[last] === tid && this.#to[last]! > from) {
      return; // of a piece with several parts the first, and so the largest, is shown
    }
    if (
      last >= 0 && this.#level[last] === level && this.#tid[last] === tid && this.#to[last] === from &&
      this.#state[last] === state && this.#culprit[last] === culprit && this.#cpu[last] === cpu &&
      this.#vcpu[last] === vcpu
    ) {
      this.#to[last] = to;
      return;
    }
    this.#level.push(level);
    this.#tid.push(tid);
    this.#vcpu.push(vcpu);
    this.#cpu.push(cpu);
    this.#ts.push(from);
    this.#to.push(to);
    this.#state.push(state);
    this.#culprit.push(culprit);
  }

  frame(): Frame<HostGuestStateColumns> {
    const { culprits } = this.#time.vcpuTimes;
    const [host, guest] = this.#time.names;
    return new Frame<HostGuestStateColumns>({
      level: new DictColumn(Uint8Array.from(this.#level), ["vcpu", "guest"]),
      tid: Int32Array.from(this.#tid),
      comm: DictColumn.from(this.#tid.map((tid, i) => (this.#level[i] === 0 ? host : guest).get(tid) ?? "")),
      vcpu: Int32Array.from(this.#vcpu),
      cpu: Int32Array.from(this.#cpu),
      ts: ns(Float64Array.from(this.#ts)),
      dur: ns(Float64Array.from(this.#ts, (ts, i) => this.#to[i]! - ts)),
      state: new DictColumn(Uint8Array.from(this.#state), HOST_GUEST_STATES),
      culprit: DictColumn.from(this.#culprit.map((who) => culprits[who]?.comm ?? "")),
      culprit_tid: Int32Array.from(this.#culprit, (who) => culprits[who]?.tid ?? -1),
    });
  }
}
