import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns, type Ratio, ratio } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { type AuditInput, auditInput, type CoreAuditOptions } from "./audit_input.ts";
import { type CpuTimeline, UNKNOWN } from "./cpu_timeline.ts";
import { Episodes } from "./episodes.ts";

/** Columns of {@linkcode CollectiveSwitches.switches}. Every time is in ns. */
export type CollectiveSwitchColumns = {
  /** When the first CPU left the group before, ns since the epoch. */
  ts: Ns;
  /** CPUs of the core, such as `0,2`. */
  core: DictColumn;
  /** Group that had the core. */
  group_from: DictColumn;
  /** Group that had it afterwards. */
  group_to: DictColumn;
  /** CPUs that left the one for the other. */
  cpus: Int32Array;
  /** From the first of them that left to the last. */
  skew: Ns;
  /** From the first CPU that entered the new group to the last whose thread had been waiting for it. */
  fill: Ns;
  /** Time in which threads of both ran on the core. */
  overlap: Ns;
  /** Time in which neither did. */
  dead: Ns;
  /** 1 where the trace does not tell all the while who ran on the core. */
  censored: Uint8Array;
};

/** Columns of {@linkcode CollectiveSwitches.cores}. Every time is in ns. */
export type CollectiveCoreColumns = {
  /** CPUs of the core, such as `0,2`. */
  core: DictColumn;
  /** Changes from one group to another. */
  switches: Int32Array;
  /** Those in which more than one CPU had to leave: only they have a skew. */
  collective: Int32Array;
  /** Exact percentiles of the skew of those; NaN where there is none. */
  p50_skew: Ns;
  p99_skew: Ns;
  max_skew: Ns;
  /** Overlap of all changes. */
  overlap: Ns;
  p50_overlap: Ns;
  p99_overlap: Ns;
  max_overlap: Ns;
  /** Share of the changes whose overlap is not longer than `epsilon`, 0 to 1; NaN where there is none. */
  atomic: Ratio;
};

/** Changes of cores from one group to another. */
export interface CollectiveSwitches {
  /** A row for each change, by core, then time. */
  readonly switches: Frame<CollectiveSwitchColumns>;
  /** A row for each core. */
  readonly cores: Frame<CollectiveCoreColumns>;
}

/**
 * How atomically cores change from one group of threads to another.
 *
 * A change is from a time in which of the groups that must not meet only one ran on the core to the next in which only another did, where
 * none but the two ran between them. Trusted threads and idling do not count. It begins with the first CPU that leaves the old group for
 * it (`t_first`): one that ran it when the first thread of the new group came (at `t_enter`) or after that, or one that was taken from
 * a thread of it, before that, which stayed runnable and has not run on the core since. It is over when the old group runs nowhere on the core and the
 * new one does. A change for which no CPU leaves, because the old group had gone to sleep before, is none.
 *
 * Needs `sched:sched_switch`; wakeups tell which threads had been waiting. Throws `MissingEventError`, and RangeError where
 * neither the trace nor `cores` tells the siblings. A `core` may be any set of CPUs that should change together.
 */
export function collectiveSwitches(trace: Trace, options: CoreAuditOptions = {}): CollectiveSwitches {
  return collectiveSwitchesOf(auditInput(trace, options));
}

/** {@linkcode collectiveSwitches} of what was prepared. */
export function collectiveSwitchesOf(input: AuditInput): CollectiveSwitches {
  const rows = new Changes();
  const ends = input.cores.map((cpus, core) => {
    new CoreChanges(input, rows, core, cpus.map((cpu) => input.timelines.get(cpu)!)).run();
    return rows.ts.length;
  });
  const skews = new Episodes();
  const overlaps = new Episodes();
  rows.core.forEach((core, row) => {
    overlaps.add(core, rows.ts[row]!, rows.overlap[row]!, rows.censored[row] === 1);
    if (rows.cpus[row]! > 1) skews.add(core, rows.ts[row]!, rows.skew[row]!, rows.censored[row] === 1);
  });
  const skew = skews.summary(ends.length, input.epsilon);
  const overlap = overlaps.summary(ends.length, input.epsilon);
  const cores = input.cores.map((cpus) => cpus.join(","));
  const column = (values: number[]) => ns(Float64Array.from(values));
  return {
    switches: new Frame<CollectiveSwitchColumns>({
      ts: column(rows.ts),
      core: new DictColumn(Uint32Array.from(rows.core), cores),
      group_from: new DictColumn(Uint32Array.from(rows.from), input.names),
      group_to: new DictColumn(Uint32Array.from(rows.to), input.names),
      cpus: Int32Array.from(rows.cpus),
      skew: column(rows.skew),
      fill: column(rows.fill),
      overlap: column(rows.overlap),
      dead: column(rows.dead),
      censored: Uint8Array.from(rows.censored),
    }),
    cores: new Frame<CollectiveCoreColumns>({
      core: DictColumn.from(cores),
      switches: overlap.count,
      collective: skew.count,
      p50_skew: ns(skew.p50),
      p99_skew: ns(skew.p99),
      max_skew: ns(skew.max),
      overlap: ns(overlap.time),
      p50_overlap: ns(overlap.p50),
      p99_overlap: ns(overlap.p99),
      max_overlap: ns(overlap.max),
      atomic: ratio(
        Float64Array.from(overlap.count, (n, core) => n === 0 ? NaN : 1 - overlap.beyondCount[core]! / n),
      ),
    }),
  };
}

