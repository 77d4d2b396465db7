import type { Trace } from "../../trace/trace.ts";
import { type Changes, changesOf, type ChangeVisitor, STATE } from "../load/changes.ts";
import { UNKNOWN_TID } from "../load/occupants.ts";
import { TimeBins } from "../load/time_bins.ts";
import { threadGroups } from "../thread_groups.ts";
import { BucketCounts } from "./bucket_counts.ts";
import { EntitySet } from "./entity_set.ts";
import { type FairSamples, SampleBuilder } from "./fair_samples.ts";
import { type FairnessOptions, sharesOf } from "./fairness_options.ts";
import { Fluid } from "./fluid.ts";
import { isAboveFair, prioWeight, weightsOf } from "./weight_of.ts";

/** What entities (threads or groups) got and were entitled to. Times are ns. */
export interface FairService {
  /** How many entities there are. */
  readonly size: number;
  /** Name of each entity; made when it is first asked for, because the names of all threads take a pass over all switches. */
  readonly names: () => readonly string[];
  /** Its thread; -1 for a group. */
  readonly tid: Int32Array;
  /** Threads of it that ran or waited. */
  readonly threads: Int32Array;
  /** The weight of its last thread. */
  readonly weight: Float64Array;
  /** Time that its threads were runnable, summed over threads. */
  readonly demand: Float64Array;
  readonly service: Float64Array;
  readonly entitled: Float64Array;
  readonly maxLag: Float64Array;
  readonly maxLagTs: Float64Array;
  readonly minLag: Float64Array;
  readonly minLagTs: Float64Array;
  /** The largest growth of lag, and from when to when. */
  readonly worst: Float64Array;
  readonly worstFrom: Float64Array;
  readonly worstTo: Float64Array;
  /** Time in which the trace does not tell what its threads did, summed over threads. */
  readonly unknown: Float64Array;
  /** What changed in each bin: rows by bin, only of entities that ran or were entitled to. */
  readonly samples: FairSamples;
  readonly bins: TimeBins;
  /** Time of each bin in which it is known of all CPUs who ran. */
  readonly known: Float64Array;
  /** All of it; and the part in which there were more threads than CPUs. */
  readonly knownTime: number;
  readonly saturatedTime: number;
  /** CPUs that are shared. */
  readonly cpus: number;
}

/** Follows the service and the entitlement of all threads of `trace` for `analysis`, in bins of `bin` ns. */
export function fairService(
  trace: Trace,
  analysis: string,
  options: FairnessOptions,
  bin?: number,
): FairService {
  const changes = changesOf(trace, analysis);
  const follower = new Follower(trace, changes, options, bin);
  changes.walk(follower);
  return follower.result();
}

const NO_BUCKET = -1;

class Follower implements ChangeVisitor {
  readonly #changes: Changes;
  readonly #fluid: Fluid;
  readonly #bins: TimeBins;
  readonly #inSet: Uint8Array;
  /** Of each row twice (the bucket in which it competes + 1; 0 where it does not), and one more where it runs; its entity, -1 none. */
  readonly #role: Int32Array;
  readonly #entityOf: Int32Array;
  readonly #size: number;
  readonly #names: () => readonly string[];
  readonly #single: boolean;
  /** By CPU of the set whether it is known who runs. */
  readonly #isKnown: Uint8Array;
  #hidden: number;
  #above = 0;
  readonly #cpus: number;
  #now = -Infinity;
  // By entity. Each figure is offset + sum over what is active of a clock, so that time costs nothing for who does not change.
  readonly #buckets: BucketCounts[];
  readonly #runnable: Int32Array;
  readonly #running: Int32Array;
  readonly #entitled: Float64Array;
  readonly #service: Float64Array;
  readonly #demand: Float64Array;
  readonly #weight: Float64Array;
  readonly #maxLag: Float64Array;
  readonly #maxLagTs: Float64Array;
  readonly #minLag: Float64Array;
  readonly #minLagTs: Float64Array;
  readonly #low: Float64Array;
  readonly #lowTs: Float64Array;
  readonly #worst: Float64Array;
  readonly #worstFrom: Float64Array;
  readonly #worstTo: Float64Array;
  // Entities with a runnable thread, those with a running one, and those to be sampled at the end of the bin.
  readonly #active: EntitySet;
  readonly #onCpu: EntitySet;
  readonly #due: number[] = [];
  readonly #isDue: Uint8Array;
  readonly #sampledService: Float64Array;
  readonly #sampledEntitled: Float64Array;
  readonly #sampledDemand: Float64Array;
  readonly #known: Float64Array;
  readonly #samples = new SampleBuilder();

