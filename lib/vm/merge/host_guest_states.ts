import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns } from "../../frame/units.ts";
import { VmError } from "../errors.ts";
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

/**
 * The rows of {@linkcode HostGuest.states}: first the vCPUs by number, then the guest's threads by tid, each in order of time. Throws a `VmError` where there are
 * more than 8 million.
 */
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

/** Most rows: each waiting thread has one for whatever its vCPU does meanwhile, so that a long trace of many threads has no end of them. */
const MOST = 2 ** 23;

class StateRows {
  readonly #time: MergedTime;
  #rows = 0;
  #level = new Uint8Array(1024);
  #tid = new Int32Array(1024);
  #vcpu = new Int32Array(1024);
  #cpu = new Int32Array(1024);
  #ts = new Float64Array(1024);
  #to = new Float64Array(1024);
  #state = new Uint8Array(1024);
  #culprit = new Int32Array(1024);

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
    const last = this.#rows - 1;
    if (last >= 0 && this.#level[last] === level && this.#tid[last] === tid) {
      if (this.#to[last]! > from) return; // of a piece with several parts the first, and so the largest, is shown
      if (
        this.#to[last] === from && this.#state[last] === state && this.#culprit[last] === culprit &&
        this.#cpu[last] === cpu && this.#vcpu[last] === vcpu
      ) {
        this.#to[last] = to;
        return;
      }
    }
    const row = this.#rows++;
    if (row === this.#ts.length) this.#widen();
    this.#level[row] = level;
    this.#tid[row] = tid;
    this.#vcpu[row] = vcpu;
    this.#cpu[row] = cpu;
    this.#ts[row] = from;
    this.#to[row] = to;
    this.#state[row] = state;
    this.#culprit[row] = culprit;
  }

  #widen(): void {
    if (this.#ts.length >= MOST) {
      throw new VmError(
        `More than ${
          MOST.toLocaleString("en-US")
        } states were found: ask for less time or fewer threads (from, to, tids)`,
      );
    }
    this.#level = widened(this.#level);
    this.#tid = widened(this.#tid);
    this.#vcpu = widened(this.#vcpu);
    this.#cpu = widened(this.#cpu);
    this.#ts = widened(this.#ts);
    this.#to = widened(this.#to);
    this.#state = widened(this.#state);
    this.#culprit = widened(this.#culprit);
  }

  frame(): Frame<HostGuestStateColumns> {
    const rows = this.#rows;
    const { culprits } = this.#time.vcpuTimes;
    const culprit = this.#culprit.slice(0, rows);
    return new Frame<HostGuestStateColumns>({
      level: new DictColumn(this.#level.slice(0, rows), ["vcpu", "guest"]),
      tid: this.#tid.slice(0, rows),
      comm: this.#comm(),
      vcpu: this.#vcpu.slice(0, rows),
      cpu: this.#cpu.slice(0, rows),
      ts: ns(this.#ts.slice(0, rows)),
      dur: ns(this.#to.slice(0, rows).map((to, row) => to - this.#ts[row]!)),
      state: new DictColumn(this.#state.slice(0, rows), HOST_GUEST_STATES),
      culprit: coded(rows, (row) => culprits[culprit[row]!]?.comm ?? "", (row) => culprit[row]!),
      culprit_tid: culprit.map((who) => culprits[who]?.tid ?? -1),
    });
  }

  #comm(): DictColumn {
    const names = this.#time.names;
    return coded(
      this.#rows,
      (row) => names[this.#level[row]!]!.get(this.#tid[row]!) ?? "",
      (row) => this.#tid[row]! * 2 + this.#level[row]!,
    );
  }
}

/** A column of texts that rows of one `key` share, each asked for once. */
function coded(rows: number, text: (row: number) => string, key: (row: number) => number): DictColumn {
  const dictionary = new Map<string, number>();
  const known = new Map<number, number>();
  const codes = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) {
    const of = key(row);
    let code = known.get(of);
    if (code === undefined) {
      const name = text(row);
      code = dictionary.get(name);
      if (code === undefined) dictionary.set(name, code = dictionary.size);
      known.set(of, code);
    }
    codes[row] = code;
  }
  return new DictColumn(codes, [...dictionary.keys()]);
}

/** `column` at twice its length. */
function widened<T extends Float64Array | Int32Array | Uint8Array>(column: T): T {
  const wider = new (column.constructor as new (length: number) => T)(column.length * 2);
  wider.set(column);
  return wider;
}
