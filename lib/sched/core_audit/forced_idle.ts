import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns, type Ratio, ratio } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { knownThreads } from "../known_threads.ts";
import { type AuditInput, auditInput, type CoreAuditOptions } from "./audit_input.ts";
import { type CpuTimeline, IDLE, UNKNOWN } from "./cpu_timeline.ts";
import { Episodes } from "./episodes.ts";
import { type IdleWaits, idleWaits } from "./idle_waits.ts";

/** Columns of {@linkcode ForcedIdle.cpus}. Every time is in ns. */
export type ForcedIdleColumns = {
  cpu: Int32Array;
  /** CPUs of its core, such as `0,2`. */
  core: DictColumn;
  /** Time in which it idled. */
  idle: Ns;
  /** Time in which it idled though a thread waited for it, while siblings ran threads of other groups only. */
  forced: Ns;
  /** `forced` as a share of the time in which it is known who ran on it, 0 to 1. */
  share: Ratio;
  /** Episodes: stretches of such time. */
  episodes: Int32Array;
  /** Exact percentiles of their lengths; NaN where there is none. */
  p50: Ns;
  p99: Ns;
  max: Ns;
  /** Time of the episodes longer than `epsilon`. Shorter ones are mostly wakeups on their way to an idle CPU, and have no other cause without core scheduling. */
  beyond: Ns;
  /** How many they are. */
  beyond_episodes: Int32Array;
  /** Time in which it idled though a thread waited for it, and the trace does not tell who ran on a sibling. */
  unknown: Ns;
  /**
   * What the core could have done in `forced`, as time of a thread that has a core for itself, for the least and the most of `kappa`:
   * forced * (2 kappa - 1). NaN for cores of more than two siblings.
   */
  lost_least: Ns;
  lost_most: Ns;
  /** Episodes that an edge of the span or a hole cuts. */
  censored: Int32Array;
  /** Share of the span in which it is known who ran on it, 0 to 1. */
  coverage: Ratio;
};

/** Columns of {@linkcode ForcedIdle.groups}. Every time is in ns. */
export type ForcedIdleGroupColumns = {
  group: DictColumn;
  /** CPU-time that siblings idled because of it, as the kernel charges it. */
  charged: Ns;
  /** `charged` as a share of all forced idle time, 0 to 1. */
  share: Ratio;
  /** Time in which one of its threads waited for a CPU that was forced to idle. */
  suffered: Ns;
};

/** Columns of {@linkcode ForcedIdle.threads}. */
export type ForcedIdleThreadColumns = {
  tid: Int32Array;
  comm: DictColumn;
  group: DictColumn;
  /** CPU-time that siblings idled because of it, ns: what `core_forceidle_sum` of /proc/PID/sched grows by. */
  charged: Ns;
};

/** What idling that other groups forced costs. */
export interface ForcedIdle {
  /** A row for each CPU of the cores. */
  readonly cpus: Frame<ForcedIdleColumns>;
  /** A row for each group that was charged or suffered, the most charged first. */
  readonly groups: Frame<ForcedIdleGroupColumns>;
  /** A row for each thread that was charged, the most charged first. */
  readonly threads: Frame<ForcedIdleThreadColumns>;
}

/** Options of {@linkcode forcedIdle}. */
export interface ForcedIdleOptions extends CoreAuditOptions {
  /**
   * Speed of a thread whose sibling is busy as a share of its speed alone, least and most: a core of two does 2 kappa with both busy.
   * Default [0.55, 0.75].
   */
  kappa?: readonly [number, number];
}

const KAPPA = [0.55, 0.75] as const;

/**
 * Forced idle: time in which a CPU idles though a thread waits for it, because a sibling runs threads that the waiting ones may not run
 * beside. Core scheduling does this (`sched_core_account_forceidle` in kernel/sched/core_sched.c); the price is charged to who runs.
 *
 * A CPU is forced to idle while it idles, threads wait for it, siblings run, and none of the waiting threads is of a group that runs
 * on a sibling (else the CPU has only not switched yet). Threads of no group are one group with the kernel's, as cookie 0 is.
 * With `count` CPUs of a core forced to idle and `occ` running, the kernel charges each running thread delta * count / occ; so
 * does this, and `threads` can be held against `core_forceidle_sum` in /proc/PID/sched (needs schedstats), `groups` against
 * `core_sched.force_idle_usec` in a cgroup's cpu.stat.
 *
 * A machine without core scheduling has short episodes too: a wakeup of an idle CPU takes some microseconds. See `beyond`. So does
 * a thread that its cgroup's quota keeps from running (cpu.max): the trace shows it runnable, and its CPU idle.
 *
 * Needs `sched:sched_switch`, and `sched:sched_waking` or `sched:sched_wakeup`; `sched:sched_migrate_task` tells where threads wait.
 * Throws `MissingEventError`, and RangeError where neither the trace nor `cores` tells the siblings.
 */
