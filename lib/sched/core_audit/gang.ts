import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns, type Ratio, ratio } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { type StateColumns, states } from "../states.ts";
import { type GroupBy, threadGroups } from "../thread_groups.ts";
import { type Gang, gangsIn, gangTids, Member, MEMBER_DOES } from "./gang_members.ts";
import { stampOrder } from "./stamp_order.ts";

/** Columns of {@linkcode GangReport.gangs}. Every time is in ns and of the time in which it is known of all members what they do. */
export type GangColumns = {
  /** Group, such as a virtual machine. */
  group: DictColumn;
  /** Members: its virtual CPUs, or where it has none all of its threads. */
  members: Int32Array;
  /** Time on a CPU, summed over the members. */
  run: Ns;
  /** Time in which at least one member was runnable (ran or waited). */
  active: Ns;
  /** Time in which all runnable members ran, at least one. */
  together: Ns;
  /** Gang coverage: together / active, 0 to 1; NaN where it never was active. */
  coverage: Ratio;
  /** Time in which at least two were runnable: a single one is never apart from others. */
  contended: Ns;
  /** Coverage of that time. */
  contended_coverage: Ratio;
  /** Share of `run` in which all runnable members ran, 0 to 1. */
  efficiency: Ratio;
  /** Preempted-sibling time: some members ran and others that were runnable did not. */
  apart: Ns;
  /** Time in which members were runnable and none ran. */
  stalled: Ns;
  /** Members that ran on the average while it was active. */
  width: Float64Array;
  /** Largest skew: by how much one member had waited more than another, at any time; NaN for more than 256 members. */
  skew: Ns;
  /** The same at the end. */
  skew_end: Ns;
  /** Time in which the trace does not tell of a member what it did. */
  unknown: Ns;
  /** Share of the span that is not `unknown`, 0 to 1. */
  known: Ratio;
};

/** Columns of {@linkcode GangReport.histogram}. */
export type GangHistogramColumns = {
  group: DictColumn;
  /** How many members ran. */
  running: Int32Array;
  /** For how long just so many did, ns. */
  dur: Ns;
  /** The same as a share of the known time, 0 to 1. */
  share: Ratio;
};

/** How well groups of threads that want to run at the same time did. */
export interface GangReport {
  /** A row for each group of at least two members, those that were apart for the longest first. */
  readonly gangs: Frame<GangColumns>;
  /** A row for each group and each number of members that ran at the same time. */
  readonly histogram: Frame<GangHistogramColumns>;
}

/** Options of {@linkcode gang}. */
export interface GangOptions {
  /** What makes threads a gang. Default `vm`. */
  groups?: GroupBy;
}

/** Members up to which the skew is followed. */
const MOST_SKEWED = 256;

/**
 * How much of the time the members of a gang ran together: a virtual machine's CPUs, by default, of which one that holds a lock or
 * sends an interrupt is of no use to the others while it waits for a CPU of the host.
 *
 * With r running and q runnable members: coverage is the share of the time with q > 0 in which r = q; efficiency the share of the
 * members' CPU time so spent; preempted-sibling time that with 0 < r < q. Skew is what VMware's relaxed co-scheduling bounds: how far the
 * progress of the slowest member is behind the fastest one's, where running and resting count as progress and waiting does not.
 *
 * Needs `sched:sched_switch`, and `sched:sched_waking` or `sched:sched_wakeup`. Throws `MissingEventError`.
 */
export function gang(trace: Trace, options: GangOptions = {}): GangReport {
  const tids = gangTids(trace, threadGroups(trace, options.groups ?? "vm"));
  const lives = states(trace, { tids: [...tids.values()].flat() });
  return gangOf(lives, gangsIn(lives, tids), trace.span.to - trace.span.from);
}

/** {@linkcode gang} of members whose states are known. */
export function gangOf(lives: Frame<StateColumns>, gangs: readonly Gang[], span: number): GangReport {
  const tallies = gangs.map((each) => new GangTally(lives, each)).sort((a, b) => b.apart - a.apart);
  const of = (take: (tally: GangTally) => number) => Float64Array.from(tallies, take);
  const quotient = (part: number, whole: number) => whole === 0 ? NaN : part / whole;
  const bars = tallies.flatMap((tally, of) =>
    Array.from(tally.histogram, (dur, running) => ({ of, running, dur })).filter(({ dur }) => dur > 0)
  );
  const names = tallies.map(({ name }) => name);
  return {
    gangs: new Frame<GangColumns>({
      group: new DictColumn(Uint32Array.from(names.keys()), names),
      members: Int32Array.from(tallies, ({ members }) => members),
      run: ns(of(({ run }) => run)),
      active: ns(of(({ active }) => active)),
      together: ns(of(({ together }) => together)),
      coverage: ratio(of(({ together, active }) => quotient(together, active))),
      contended: ns(of(({ contended }) => contended)),
      contended_coverage: ratio(of((tally) => quotient(tally.contendedTogether, tally.contended))),
      efficiency: ratio(of(({ runTogether, run }) => quotient(runTogether, run))),
      apart: ns(of(({ apart }) => apart)),
      stalled: ns(of(({ stalled }) => stalled)),
      width: of(({ run, active }) => quotient(run, active)),
      skew: ns(of(({ skew }) => skew)),
      skew_end: ns(of(({ skewEnd }) => skewEnd)),
      unknown: ns(of(({ unknown }) => unknown)),
      known: ratio(of(({ unknown }) => span === 0 ? 1 : 1 - unknown / span)),
    }),
    histogram: new Frame<GangHistogramColumns>({
      group: new DictColumn(Uint32Array.from(bars, ({ of }) => of), names),
      running: Int32Array.from(bars, ({ running }) => running),
      dur: ns(Float64Array.from(bars, ({ dur }) => dur)),
      share: ratio(Float64Array.from(bars, ({ of, dur }) => dur / tallies[of]!.knownTime)),
    }),
  };
}

