import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { ns } from "../../frame/units.ts";
import { sleepState } from "../../sched/sleep_state.ts";
import { Doing } from "../../sched/thread_segments.ts";
import type {
  GuestThreadColumns,
  GuestWaitCauseColumns,
  GuestWaitParts,
  HostCulpritColumns,
} from "./host_guest.ts";
import { GUEST_WAIT_PARTS, isVcpuWait, PART, PARTS } from "./merged_parts.ts";
import type { MergedTime } from "./merged_time.ts";

/** Behind the parts of a wait: what else a thread's life has. */
const MORE = ["run", "stolen", "paused", "asleep", "blocked", "stopped", "wait", "waits", "error"] as const;
const AT = Object.fromEntries(MORE.map((name, i) => [name, PARTS + i])) as Record<
  typeof MORE[number],
  number
>;
const WIDTH = PARTS + MORE.length;

/** A wait: of thread number `k`, rows `first` to `last` of the table. */
export interface FoundWait {
  readonly k: number;
  readonly first: number;
  readonly last: number;
  /** ns since the host's epoch. */
  readonly from: number;
  readonly to: number;
}

/** Keeps account of where the lives of a guest's threads went. */
export class GuestBook {
  /** Every wait, by thread, then time. */
  readonly waits: FoundWait[] = [];
  readonly #time: MergedTime;
  readonly #max: number;
  readonly #sums: Float64Array;
  /** The waits of all threads by part. */
  readonly #all = new Float64Array(PARTS);
  /** By culprit: ns of the guest's waiting, and of its running. */
  readonly #waited: number[] = [];
  readonly #stolen: number[] = [];

  /** `max` is the clocks' largest error, ns. */
  constructor(time: MergedTime, max: number) {
    this.#time = time;
    this.#max = max;
    this.#sums = new Float64Array(time.table.tids.length * WIDTH);
  }

  take(k: number): void {
    const time = this.#time;
    const { table } = time;
    const sums = this.#sums.subarray(k * WIDTH, (k + 1) * WIDTH);
    let begun = -1, first = -1, last = -1, until = -1, cpus = 0;
    const close = () => {
      if (first < 0) return;
      this.waits.push({ k, first, last, from: begun, to: until });
      sums[AT.wait]! += until - begun;
      sums[AT.waits]!++;
      sums[AT.error]! += Math.min(until - begun, this.#max * cpus);
      first = -1;
    };
    time.segments(k, (i, a, b) => {
      if (time.waits(i)) {
        if (first < 0 || until !== a || last !== i - 1) {
          close();
          [begun, first, cpus] = [a, i, 1];
        } else if (table.cpu[i] !== table.cpu[last]) cpus++;
        [last, until] = [i, b];
        return time.split(table.cpu[i]!, a, b, (part, dur, culprit) => {
          sums[part]! += dur;
          this.#all[part]! += dur;
          if (culprit >= 0 && isVcpuWait(part)) {
            this.#waited[culprit] = (this.#waited[culprit] ?? 0) + dur;
          }
        });
      }
      close();
      this.#other(sums, i, a, b);
    });
    close();
  }

  /** A segment that is no wait. */
  #other(sums: Float64Array, i: number, a: number, b: number): void {
    const { table, guest } = this.#time;
    const doing = i < 0 ? -1 - i : table.hidden[i] === 1 ? Doing.Unknown : table.doing[i]!;
    if (doing === Doing.Gone) return;
    if (doing === Doing.Running) {
      return this.#time.split(table.cpu[i]!, a, b, (part, dur, culprit) => {
        if (part === PART.unknown) sums[part]! += dur;
        else if (part === PART.guest_queued) sums[AT.run]! += dur;
        else if (isVcpuWait(part)) {
          sums[AT.stolen]! += dur;
          if (culprit >= 0) this.#stolen[culprit] = (this.#stolen[culprit] ?? 0) + dur;
        } else sums[AT.paused]! += dur;
      });
    }
    if (doing !== Doing.Asleep) {
      sums[PART.unknown]! += b - a;
      return;
    }
    const sleep = i < 0 ? "sleeping" : sleepState(guest.stream, table.event[i]!);
    sums[sleep === "sleeping" ? AT.asleep : AT[sleep]]! += b - a;
  }

  threads(): Frame<GuestThreadColumns> {
    const { table, names } = this.#time;
    const sums = this.#sums;
    const wall = Float64Array.from(table.tids, (_, k) => {
      let sum = 0;
      for (let i = 0; i < AT.wait; i++) sum += sums[k * WIDTH + i]!;
      return sum;
    });
    const kept = [...wall.keys()].filter((k) => wall[k]! > 0);
    kept.sort((x, y) => sums[y * WIDTH + AT.wait]! - sums[x * WIDTH + AT.wait]!);
    const column = (i: number) => ns(Float64Array.from(kept, (k) => sums[k * WIDTH + i]!));
    const parts = Object.fromEntries(GUEST_WAIT_PARTS.map((name, i) => [name, column(i)])) as GuestWaitParts;
    return new Frame<GuestThreadColumns>({
      tid: Int32Array.from(kept, (k) => table.tids[k]!),
      comm: DictColumn.from(kept.map((k) => names[1].get(table.tids[k]!) ?? "")),
      wall: ns(Float64Array.from(kept, (k) => wall[k]!)),
      coverage: Float64Array.from(kept, (k) => 1 - sums[k * WIDTH + PART.unknown]! / wall[k]!),
      run: column(AT.run),
      stolen: column(AT.stolen),
      paused: column(AT.paused),
      ...parts,
      asleep: column(AT.asleep),
      blocked: column(AT.blocked),
      stopped: column(AT.stopped),
      wait: column(AT.wait),
      waits: Int32Array.from(kept, (k) => sums[k * WIDTH + AT.waits]!),
      error: column(AT.error),
    });
  }

  causes(): Frame<GuestWaitCauseColumns> {
    const all = this.#all;
    const total = all.reduce((sum, part) => sum + part, 0);
    const order = [...all.keys()].filter((i) => all[i]! > 0).sort((x, y) => all[y]! - all[x]!);
    return new Frame<GuestWaitCauseColumns>({
      part: new DictColumn(Uint8Array.from(order), GUEST_WAIT_PARTS),
      dur: ns(Float64Array.from(order, (i) => all[i]!)),
      share: Float64Array.from(order, (i) => all[i]! / total),
    });
  }

  culprits(): Frame<HostCulpritColumns> {
    const time = this.#time;
    const { culprits } = time.vcpuTimes;
    const vcpu = new Float64Array(culprits.length);
    for (const { index } of time.vcpus) {
      time.split(index, time.from, time.to, (part, dur, culprit) => {
        if (culprit >= 0 && isVcpuWait(part)) vcpu[culprit]! += dur;
      });
    }
    const order = [...vcpu.keys()].filter((i) => vcpu[i]! > 0).sort((x, y) => vcpu[y]! - vcpu[x]!);
    return new Frame<HostCulpritColumns>({
      culprit: DictColumn.from(order.map((i) => culprits[i]!.comm)),
      culprit_tid: Int32Array.from(order, (i) => culprits[i]!.tid),
      culprit_class: DictColumn.from(order.map((i) => culprits[i]!.class)),
      vcpu_wait: ns(Float64Array.from(order, (i) => vcpu[i]!)),
      guest_wait: ns(Float64Array.from(order, (i) => this.#waited[i] ?? 0)),
      stolen: ns(Float64Array.from(order, (i) => this.#stolen[i] ?? 0)),
    });
  }
}