export function forcedIdle(trace: Trace, options: ForcedIdleOptions = {}): ForcedIdle {
  return forcedIdleOf(auditInput(trace, options), options.kappa);
}

/** {@linkcode forcedIdle} of what was prepared. */
export function forcedIdleOf(input: AuditInput, kappa: readonly [number, number] = KAPPA): ForcedIdle {
  const [least, most] = kappa;
  if (!(least >= 0.5 && least <= most && most <= 1)) {
    throw new RangeError(
      `Expected kappa to be two numbers from 0.5 to 1, the least first, but found [${kappa}]`,
    );
  }
  const account = new Account(input);
  const rows = input.cores.flatMap((cpus) =>
    cpus.map((cpu) => {
      const timeline = input.timelines.get(cpu)!;
      const siblings = cpus.filter((each) => each !== cpu).map((each) => input.timelines.get(each)!);
      return { cpu, core: cpus.join(","), smt2: cpus.length === 2, timeline, siblings };
    })
  );
  const waits = idleWaits(input);
  rows.forEach(({ cpu, timeline, siblings }, row) => account.cpu(row, timeline, siblings, waits.get(cpu)!));
  const span = input.to - input.from;
  const summary = account.episodes.summary(rows.length, input.epsilon);
  const covered = rows.map(({ timeline }) => span - timeIn(timeline, UNKNOWN));
  const lost = (speed: number) =>
    ns(Float64Array.from(rows, ({ smt2 }, row) => smt2 ? summary.time[row]! * (2 * speed - 1) : NaN));
  return {
    cpus: new Frame<ForcedIdleColumns>({
      cpu: Int32Array.from(rows, ({ cpu }) => cpu),
      core: DictColumn.from(rows.map(({ core }) => core)),
      idle: ns(Float64Array.from(rows, ({ timeline }) => timeIn(timeline, IDLE))),
      forced: ns(summary.time),
      share: ratio(summary.time.map((time, row) => covered[row] === 0 ? NaN : time / covered[row]!)),
      episodes: summary.count,
      p50: ns(summary.p50),
      p99: ns(summary.p99),
      max: ns(summary.max),
      beyond: ns(summary.beyond),
      beyond_episodes: summary.beyondCount,
      unknown: ns(Float64Array.from(rows, (_, row) => account.unknown[row]!)),
      lost_least: lost(least),
      lost_most: lost(most),
      censored: summary.cut,
      coverage: ratio(Float64Array.from(covered, (time) => span === 0 ? 1 : time / span)),
    }),
    groups: account.groups(summary.time.reduce((sum, time) => sum + time, 0)),
    threads: account.threads(),
  };
}

function timeIn({ ts, group }: CpuTimeline, code: number): number {
  let time = 0;
  for (let i = 0; i < group.length; i++) if (group[i] === code) time += ts[i + 1]! - ts[i]!;
  return time;
}

/** Adds up the idle slices of all CPUs. */
class Account {
  readonly episodes = new Episodes();
  /** By row: ns of which the trace does not tell. */
  readonly unknown: number[] = [];
  readonly #input: AuditInput;
  readonly #charged: Float64Array;
  readonly #suffered: Float64Array;
  readonly #chargedTo = new Map<number, number>();
  /** Group as the kernel sees it: without a cookie all are the same. */
  readonly #cookie: Int32Array;
  /** The siblings of the CPU that is added up, the slice of each that is reached, and the waits that are under way. */
  #siblings: readonly CpuTimeline[] = [];
  #cursor = new Int32Array();
  #active: number[] = [];

  constructor(input: AuditInput) {
    this.#input = input;
    const groups = input.names.length;
    this.#charged = new Float64Array(groups);
    this.#suffered = new Float64Array(groups);
    this.#cookie = Int32Array.from({ length: groups }, (_, group) => Math.min(group, groups - 2));
  }

  /** Adds the CPU of `timeline` as row `row`. */
  cpu(row: number, timeline: CpuTimeline, siblings: readonly CpuTimeline[], waits: IdleWaits): void {
    this.unknown[row] = 0;
    this.#siblings = siblings;
    this.#cursor = new Int32Array(siblings.length);
    const { slice } = waits;
    for (let first = 0, last = 0; first < slice.length; first = last) {
      while (last < slice.length && slice[last] === slice[first]) last++;
      this.#slice(row, timeline, waits, first, last);
    }
  }