/** Columns that grow by a row for each change. */
class Changes {
  readonly ts: number[] = [];
  readonly core: number[] = [];
  readonly from: number[] = [];
  readonly to: number[] = [];
  readonly cpus: number[] = [];
  readonly skew: number[] = [];
  readonly fill: number[] = [];
  readonly overlap: number[] = [];
  readonly dead: number[] = [];
  readonly censored: number[] = [];
}

/** Code of a CPU that idles or runs a thread that is trusted. */
const NOBODY = -1;

/** The changes of one core. */
class CoreChanges {
  readonly #input: AuditInput;
  readonly #rows: Changes;
  readonly #core: number;
  readonly #timelines: readonly CpuTimeline[];
  /** By CPU of the core: slice, group that runs, {@linkcode NOBODY} or {@linkcode UNKNOWN}. */
  readonly #slice: Int32Array;
  readonly #runs: Int32Array;
  /** By CPU: when it left a group last (NaN where that came back), which, and whether the thread waits since then. */
  readonly #leftAt: Float64Array;
  readonly #left: Int32Array;
  readonly #leftTid: Int32Array;
  readonly #displaced: Uint8Array;
  /** By CPU: 1 where it entered the new group. */
  readonly #entered: Uint8Array;
  /** Group that had the core last. */
  #pure = -1;
  /** Group that is about to take it over, since when it is there, when its last CPU came that had been waited for. */
  #next = -1;
  #enter = NaN;
  #lastEnter = NaN;
  #overlap = 0;
  /** Time in which nobody had the core, all together, and by CPU what that was when it left. */
  #dead = 0;
  readonly #deadAt: Float64Array;
  /** Whether more than two groups had a part in the change that is under way. */
  #mixed = false;
  /** Until when it was last not known who ran. */
  #hidden = -Infinity;
  /** Row of the change after which CPUs may still enter; -1 none. */
  #open = -1;

  constructor(input: AuditInput, rows: Changes, core: number, timelines: readonly CpuTimeline[]) {
    this.#input = input;
    this.#rows = rows;
    this.#core = core;
    this.#timelines = timelines;
    const cpus = timelines.length;
    this.#slice = new Int32Array(cpus);
    this.#runs = new Int32Array(cpus).fill(NOBODY);
    this.#leftAt = new Float64Array(cpus).fill(NaN);
    this.#deadAt = new Float64Array(cpus);
    this.#left = new Int32Array(cpus).fill(-1);
    this.#leftTid = new Int32Array(cpus).fill(-1);
    this.#displaced = new Uint8Array(cpus);
    this.#entered = new Uint8Array(cpus);
  }

