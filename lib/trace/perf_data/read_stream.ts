import { Kind } from "../stream.ts";
import type { RowBuffer } from "../stream_builder.ts";
import { decodeTaskName } from "../task_name.ts";
import { layoutOfId, type Layouts, OTHER_LAYOUT, rawWord, sampleCpu, type SampleLayout } from "./layout.ts";
import { Rounds } from "./rounds.ts";
import { findBase, stampAt } from "./stamp.ts";
import type { SwitchNames } from "./switch_names.ts";
import { type Damage, type RecordParts, RecordType, walkSteps } from "./walk.ts";

/** What one pass over the records gives. */
export interface Records<B extends RowBuffer> {
  readonly builder: B;
  /** Stamp (ns, the clock's own) that the builder's stamps are relative to. */
  readonly base: bigint;
  /** Samples of each layout, in the order of `layouts.all`. */
  readonly counts: Float64Array;
  /** Total of the LOST_SAMPLES records, that perf writes at the end. */
  readonly lostSamples: number;
  /** Records that did not hold what their event needs. */
  readonly malformed: number;
  readonly damage: readonly Damage[];
  /** Byte of the last part's source behind what was read, where the reading was ended early; undefined where all was read. */
  readonly end: number | undefined;
  /** Rows without a stamp. */
  readonly untimed: number;
  /**
   * Where they were asked for: for each round the newest stamp (-Infinity = none) and the oldest of its rows (Infinity =
   * none), two numbers each; the last of them are of what follows the last end of a round.
   */
  readonly rounds: readonly number[] | undefined;
  /** Stamp (relative to the base) that all records behind it are at least of, by the rounds that were seen. */
  readonly delivered: number;
}

const MISC_COMM_EXEC = 1 << 13;

/** Options of {@linkcode readRecords}. */
export interface ReadRecordsOptions {
  /** What the builder's stamps are relative to (ns, the clock's own). Default: {@linkcode findBase}. */
  readonly base?: bigint | undefined;
  /**
   * Asked after each block, with the stamp that all records to come are at least of (relative to the base), by the rounds so
   * far: whether the rest need not be read. Default: all is read.
   */
  readonly enough?: ((delivered: number) => boolean) | undefined;
  /** Rows of kind Switch carry the number of prev_comm in it: see `readAhead`. Default: they do not. */
  readonly names?: SwitchNames | undefined;
  /** Whether each round's newest and oldest stamps are wanted. Default false. */
  readonly rounds?: boolean | undefined;
}

/** Reads all records once and collects the scheduler's in `builder`, settling them round by round. */
export function readRecords<B extends RowBuffer>(
  records: RecordParts,
  layouts: Layouts,
  builder: B,
  { base, enough, rounds = false, names }: ReadRecordsOptions = {},
): Records<B> {
  const inRounds = records.parts.length === 1;
  const reader = new RecordReader(builder, layouts, inRounds, base ?? findBase(records, layouts), names);
  const damage: Damage[] = [];
  let end: number | undefined;
  for (let part = 0; part < records.parts.length && end === undefined; part++) {
    const steps = walkSteps(
      records,
      part,
      (i32, at, type, misc, words) => reader.record(i32, at, type, misc, words),
      layouts.common === undefined ? undefined : (i32, at, limit) => reader.samples(i32, at, limit),
    );
    for (;;) {
      const step = steps.next();
      if (step.done) {
        damage.push(...step.value);
        break;
      }
      if (enough?.(reader.delivered)) {
        steps.return([]);
        end = step.value;
        break;
      }
    }
  }
  reader.roundOver();
  return {
    end,
    untimed: reader.untimed,
    rounds: rounds ? reader.roundStamps : undefined,
    delivered: reader.delivered,
    builder,
    base: (BigInt(reader.baseHigh) << 32n) + BigInt(reader.baseLow),
    counts: reader.counts,
    lostSamples: reader.lostSamples,
    malformed: reader.malformed,
    damage,
  };
}