  /** Adds the waits `first` to `last`, all of one idle slice. */
  #slice(row: number, timeline: CpuTimeline, waits: IdleWaits, first: number, last: number): void {
    const slice = waits.slice[first]!;
    const end = timeline.ts[slice + 1]!;
    let at = waits.from[first]!;
    let since = NaN;
    let cut = false;
    let hidden = at === this.#input.from ||
      (at === timeline.ts[slice] && timeline.group[slice - 1] === UNKNOWN);
    const close = (isCut: boolean) => {
      if (since === since) this.episodes.add(row, since, at - since, cut || isCut);
      since = NaN;
    };
    while (at < end) {
      const until = Math.min(this.#nextWait(waits, first, last, at, end), this.#nextSwitch(at));
      if (this.#active.length === 0) {
        close(false);
        hidden = false;
        at = until;
        continue;
      }
      const verdict = this.#verdict(waits.group);
      if (verdict === "forced") {
        if (since !== since) {
          since = at;
          cut = hidden;
        }
        for (const wait of this.#active) if (waits.censored[wait] === 1) cut = true;
        this.#charge(waits.group, until - at);
      } else {
        close(verdict === "unknown");
        if (verdict === "unknown") this.unknown[row]! += until - at;
      }
      hidden = verdict === "unknown";
      at = until;
    }
    close(at === this.#input.to || (at === end && timeline.group[slice + 1] === UNKNOWN));
  }

  /** Finds the waits that are under way at `at`; returns when the first of them ends or another begins, `end` at the latest. */
  #nextWait(waits: IdleWaits, first: number, last: number, at: number, end: number): number {
    this.#active.length = 0;
    let until = end;
    for (let wait = first; wait < last; wait++) {
      const from = waits.from[wait]!;
      const to = waits.to[wait]!;
      if (from > at) return Math.min(until, from);
      if (to <= at) continue;
      this.#active.push(wait);
      if (to < until) until = to;
    }
    return until;
  }

  /** Moves on to the slices of the siblings at `at`; returns when the first of them ends. */
  #nextSwitch(at: number): number {
    let until = Infinity;
    this.#siblings.forEach(({ ts, tid }, i) => {
      let slice = this.#cursor[i]!;
      while (slice + 1 < tid.length && ts[slice + 1]! <= at) slice++;
      this.#cursor[i] = slice;
      if (ts[slice + 1]! > at && ts[slice + 1]! < until) until = ts[slice + 1]!;
    });
    return until;
  }

  groups(all: number): Frame<ForcedIdleGroupColumns> {
    const rows = [...this.#charged.keys()].filter((group) =>
      this.#charged[group]! + this.#suffered[group]! > 0
    );
    return new Frame<ForcedIdleGroupColumns>({
      group: new DictColumn(Uint32Array.from(rows), this.#input.names),
      charged: ns(Float64Array.from(rows, (group) => this.#charged[group]!)),
      share: ratio(Float64Array.from(rows, (group) => this.#charged[group]! / all)),
      suffered: ns(Float64Array.from(rows, (group) => this.#suffered[group]!)),
    }).sort("charged", { descending: true });
  }

  threads(): Frame<ForcedIdleThreadColumns> {
    const known = knownThreads(this.#input.trace);
    const names = known.column("comm");
    const rowOf = new Map(Array.from(known.column("tid"), (tid, row) => [tid, row]));
    const tids = [...this.#chargedTo.keys()];
    return new Frame<ForcedIdleThreadColumns>({
      tid: Int32Array.from(tids),
      comm: DictColumn.from(tids.map((tid) => rowOf.has(tid) ? names.at(rowOf.get(tid)!) : "")),
      group: new DictColumn(Uint32Array.from(tids, this.#input.groupOf), this.#input.names),
      charged: ns(Float64Array.from(this.#chargedTo.values())),
    }).sort("charged", { descending: true });
  }

  #verdict(waiting: Int32Array): "forced" | "free" | "unknown" {
    let runs = false;
    let unknown = false;
    for (let i = 0; i < this.#siblings.length; i++) {
      const group = this.#siblings[i]!.group[this.#cursor[i]!]!;
      if (group === UNKNOWN) unknown = true;
      else if (group >= 0) {
        runs = true;
        for (const wait of this.#active) {
          if (this.#cookie[waiting[wait]!] === this.#cookie[group]) return "free";
        }
      }
    }
    return unknown ? "unknown" : runs ? "forced" : "free";
  }

  /** Charges `dt` to those who run, and remembers who suffers it. */
  #charge(waiting: Int32Array, dt: number): void {
    let running = 0;
    for (let i = 0; i < this.#siblings.length; i++) {
      if (this.#siblings[i]!.group[this.#cursor[i]!]! >= 0) running++;
    }
    for (let i = 0; i < this.#siblings.length; i++) {
      const { group, tid } = this.#siblings[i]!;
      const at = this.#cursor[i]!;
      if (group[at]! < 0) continue;
      this.#charged[group[at]!]! += dt / running;
      this.#chargedTo.set(tid[at]!, (this.#chargedTo.get(tid[at]!) ?? 0) + dt / running);
    }
    this.#active.forEach((wait, i) => {
      const group = waiting[wait]!;
      for (let k = 0; k < i; k++) if (waiting[this.#active[k]!] === group) return;
      this.#suffered[group]! += dt;
    });
  }
}
