import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns, type Ratio, ratio } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { type AuditInput, auditInput, type CoreAuditOptions } from "./audit_input.ts";
import { coreSweep } from "./core_sweep.ts";
import type { CpuTimeline } from "./cpu_timeline.ts";
import { Episodes } from "./episodes.ts";

/** Columns of {@linkcode Exposure.pairs}. Every time is in ns. */
export type ExposureColumns = {
  /** Group whose thread might have spied. */
  attacker: DictColumn;
  /** Group whose thread might have been spied upon. */
  victim: DictColumn;
  /** Time in which threads of both ran on the same core, summed over the cores. */
  exposed: Ns;
  /** `exposed` as a share of the victim's known time on the cores' CPUs, 0 to 1. */
  share: Ratio;
  /** Episodes: stretches of such time on one core. */
  episodes: Int32Array;
  /** Episodes in a second of the span. */
  rate: Float64Array;
  /** Exact percentiles of the episodes' lengths; NaN where there is none. */
  p50: Ns;
  p99: Ns;
  max: Ns;
  /** Time of the episodes longer than `epsilon`: what a change of both siblings at once does not explain. */
  beyond: Ns;
  /** How many they are. */
  beyond_episodes: Int32Array;
  /** `exposed` and what may have been besides, where the trace does not tell who ran on a CPU of the core. */
  upper: Ns;
  /** Times the attacker was the next on a CPU that the victim had had, others trusted or idle between them. */
  successions: Int32Array;
  /** Episodes that an edge of the span or a hole cuts. */
  censored: Int32Array;
};

/** Columns of {@linkcode Exposure.cores}. Every time is in ns. */
export type CoreExposureColumns = {
  /** CPUs of the core, such as `0,2`. */
  core: DictColumn;
  /** Time in which any two groups of those that must not meet ran on it. */
  exposed: Ns;
  /** `exposed` and what may have been besides. */
  upper: Ns;
  /** Time in which it is known of all of its CPUs who ran. */
  covered: Ns;
  /** `covered` as a share of the span. */
  coverage: Ratio;
};

/** Columns of {@linkcode Exposure.longest}. */
export type ExposureEpisodeColumns = {
  /** Start, ns since the epoch. */
  ts: Ns;
  /** ns. */
  dur: Ns;
  /** CPUs of the core, such as `0,2`. */
  core: DictColumn;
  /** Group whose thread might have spied. Where both might, the pair has one row and not two. */
  attacker: DictColumn;
  /** Group whose thread might have been spied upon. */
  victim: DictColumn;
  /** 1 where an edge of the span or a hole cuts it. */
  censored: Uint8Array;
};

/** Who ran beside whom. */
export interface Exposure {
  /** A row for each attacker and victim that met or followed one another, the longest time first. */
  readonly pairs: Frame<ExposureColumns>;
  /** The thousand longest episodes, the longest first: where to look. */
  readonly longest: Frame<ExposureEpisodeColumns>;
  /** A row for each core. */
  readonly cores: Frame<CoreExposureColumns>;
}

/**
 * How long, and how often, threads of groups that do not trust one another ran on the same core at the same time, where one may learn
 * from the core's caches and buffers what the other does (L1TF, MDS and their like), by attacker and victim.
 *
 * The time of an attacker a and a victim v is E = the integral of 1[a thread of a and a thread of v run on the core], on a core of more
 * than two siblings counted once however many of them run. It is an upper bound of what could be learned: a scheduler's trace does not
 * tell who was in the kernel, in user space or in a guest, nor which buffers were flushed. What it may miss is told apart: `upper` takes
 * every CPU of which the trace does not tell who ran for the worst. As both sides spy, the matrix is symmetric but for groups that
 * are victims only (`kthreads: "victim"`).
 *
 * `successions` are those in time: attacker after victim on one CPU. Whether something was flushed between them the trace does not tell.
 *
 * The idle task never counts. Stamps of different CPUs are compared: the trace's clock must be one for all of them, as `mono`, `perf`
 * and `x86-tsc` are, and ftrace's `local` need not be.
 *
 * Needs `sched:sched_switch`. Throws `MissingEventError`, and RangeError where neither the trace nor `cores` tells the siblings.
 */
export function exposure(trace: Trace, options: CoreAuditOptions = {}): Exposure {
  return exposureOf(auditInput(trace, options));
}