  run(): void {
    const { from, to } = this.#input;
    this.#timelines.forEach((_, on) => this.#begin(on, 0, from));
    this.#judge(from);
    for (let at = from; at < to;) {
      let until = to;
      this.#timelines.forEach(({ ts, tid }, on) => {
        const slice = this.#slice[on]!;
        if (slice + 1 < tid.length && ts[slice + 1]! < until) until = ts[slice + 1]!;
      });
      if (until >= to) return;
      this.#pass(until - at, until);
      this.#timelines.forEach(({ ts, tid }, on) => {
        for (let next = this.#slice[on]! + 1; next < tid.length && ts[next] === until; next++) {
          this.#begin(on, next, until);
        }
      });
      this.#judge(until);
      at = until;
    }
  }

  /** Slice `slice` begins on the core's CPU number `on`. */
  #begin(on: number, slice: number, at: number): void {
    const { group, tid, displaced, ready } = this.#timelines[on]!;
    const before = this.#runs[on]!;
    const runs = this.#counted(group[slice]!);
    if (before >= 0 && before === this.#pure && runs !== before) {
      const left = this.#slice[on]!;
      this.#leftAt[on] = at;
      this.#deadAt[on] = this.#dead;
      this.#left[on] = before;
      this.#leftTid[on] = tid[left]!;
      this.#displaced[on] = displaced[left]!;
    }
    this.#slice[on] = slice;
    this.#runs[on] = runs;
    if (runs < 0) return;
    if (this.#left[on] === runs) this.#leftAt[on] = NaN;
    for (let each = 0; each < this.#leftTid.length; each++) {
      if (this.#leftTid[each] === tid[slice]) this.#displaced[each] = 0;
    }
    if (runs === before || this.#entered[on] === 1) return;
    // The first to enter is looked at when it is known that it is the first.
    const goal = this.#next >= 0 ? this.#next : this.#open >= 0 ? this.#pure : -1;
    if (runs !== goal) return;
    this.#entered[on] = 1;
    if (!(ready[slice]! <= this.#enter)) return;
    this.#lastEnter = at;
  }

  /** `dt` ns went by until `until`, with nothing changed. */
  #pass(dt: number, until: number): void {
    if (this.#runs.includes(UNKNOWN)) this.#hidden = until;
    const old = this.#runs.includes(this.#pure);
    const young = this.#next >= 0 && this.#runs.includes(this.#next);
    if (old && young) this.#overlap += dt;
    else if (!old && !young) this.#dead += dt;
  }

  /** Looks at who is on the core from `at` on. */
  #judge(at: number): void {
    this.#look(at);
    if (this.#open >= 0) this.#rows.fill[this.#open] = this.#lastEnter - this.#enter;
  }

  #look(at: number): void {
    let one = -1;
    let two = -1;
    let more = false;
    for (let on = 0; on < this.#runs.length; on++) {
      const group = this.#runs[on]!;
      if (group < 0 || group === one || group === two) continue;
      if (one < 0) one = group;
      else if (two < 0) two = group;
      else more = true;
    }
    if (one < 0) return;
    if (two < 0) this.#isPure(one, at);
    else {
      this.#open = -1;
      if (more || (one !== this.#pure && two !== this.#pure)) this.#mixed = true;
      else this.#comes(one === this.#pure ? two : one, at);
    }
  }

  /** Only `group` is there. */
  #isPure(group: number, at: number): void {
    if (group !== this.#pure) {
      if (this.#pure >= 0 && !this.#mixed) {
        this.#comes(group, at);
        if (!this.#mixed) this.#changed();
      }
      this.#pure = group;
      this.#forget();
    } else if (this.#next >= 0 || this.#mixed) this.#forget();
    this.#next = -1;
    this.#mixed = false;
  }

  /** Who left before has nothing to do with the next change. */
  #forget(): void {
    this.#leftAt.fill(NaN);
    this.#left.fill(-1);
    this.#leftTid.fill(-1);
  }

  /** `group` is there beside the one that had the core, or in its place. */
  #comes(group: number, at: number): void {
    if (this.#next === group) return;
    if (this.#next >= 0) {
      this.#mixed = true;
      return;
    }
    this.#open = -1;
    this.#next = group;
    this.#enter = this.#lastEnter = at;
    this.#overlap = 0;
    this.#runs.forEach((runs, on) => this.#entered[on] = runs === group ? 1 : 0);
  }

  /** The core has changed to `#next`. */
  #changed(): void {
    let first = Infinity;
    let last = -Infinity;
    let cpus = 0;
    let dead = 0;
    for (let on = 0; on < this.#left.length; on++) {
      const left = this.#leftAt[on]!;
      if (this.#left[on] !== this.#pure || !(left >= this.#enter || this.#displaced[on] === 1)) continue;
      if (left !== left) continue;
      cpus++;
      if (left < first) {
        first = left;
        dead = this.#deadAt[on]!;
      }
      if (left > last) last = left;
    }
    if (cpus === 0) return;
    const rows = this.#rows;
    this.#open = rows.ts.push(first) - 1;
    rows.core.push(this.#core);
    rows.from.push(this.#pure);
    rows.to.push(this.#next);
    rows.cpus.push(cpus);
    rows.skew.push(last - first);
    rows.fill.push(0);
    rows.overlap.push(this.#overlap);
    rows.dead.push(this.#dead - dead);
    rows.censored.push(this.#hidden > first || this.#runs.includes(UNKNOWN) ? 1 : 0);
  }

  #counted(group: number): number {
    if (group < 0) return group === UNKNOWN ? UNKNOWN : NOBODY;
    return this.#input.attacks[group] === 1 || this.#input.suffers[group] === 1 ? group : NOBODY;
  }
}