class RecordReader {
  readonly builder: RowBuffer;
  readonly counts: Float64Array;
  readonly baseHigh: number;
  readonly baseLow: number;
  lostSamples = 0;
  malformed = 0;
  untimed = 0;
  /** See {@linkcode Records.rounds}. */
  readonly roundStamps: number[] = [];
  readonly #names: SwitchNames | undefined;
  #newest = -Infinity;
  #oldest = Infinity;
  readonly #inRounds: boolean;
  readonly #rounds = new Rounds();
  readonly #layouts: Layouts;
  readonly #only: SampleLayout | undefined;
  readonly #index: ReadonlyMap<SampleLayout, number>;

  /** `inRounds`: whether a FINISHED_ROUND tells what all records after it are newer than. */
  constructor(
    builder: RowBuffer,
    layouts: Layouts,
    inRounds: boolean,
    base: bigint,
    names: SwitchNames | undefined,
  ) {
    this.builder = builder;
    this.#names = names;
    this.baseHigh = Number(base >> 32n);
    this.baseLow = Number(base & 0xffffffffn);
    this.#inRounds = inRounds;
    this.counts = new Float64Array(layouts.all.length);
    this.#layouts = layouts;
    this.#only = layouts.idWord < 0 ? layouts.all[0]! : undefined;
    this.#index = new Map(layouts.all.map((layout, i) => [layout, i]));
  }

  /** All records to come are at least of this stamp, by the rounds so far. */
  get delivered(): number {
    return this.#rounds.delivered;
  }