/** {@linkcode exposure} of what was prepared. */
export function exposureOf(input: AuditInput): Exposure {
  const pairs = new PairTable(input);
  const cores = input.cores.map((cpus, core) =>
    new CoreExposure(input, pairs, core).sweep(cpus.map((cpu) => input.timelines.get(cpu)!))
  );
  const span = input.to - input.from;
  return {
    pairs: pairs.frame(span),
    longest: pairs.longest(),
    cores: new Frame<CoreExposureColumns>({
      core: DictColumn.from(input.cores.map((cpus) => cpus.join(","))),
      exposed: ns(Float64Array.from(cores, ({ exposed }) => exposed)),
      upper: ns(Float64Array.from(cores, ({ upper }) => upper)),
      covered: ns(Float64Array.from(cores, ({ covered }) => covered)),
      coverage: ratio(Float64Array.from(cores, ({ covered }) => span === 0 ? 1 : covered / span)),
    }),
  };
}

/** Groups whose pairs are looked up in a table. */
const MOST_TABLED = 2048;

/** What is counted for each attacker and victim. */
class PairTable {
  readonly input: AuditInput;
  readonly episodes = new Episodes();
  /** Number of each pair by attacker and victim; a table of number + 1 while the groups are few. */
  readonly #table: Int32Array;
  readonly #index = new Map<number, number>();
  readonly #attacker: number[] = [];
  readonly #victim: number[] = [];
  readonly #successions: number[] = [];
  /** Time of the pair while no CPU of the core was unknown, and while just one was. */
  readonly sure: number[] = [];
  readonly beside: number[] = [];
  /** By group: time on a CPU; on a core with one CPU unknown; of all cores with two or more unknown. */
  readonly running: Float64Array;
  readonly alone: Float64Array;
  unknown = 0;

  constructor(input: AuditInput) {
    this.input = input;
    this.#table = new Int32Array(input.names.length <= MOST_TABLED ? input.names.length ** 2 : 0);
    this.running = new Float64Array(input.names.length);
    this.alone = new Float64Array(input.names.length);
  }