/** The members' changes in the order of time, added up. */
class GangTally {
  readonly name: string;
  readonly members: number;
  run = 0;
  runTogether = 0;
  active = 0;
  together = 0;
  contended = 0;
  contendedTogether = 0;
  apart = 0;
  stalled = 0;
  unknown = 0;
  knownTime = 0;
  skew = 0;
  skewEnd = 0;
  readonly histogram: Float64Array;
  readonly #does: Uint8Array;
  readonly #waited: Float64Array;
  readonly #count = new Int32Array(5);

  constructor(lives: Frame<StateColumns>, gang: Gang) {
    this.name = gang.name;
    this.members = gang.tids.length;
    this.histogram = new Float64Array(this.members + 1);
    this.#does = new Uint8Array(this.members);
    this.#waited = new Float64Array(this.members <= MOST_SKEWED ? this.members : 0);
    this.#count[Member.Gone] = this.members;
    const { ts, member, does } = changes(lives, gang);
    const order = stampOrder(ts);
    let last = NaN;
    for (let i = 0; i < order.length; i++) {
      const at = order[i]!;
      if (ts[at]! > last) this.#pass(ts[at]! - last);
      last = ts[at]!;
      const who = member[at]!;
      this.#count[this.#does[who]!]!--;
      this.#does[who] = does[at]!;
      this.#count[does[at]!]!++;
    }
    if (this.members > MOST_SKEWED) this.skew = this.skewEnd = NaN;
  }

  #pass(dt: number): void {
    const running = this.#count[Member.Runs]!;
    const waiting = this.#count[Member.Waits]!;
    if (this.#count[Member.Unknown]! > 0) {
      this.unknown += dt;
      return;
    }
    this.knownTime += dt;
    this.histogram[running]! += dt;
    if (running + waiting === 0) return;
    this.active += dt;
    this.run += running * dt;
    if (running + waiting > 1) this.contended += dt;
    if (waiting === 0) {
      this.together += dt;
      this.runTogether += running * dt;
      if (running > 1) this.contendedTogether += dt;
      return;
    }
    if (running > 0) this.apart += dt;
    else this.stalled += dt;
    this.#wait(dt);
  }

  #wait(dt: number): void {
    const waited = this.#waited;
    let least = Infinity;
    let most = 0;
    for (let who = 0; who < waited.length; who++) {
      if (this.#does[who] === Member.Waits) waited[who]! += dt;
      if (waited[who]! < least) least = waited[who]!;
      if (waited[who]! > most) most = waited[who]!;
    }
    this.skewEnd = most - least;
    if (this.skewEnd > this.skew) this.skew = this.skewEnd;
  }
}

/** When which member of `gang` began to do something else: member by member. */
function changes(lives: Frame<StateColumns>, gang: Gang) {
  const start = lives.column("ts");
  const dur = lives.column("dur");
  const state = lives.column("state").codes;
  let most = 0;
  gang.first.forEach((first, who) => {
    for (let row = first; row < gang.last[who]!; row++) {
      most += row + 1 === gang.last[who] || start[row + 1]! > start[row]! + dur[row]! ? 2 : 1;
    }
  });
  const ts = new Float64Array(most);
  const member = new Uint32Array(most);
  const does = new Uint8Array(most);
  let length = 0;
  const put = (at: number, who: number, what: number) => {
    ts[length] = at;
    member[length] = who;
    does[length++] = what;
  };
  gang.first.forEach((first, who) => {
    const last = gang.last[who]!;
    for (let row = first; row < last; row++) {
      put(start[row]!, who, MEMBER_DOES[state[row]!]!);
      const end = start[row]! + dur[row]!;
      if (row + 1 === last || start[row + 1]! > end) put(end, who, Member.Gone);
    }
  });
  return { ts, member, does };
}