  constructor(trace: Trace, changes: Changes, options: FairnessOptions, bin?: number) {
    const { by = "thread", weights } = options;
    this.#changes = changes;
    this.#bins = new TimeBins(changes.from, changes.to, bin);
    this.#known = new Float64Array(this.#bins.count);
    const prio = changes.states.column("prio");
    this.#inSet = new Uint8Array(changes.width);
    for (const cpu of changes.cpus) this.#inSet[cpu] = 1;
    if (options.cpus !== undefined) {
      const wanted = new Set(options.cpus);
      for (let cpu = 0; cpu < changes.width; cpu++) if (!wanted.has(cpu)) this.#inSet[cpu] = 0;
    }
    this.#cpus = this.#inSet.reduce((sum, is) => sum + is, 0);
    if (changes.cpus.length > 0 && this.#cpus === 0) {
      throw new RangeError(
        `None of the CPUs ${[...options.cpus!].join(", ")} switched in the trace; it has ${
          changes.cpus.join(", ")
        }`,
      );
    }
    this.#hidden = this.#cpus;
    this.#isKnown = new Uint8Array(changes.width);
    const own = weightsOf(prio, changes.tids, weights);
    const shares = options.shares === undefined ? undefined : sharesOf(trace, options.shares);
    this.#fluid = new Fluid(own.all, this.#cpus, shares?.weights);
    const shareOf = Int32Array.from(changes.tids, (tid) => shares?.groups.of(tid) ?? -1);
    const index = new Map(Array.from(this.#fluid.weights, (weight, at) => [weight, at]));
    const bucketOf = (thread: number, prio: number): number => {
      const weight = own.given[thread]! > 0 ? own.given[thread]! : prioWeight(prio);
      return this.#fluid.bucket(index.get(weight)!, shareOf[thread]!);
    };
    this.#single = by === "thread";
    const groups = by === "thread" ? undefined : threadGroups(trace, by);
    const size = this.#size = groups?.names.length ?? changes.tids.length;
    this.#names = () => groups?.names ?? threadLabels(trace, changes.tids);
    const entities = Int32Array.from(changes.tids, (tid, thread) => groups?.of(tid) ?? thread);
    const rows = changes.thread.length;
    this.#role = new Int32Array(rows);
    this.#entityOf = new Int32Array(rows);
    for (let row = 0, last = -1, priority = NaN, bucket = NO_BUCKET; row < rows; row++) {
      const thread = changes.thread[row]!;
      this.#entityOf[row] = entities[thread]!;
      const state = changes.state[row]!;
      if (state !== STATE.running && state !== STATE.preempted && state !== STATE.woken) continue;
      if (this.#inSet[changes.cpu[row]!] !== 1) continue;
      if (thread !== last || prio[row] !== priority) {
        [last, priority] = [thread, prio[row]!];
        bucket = isAboveFair(priority) ? NO_BUCKET : bucketOf(thread, priority);
      }
      this.#role[row] = (bucket + 1) * 2 + (state === STATE.running ? 1 : 0);
    }
    this.#buckets = Array.from({ length: size }, () => new BucketCounts());
    this.#runnable = new Int32Array(size);
    this.#running = new Int32Array(size);
    this.#active = new EntitySet(size);
    this.#onCpu = new EntitySet(size);
    this.#isDue = new Uint8Array(size);
    const zeros = () => new Float64Array(size);
    const start = () => new Float64Array(size).fill(changes.from);
    [this.#entitled, this.#service, this.#demand, this.#weight] = [zeros(), zeros(), zeros(), zeros()];
    [this.#maxLag, this.#minLag, this.#low, this.#worst] = [zeros(), zeros(), zeros(), zeros()];
    [this.#maxLagTs, this.#minLagTs, this.#lowTs] = [start(), start(), start()];
    [this.#worstFrom, this.#worstTo] = [start(), start()];
    [this.#sampledService, this.#sampledEntitled, this.#sampledDemand] = [zeros(), zeros(), zeros()];
  }

  advance(ts: number): void {
    if (this.#now >= this.#changes.from) this.#elapse(this.#now, ts);
    this.#now = ts;
  }

  occupant(cpu: number, tid: number): void {
    if (this.#inSet[cpu] === 0) return;
    const known = tid === UNKNOWN_TID ? 0 : 1;
    this.#hidden -= known - this.#isKnown[cpu]!;
    this.#isKnown[cpu] = known;
  }

  thread(row: number, before: number): void {
    const was = before < 0 ? 0 : this.#role[before]!;
    const is = row < 0 ? 0 : this.#role[row]!;
    if (was === is) return;
    const wasBucket = (was >> 1) - 1;
    const isBucket = (is >> 1) - 1;
    const ran = (was & 1) === 1;
    const runs = (is & 1) === 1;
    if (ran && wasBucket === NO_BUCKET) this.#fluid.cpus = this.#cpus - --this.#above;
    if (runs && isBucket === NO_BUCKET) this.#fluid.cpus = this.#cpus - ++this.#above;
    const entity = this.#entityOf[row >= 0 ? row : before]!;
    if (wasBucket === NO_BUCKET && isBucket === NO_BUCKET) return;
    if (entity >= 0) this.#mark(entity);
    if (wasBucket !== isBucket) {
      if (wasBucket !== NO_BUCKET) this.#leave(entity, wasBucket);
      if (isBucket !== NO_BUCKET) this.#join(entity, isBucket);
    }
    if (entity < 0) return;
    const { clock } = this.#fluid;
    if (ran && wasBucket !== NO_BUCKET) {
      if (--this.#running[entity]! === 0) this.#onCpu.delete(entity);
      this.#service[entity]! += clock;
    }
    if (runs && isBucket !== NO_BUCKET) {
      if (this.#running[entity]!++ === 0) this.#onCpu.add(entity);
      this.#service[entity]! -= clock;
    }
  }

  result(): FairService {
    this.#sampleBin(this.#bins.count - 1);
    const size = this.#size;
    for (let entity = 0; entity < size; entity++) this.#mark(entity);
    const each = (of: (entity: number) => number) => Float64Array.from({ length: size }, (_, at) => of(at));
    const { tids, thread, state, dur } = this.#changes;
    const entityOf = this.#entityOf;
    const tid = new Int32Array(size).fill(-1);
    const threads = new Int32Array(size);
    const unknown = new Float64Array(size);
    const seen = new Uint8Array(tids.length);
    for (let row = 0; row < thread.length; row++) {
      const entity = entityOf[row]!;
      if (entity < 0) continue;
      if (state[row] === STATE.unknown) unknown[entity]! += dur[row]!;
      else if (state[row]! <= STATE.woken && seen[thread[row]!] === 0) {
        seen[thread[row]!] = 1;
        threads[entity]!++;
        if (this.#single) tid[entity] = tids[thread[row]!]!;
      }
    }
    return {
      size,
      names: this.#names,
      tid,
      threads,
      weight: this.#weight,
      demand: each((entity) => this.#demandOf(entity)),
      service: each((entity) => this.#serviceOf(entity)),
      entitled: each((entity) => this.#entitledOf(entity)),
      maxLag: this.#maxLag,
      maxLagTs: this.#maxLagTs,
      minLag: this.#minLag,
      minLagTs: this.#minLagTs,
      worst: this.#worst,
      worstFrom: this.#worstFrom,
      worstTo: this.#worstTo,
      unknown,
      samples: this.#samples.columns(),
      bins: this.#bins,
      known: this.#known,
      knownTime: this.#fluid.clock,
      saturatedTime: this.#fluid.saturated,
      cpus: this.#cpus,
    };
  }

  #elapse(from: number, to: number): void {
    const fluid = this.#fluid;
    if (fluid.stale) {
      // Where others come or go, the lag may turn of a group of which some run and some wait. All else turns only where its
      // own threads begin or cease to run or to wait.
      if (!this.#single) { for (const entity of this.#onCpu.members) this.#mark(entity); }
      fluid.settle();
    }
    const known = this.#hidden === 0;
    const bins = this.#bins;
    if (bins.count === 1) {
      if (known) fluid.elapse(to - from);
      return;
    }
    while (from < to) {
      const bin = bins.at(from);
      const end = Math.min(to, bins.end(bin));
      if (known) {
        fluid.elapse(end - from);
        this.#known[bin]! += end - from;
      }
      if (end === bins.end(bin) && bin < bins.count - 1) this.#sampleBin(bin);
      from = end;
    }
  }

  /** Writes down what changed in `bin` for all that were active in it. */
  #sampleBin(bin: number): void {
    if (this.#bins.count === 1) this.#known[0] = this.#fluid.clock;
    for (const entity of this.#active.members) this.#makeDue(entity);
    for (const entity of this.#due) {
      this.#isDue[entity] = 0;
      const service = this.#serviceOf(entity);
      const entitled = this.#entitledOf(entity);
      const demand = this.#demandOf(entity);
      this.#samples.add(
        bin,
        entity,
        service - this.#sampledService[entity]!,
        entitled - this.#sampledEntitled[entity]!,
        demand - this.#sampledDemand[entity]!,
      );
      this.#sampledService[entity] = service;
      this.#sampledEntitled[entity] = entitled;
      this.#sampledDemand[entity] = demand;
    }
    this.#due.length = 0;
  }

  #makeDue(entity: number): void {
    if (this.#isDue[entity] === 1) return;
    this.#isDue[entity] = 1;
    this.#due.push(entity);
  }

  #join(entity: number, bucket: number): void {
    const fluid = this.#fluid;
    fluid.add(bucket, 1);
    if (entity < 0) return;
    this.#buckets[entity]!.add(bucket, 1);
    this.#entitled[entity]! -= fluid.entitledOf(bucket);
    this.#demand[entity]! -= fluid.clock;
    this.#weight[entity] = fluid.weightOf(bucket);
    if (this.#runnable[entity]!++ === 0) this.#active.add(entity);
  }

  #leave(entity: number, bucket: number): void {
    const fluid = this.#fluid;
    fluid.add(bucket, -1);
    if (entity < 0) return;
    this.#buckets[entity]!.add(bucket, -1);
    this.#entitled[entity]! += fluid.entitledOf(bucket);
    this.#demand[entity]! += fluid.clock;
    if (--this.#runnable[entity]! > 0) return;
    this.#active.delete(entity);
    this.#makeDue(entity);
  }

  #entitledOf(entity: number): number {
    const { buckets, counts } = this.#buckets[entity]!;
    let sum = this.#entitled[entity]!;
    for (let at = 0; at < buckets.length; at++) sum += counts[at]! * this.#fluid.entitledOf(buckets[at]!);
    return sum;
  }

  #serviceOf(entity: number): number {
    return this.#service[entity]! + this.#running[entity]! * this.#fluid.clock;
  }

  #demandOf(entity: number): number {
    return this.#demand[entity]! + this.#runnable[entity]! * this.#fluid.clock;
  }

  /** Takes note of an entity's lag: it has turned, or may have. */
  #mark(entity: number): void {
    const lag = this.#entitledOf(entity) - this.#serviceOf(entity);
    if (lag > this.#maxLag[entity]!) {
      this.#maxLag[entity] = lag;
      this.#maxLagTs[entity] = this.#now;
    } else if (lag < this.#minLag[entity]!) {
      this.#minLag[entity] = lag;
      this.#minLagTs[entity] = this.#now;
    }
    if (lag <= this.#low[entity]!) {
      this.#low[entity] = lag;
      this.#lowTs[entity] = this.#now;
    } else if (lag - this.#low[entity]! > this.#worst[entity]!) {
      this.#worst[entity] = lag - this.#low[entity]!;
      this.#worstFrom[entity] = this.#lowTs[entity]!;
      this.#worstTo[entity] = this.#now;
    }
  }
}

/** Name and number of each of `tids`. */
function threadLabels(trace: Trace, tids: Int32Array): string[] {
  const { names, of } = threadGroups(trace, "thread");
  return Array.from(tids, (tid) => names[of(tid)] ?? `[${tid}]`);
}