  /** Number of the pair; -1 where `attacker` may meet `victim`. */
  of(attacker: number, victim: number): number {
    const { attacks, suffers, names } = this.input;
    if (attacker === victim || attacks[attacker] === 0 || suffers[victim] === 0) return -1;
    const key = attacker * names.length + victim;
    let pair = key < this.#table.length ? this.#table[key]! - 1 : this.#index.get(key) ?? -1;
    if (pair < 0) {
      pair = this.#attacker.push(attacker) - 1;
      if (key < this.#table.length) this.#table[key] = pair + 1;
      else this.#index.set(key, pair);
      this.#victim.push(victim);
      this.#successions.push(0);
      this.sure.push(0);
      this.beside.push(0);
    }
    return pair;
  }

  followed(attacker: number, victim: number): void {
    const pair = this.of(attacker, victim);
    if (pair >= 0) this.#successions[pair]!++;
  }

  frame(span: number): Frame<ExposureColumns> {
    const { names, epsilon } = this.input;
    const summary = this.episodes.summary(this.#attacker.length, epsilon);
    const upper = this.#attacker.map((attacker, pair) =>
      this.sure[pair]! + this.alone[attacker]! + this.alone[this.#victim[pair]!]! - this.beside[pair]! +
      this.unknown
    );
    return new Frame<ExposureColumns>({
      attacker: new DictColumn(Uint32Array.from(this.#attacker), names),
      victim: new DictColumn(Uint32Array.from(this.#victim), names),
      exposed: ns(summary.time),
      share: ratio(
        summary.time.map((time, pair) => time === 0 ? 0 : time / this.running[this.#victim[pair]!]!),
      ),
      episodes: summary.count,
      rate: Float64Array.from(summary.count, (count) => span === 0 ? 0 : count / (span / 1e9)),
      p50: ns(summary.p50),
      p99: ns(summary.p99),
      max: ns(summary.max),
      beyond: ns(summary.beyond),
      beyond_episodes: summary.beyondCount,
      upper: ns(Float64Array.from(upper)),
      successions: Int32Array.from(this.#successions),
      censored: summary.cut,
    }).sort("exposed", { descending: true });
  }

  longest(): Frame<ExposureEpisodeColumns> {
    const { attacks, suffers, names, cores } = this.input;
    const rows = this.episodes.longest(MOST_EPISODES, (pair) => {
      const [attacker, victim] = [this.#attacker[pair]!, this.#victim[pair]!];
      return attacker < victim || attacks[victim] === 0 || suffers[attacker] === 0;
    });
    return new Frame<ExposureEpisodeColumns>({
      ts: ns(Float64Array.from(rows, ({ from }) => from)),
      dur: ns(Float64Array.from(rows, ({ dur }) => dur)),
      core: new DictColumn(Uint32Array.from(rows, ({ place }) => place), cores.map((cpus) => cpus.join(","))),
      attacker: new DictColumn(Uint32Array.from(rows, ({ key }) => this.#attacker[key]!), names),
      victim: new DictColumn(Uint32Array.from(rows, ({ key }) => this.#victim[key]!), names),
      censored: Uint8Array.from(rows, ({ cut }) => cut ? 1 : 0),
    });
  }
}

/** Rows of {@linkcode Exposure.longest}. */
const MOST_EPISODES = 1000;

/** The sweep over one core. */
class CoreExposure {
  exposed = 0;
  upper = 0;
  covered = 0;
  readonly #input: AuditInput;
  readonly #pairs: PairTable;
  readonly #core: number;
  /** Pairs that run beside one another now, since when, and whether that is cut. */
  #active: number[] = [];
  #since: number[] = [];
  #cut: number[] = [];

  constructor(input: AuditInput, pairs: PairTable, core: number) {
    this.#input = input;
    this.#pairs = pairs;
    this.#core = core;
  }

  sweep(timelines: readonly CpuTimeline[]): this {
    for (const timeline of timelines) this.#successions(timeline);
    const { attacks, suffers, to } = this.#input;
    const pairs = this.#pairs;
    // The edge before the span is as good as unknown: what runs at its start may have begun before.
    let hidden = true;
    coreSweep(timelines, (from, until, running) => {
      const dt = until - from;
      let unknown = 0;
      let someone = false;
      for (let i = 0; i < running.length; i++) {
        const group = running[i]!;
        if (group >= 0) {
          pairs.running[group]! += dt;
          if (attacks[group] === 1 || suffers[group] === 1) someone = true;
        } else if (group !== -1) unknown++;
      }
      this.#meet(from, running, hidden, unknown > 0);
      hidden = unknown > 0;
      const exposed = this.#active.length > 0;
      if (exposed) this.exposed += dt;
      if (unknown === 0) {
        this.covered += dt;
        for (const pair of this.#active) pairs.sure[pair]! += dt;
      } else if (unknown === 1) {
        for (const pair of this.#active) pairs.beside[pair]! += dt;
        this.#eachGroup(running, (group) => pairs.alone[group]! += dt);
      } else pairs.unknown += dt;
      if (exposed || unknown > 1 || (unknown === 1 && someone)) this.upper += dt;
    });
    this.#meet(to, [], false, true);
    return this;
  }

  /** From `at` on `running` are on the core: ends the episodes of those that are no more, begins new ones. */
  #meet(at: number, running: ArrayLike<number>, wasHidden: boolean, isHidden: boolean): void {
    const active: number[] = [];
    for (let i = 0; i < running.length; i++) {
      for (let j = 0; j < running.length; j++) {
        if (i === j || running[i]! < 0 || running[j]! < 0) continue;
        const pair = this.#pairs.of(running[i]!, running[j]!);
        if (pair >= 0 && !active.includes(pair)) active.push(pair);
      }
    }
    if (active.length === 0 && this.#active.length === 0) return;
    const since: number[] = [];
    const cut: number[] = [];
    for (const pair of active) {
      const was = this.#active.indexOf(pair);
      since.push(was < 0 ? at : this.#since[was]!);
      cut.push(was < 0 ? (wasHidden ? 1 : 0) : this.#cut[was]!);
    }
    this.#active.forEach((pair, was) => {
      if (!active.includes(pair)) {
        const since = this.#since[was]!;
        const cut = this.#cut[was] === 1 || isHidden;
        this.#pairs.episodes.add(pair, since, at - since, cut, this.#core);
      }
    });
    [this.#active, this.#since, this.#cut] = [active, since, cut];
  }

  #eachGroup(running: ArrayLike<number>, take: (group: number) => void): void {
    for (let i = 0; i < running.length; i++) {
      const group = running[i]!;
      if (group < 0) continue;
      let first = true;
      for (let j = 0; j < i; j++) if (running[j] === group) first = false;
      if (first) take(group);
    }
  }

  #successions({ group }: CpuTimeline): void {
    const { attacks, suffers } = this.#input;
    let last = -1;
    for (let i = 0; i < group.length; i++) {
      const next = group[i]!;
      if (next === last || next === -1) continue;
      if (next < 0) last = -1;
      else if (attacks[next] === 1 || suffers[next] === 1) {
        if (last >= 0) this.#pairs.followed(next, last);
        last = next;
      }
    }
  }
}