  /**
   * Takes the samples from word `at` on, as long as they are sound and all alike, and returns the word of the first record
   * that it left to {@linkcode RecordReader.record}.
   *
   * The hot loop of all reading: what it does for each sample is `#sample` and `StreamBuilder.add`, with everything that is
   * the same for all samples in local variables.
   */
  samples(i32: Int32Array, at: number, limit: number): number {
    const common = this.#layouts.common;
    if (common === undefined) return at;
    const { lowIds, idWord } = this.#layouts;
    const { kinds, as, bs, cs, minRaws, time, cpu, tid, raw, minWords } = common;
    const { baseHigh, baseLow, counts } = this;
    const builder = this.builder;
    builder.reserve(Math.ceil((limit - at) / minWords));
    const kindColumn = builder.kind;
    const tsColumn = builder.ts;
    const cpuColumn = builder.cpu;
    const pidColumn = builder.pid;
    const tidColumn = builder.tid;
    const aColumn = builder.a;
    const bColumn = builder.b;
    const cColumn = builder.c;
    const { delivered } = this.#rounds;
    const names = this.#names;
    let newest = -Infinity;
    let oldest = Infinity;
    let row = builder.length;
    while (at + minWords <= limit) {
      const word = i32[at + 1]!;
      const words = word >>> 18;
      if (i32[at] !== RecordType.Sample || (word & 0x70000) !== 0 || words < minWords || at + words > limit) {
        break;
      }
      const id = i32[at + idWord]!;
      if (id >>> 16 !== 0 || i32[at + idWord + 1] !== 0) break;
      const layout = lowIds[id]! - 1;
      const low = i32[at + time]! >>> 0;
      const high = i32[at + time + 1]! >>> 0;
      // No stamp (0 or all ones) and stamps far from the first are left to the slow path.
      const distance = high - baseHigh;
      if (layout < 0 || distance > 0xfffff || distance < 0 || (low === 0 && high === 0)) break;
      const ts = distance * 4294967296 + (low - baseLow);
      const kind = kinds[layout]!;
      if (ts < delivered || kind === OTHER_LAYOUT) break;
      const minRaw = minRaws[layout]!;
      const on = i32[at + cpu]!;
      if (i32[at + raw]! < minRaw || (raw + 1) * 4 + minRaw > words * 4 || on >>> 16 !== 0) break;
      if (kind !== 0) {
        const body = at + raw + 1;
        kindColumn[row] = kind;
        tsColumn[row] = ts;
        cpuColumn[row] = on;
        pidColumn[row] = i32[at + tid]!;
        tidColumn[row] = i32[at + tid + 1]!;
        const a = as[layout]!;
        const b = bs[layout]!;
        const c = cs[layout]!;
        aColumn[row] = a < 0 ? 0 : i32[body + a]!;
        bColumn[row] = b < 0 ? 0 : i32[body + b]!;
        cColumn[row] = c < 0 ? (c === FLAGS ? (i32[body]! >>> 16) & 0xff : 0) : i32[body + c]!;
        if (names !== undefined && kind === Kind.Switch) {
          const prev = aColumn[row]!;
          if (tidColumn[row] !== prev) pidColumn[row] = -1;
          tidColumn[row] = names.code(i32, body + names.word, prev);
        }
        row++;
        if (ts < oldest) oldest = ts;
      }
      counts[layout]!++;
      if (ts > newest) newest = ts;
      at += words;
    }
    builder.length = row;
    if (newest !== -Infinity) this.#rounds.queued(newest);
    if (newest > this.#newest) this.#newest = newest;
    if (oldest < this.#oldest) this.#oldest = oldest;
    return at;
  }

  /** Notes the stamps of the round that is over. */
  roundOver(): void {
    this.roundStamps.push(this.#newest, this.#oldest);
    this.#newest = -Infinity;
    this.#oldest = Infinity;
  }

  /** Takes any record. */
  record(i32: Int32Array, at: number, type: number, misc: number, words: number): void {
    if (type === RecordType.Sample) this.#sample(i32, at, words);
    else if (type === RecordType.FinishedRound) {
      if (!this.#inRounds) return;
      this.#rounds.finished();
      this.roundOver();
      this.builder.settle(this.#rounds.delivered);
    } else if (type < RecordType.FirstOfTool) this.#other(i32, at, type, misc, words);
  }

  /** See {@linkcode stampAt}. */
  #stamp(i32: Int32Array, at: number): number {
    return stampAt(i32, at, this.baseHigh, this.baseLow);
  }

  /** Notes a record's stamp; one that perf would deliver late is remembered for the row that is added next. */
  #queue(time: number, makesRow: boolean): void {
    if (time === -Infinity) {
      if (makesRow) this.untimed++;
      return;
    }
    if (time > this.#newest) this.#newest = time;
    if (makesRow && time < this.#oldest) this.#oldest = time;
    if (makesRow && time < this.#rounds.delivered) this.builder.late(this.#rounds.delivered);
    this.#rounds.queued(time);
  }

  #sample(i32: Int32Array, at: number, words: number): void {
    const { idWord } = this.#layouts;
    const layout = this.#only ??
      (idWord + 2 <= words ? layoutOfId(this.#layouts, i32, at + idWord) : undefined);
    if (layout === undefined || words < layout.minWords) {
      this.malformed++;
      return;
    }
    const time = layout.time < 0 ? -Infinity : this.#stamp(i32, at + layout.time);
    if (Number.isNaN(time)) {
      this.malformed++;
      return;
    }
    if (layout.event === undefined) { // no tracepoint, or one without format: nothing of it can be decoded
      this.counts[this.#index.get(layout)!]!++;
      this.#queue(time, false);
      return;
    }
    const raw = layout.raw >= 0 ? layout.raw : rawWord(layout, i32, at, words);
    const cpu = sampleCpu(layout, i32, at);
    // The raw data follows its size: 4 bytes, then the record with common_type first.
    if (
      raw < 0 || raw + 1 > words || i32[at + raw]! < layout.minRaw ||
      raw * 4 + 4 + layout.minRaw > words * 4 || cpu >>> 16 !== 0
    ) {
      this.malformed++;
      return;
    }
    this.counts[this.#index.get(layout)!]!++;
    if (layout.kind === 0) {
      this.#queue(time, false);
      return;
    }
    this.#queue(time, true);
    const body = at + raw + 1;
    this.builder.add(
      layout.kind,
      time,
      cpu,
      layout.tid < 0 ? -1 : i32[at + layout.tid]!,
      layout.tid < 0 ? -1 : i32[at + layout.tid + 1]!,
      layout.a < 0 ? 0 : i32[body + (layout.a >> 2)]!,
      layout.b < 0 ? 0 : i32[body + (layout.b >> 2)]!,
      layout.c < 0 ? 0 : layout.flags ? (i32[body]! >>> 16) & 0xff : i32[body + (layout.c >> 2)]!,
    );
    const names = this.#names;
    if (names === undefined || layout.kind !== Kind.Switch) return;
    const { pid, tid, a, length } = this.builder;
    if (tid[length - 1] !== a[length - 1]) pid[length - 1] = -1;
    tid[length - 1] = names.code(i32, body + names.word, a[length - 1]!);
  }

  #other(i32: Int32Array, at: number, type: number, misc: number, words: number): void {
    const { all, tailIdWord } = this.#layouts;
    const layout = this.#only ??
      (tailIdWord < words ? layoutOfId(this.#layouts, i32, at + words - tailIdWord) : undefined) ?? all[0]!;
    const needed = type === RecordType.Fork || type === RecordType.Exit
      ? 8
      : type === RecordType.Lost
      ? 6
      : 4;
    const fits = (back: number) => back > 0 && words - back >= needed - 2;
    let time = fits(layout.tailTime) ? this.#stamp(i32, at + words - layout.tailTime) : -Infinity;
    const own = fits(layout.tailCpu) ? i32[at + words - layout.tailCpu]! : 0;
    const cpu = layout.vcpu >= 0 ? layout.vcpu : own;
    if (words < needed || cpu >>> 16 !== 0 || Number.isNaN(time)) {
      this.malformed++;
      return;
    }
    if (layout.foreign) return this.#queue(time, false);
    const { builder } = this;
    const first = i32[at + 2]!;
    const second = i32[at + 3]!;
    switch (type) {
      case RecordType.Mmap:
        // The kernel's own maps and those of guests are not a task's.
        if (KERNEL_OR_GUEST[misc & 7] === 1) this.#queue(time, false);
        else {
          this.#queue(time, true);
          builder.add(Kind.Mmap, time, cpu, first, second, 0, 0, 0);
        }
        return;
      case RecordType.Comm: {
        this.#queue(time, true);
        const tail = Math.max(0, layout.tailTid, layout.tailTime, layout.tailCpu);
        const bytes = new Uint8Array(i32.buffer, (at + 4) * 4, Math.max(0, words - 4 - tail) * 4);
        const exec = (misc & MISC_COMM_EXEC) !== 0 ? 1 : 0;
        builder.add(Kind.Comm, time, cpu, first, second, builder.comm(decodeTaskName(bytes)), exec, 0);
        return;
      }
      case RecordType.Fork:
      case RecordType.Exit: {
        // {pid, ppid, tid, ptid, time}; the record's own time stands where there is no identity after it.
        if (time === -Infinity) time = this.#stamp(i32, at + 6);
        if (Number.isNaN(time)) {
          this.malformed++;
          return;
        }
        this.#queue(time, true);
        const tid = i32[at + 4]!;
        const kind = type === RecordType.Fork ? Kind.Fork : Kind.Exit;
        builder.add(kind, time, cpu, first, tid, second, i32[at + 5]!, 0);
        return;
      }
      case RecordType.Lost:
        this.#queue(time, true);
        builder.add(Kind.Lost, time, cpu, -1, -1, i32[at + 4]!, 0, 0);
        return;
      case RecordType.LostSamples:
        this.lostSamples += first >>> 0;
        this.#queue(time, false);
        return;
      default:
        this.#queue(time, false);
    }
  }
}

/** In the place of a field's word: the byte `common_flags`. */
const FLAGS = -2;

/** By PERF_RECORD_MISC_CPUMODE: 1 kernel, 4 guest kernel, 5 guest user. */
const KERNEL_OR_GUEST = [0, 1, 0, 0, 1, 1, 0, 0];
