import type { ByteSource } from "../byte_source.ts";
import { Kind } from "../stream.ts";
import { StreamBuilder } from "../stream_builder.ts";
import { decodeTaskName } from "../task_name.ts";
import type { Section } from "./header.ts";
import { type Layouts, rawWord, type SampleLayout } from "./layout.ts";
import { type Damage, RecordType, walkRecords } from "./walk.ts";

/** What one pass over the records gives. */
export interface Records {
  readonly builder: StreamBuilder;
  /** Stamp (ns, the clock's own) that the builder's stamps are relative to. */
  readonly base: bigint;
  /** Samples of each layout, in the order of `layouts.all`. */
  readonly counts: Float64Array;
  /** Total of the LOST_SAMPLES records, that perf writes at the end. */
  readonly lostSamples: number;
  /** Records that did not hold what their event needs. */
  readonly malformed: number;
  readonly damage: readonly Damage[];
}

const MISC_COMM_EXEC = 1 << 13;

/** Reads all records of `data` once and collects the scheduler's. */
export function readRecords(source: ByteSource, data: Section, layouts: Layouts): Records {
  const builder = new StreamBuilder(Math.min(data.size, source.size) / 64);
  const counts = new Float64Array(layouts.all.length);
  const only = layouts.idWord < 0 ? layouts.all[0]! : undefined;
  const { all, byId, lowIds, idWord, tailIdWord } = layouts;
  const index = new Map(all.map((layout, i) => [layout, i]));
  let baseHigh = 0;
  let baseLow = 0;
  let based = false;
  let lostSamples = 0;
  let malformed = 0;

  /** The layout of the id at word `at`; undefined where no event has it. */
  const layoutAt = (i32: Int32Array, at: number): SampleLayout | undefined => {
    const low = i32[at]!;
    if (i32[at + 1] === 0 && low >>> 16 === 0) return all[lowIds[low]! - 1];
    return byId.get((BigInt(i32[at + 1]! >>> 0) << 32n) | BigInt(low >>> 0));
  };

  /** ns since the base of the stamp at word `at`; -Infinity where perf wrote none (0 or all ones). */
  const stamp = (i32: Int32Array, at: number): number => {
    const low = i32[at]! >>> 0;
    const high = i32[at + 1]! >>> 0;
    if (high === 0 && low === 0 || high === 0xffffffff && low === 0xffffffff) return -Infinity;
    if (!based) {
      based = true;
      baseHigh = high;
      baseLow = low;
    }
    return (high - baseHigh) * 4294967296 + (low - baseLow);
  };

  const sample = (i32: Int32Array, at: number, words: number): void => {
    const layout = only ?? (idWord + 2 <= words ? layoutAt(i32, at + idWord) : undefined);
    if (layout === undefined || words < layout.minWords) {
      malformed++;
      return;
    }
    counts[index.get(layout)!]!++;
    if (layout.kind === 0) return;
    const raw = layout.raw >= 0 ? layout.raw : rawWord(layout, i32, at, words);
    // The raw data follows its size: 4 bytes, then the record with common_type first.
    if (
      raw < 0 || raw + 1 > words || i32[at + raw]! < layout.minRaw || raw * 4 + 4 + layout.minRaw > words * 4
    ) {
      malformed++;
      return;
    }
    const cpu = layout.cpu < 0 ? 0 : i32[at + layout.cpu]!;
    if (cpu >>> 16 !== 0) {
      malformed++;
      return;
    }
    const body = at + raw + 1;
    builder.add(
      layout.kind,
      layout.time < 0 ? -Infinity : stamp(i32, at + layout.time),
      cpu,
      layout.tid < 0 ? -1 : i32[at + layout.tid]!,
      layout.tid < 0 ? -1 : i32[at + layout.tid + 1]!,
      layout.a < 0 ? 0 : i32[body + (layout.a >> 2)]!,
      layout.b < 0 ? 0 : i32[body + (layout.b >> 2)]!,
      layout.c < 0 ? 0 : layout.flags ? (i32[body]! >>> 16) & 0xff : i32[body + (layout.c >> 2)]!,
    );
  };

  const other = (i32: Int32Array, at: number, type: number, misc: number, words: number): void => {
    const needed = type === RecordType.Fork || type === RecordType.Exit
      ? 8
      : type === RecordType.Lost
      ? 6
      : 4;
    const layout = only ?? (tailIdWord < words ? layoutAt(i32, at + words - tailIdWord) : undefined) ??
      all[0]!;
    const fits = (back: number) => back > 0 && words - back >= needed - 2;
    let time = fits(layout.tailTime) ? stamp(i32, at + words - layout.tailTime) : -Infinity;
    const cpu = fits(layout.tailCpu) ? i32[at + words - layout.tailCpu]! : 0;
    if (words < needed || cpu >>> 16 !== 0) {
      malformed++;
      return;
    }
    const first = i32[at + 2]!;
    const second = i32[at + 3]!;
    switch (type) {
      case RecordType.Mmap:
        if ((misc & 7) === 2) builder.add(Kind.Mmap, time, cpu, first, second, 0, 0, 0); // 2 = user space
        return;
      case RecordType.Comm: {
        const tail = Math.max(0, layout.tailTid, layout.tailTime, layout.tailCpu, 0);
        const bytes = new Uint8Array(i32.buffer, (at + 4) * 4, Math.max(0, words - 4 - tail) * 4);
        const exec = (misc & MISC_COMM_EXEC) !== 0 ? 1 : 0;
        builder.add(Kind.Comm, time, cpu, first, second, builder.comm(decodeTaskName(bytes)), exec, 0);
        return;
      }
      case RecordType.Fork:
      case RecordType.Exit: {
        // {pid, ppid, tid, ptid, time}; the record's own time stands where there is no identity after it.
        if (time === -Infinity) time = stamp(i32, at + 6);
        const tid = i32[at + 4]!;
        if (type === RecordType.Fork) builder.add(Kind.Fork, time, cpu, first, tid, second, i32[at + 5]!, 0);
        else builder.add(Kind.Exit, time, cpu, first, tid, second, i32[at + 5]!, 0);
        return;
      }
      case RecordType.Lost:
        builder.add(Kind.Lost, time, cpu, -1, -1, i32[at + 4]!, 0, 0);
        return;
      case RecordType.LostSamples:
        lostSamples += first >>> 0;
    }
  };

  const damage = walkRecords(source, data, (i32, at, type, misc, words) => {
    if (type === RecordType.Sample) sample(i32, at, words);
    else if (
      type === RecordType.Comm || type === RecordType.Fork || type === RecordType.Exit ||
      type === RecordType.Lost || type === RecordType.LostSamples || type === RecordType.Mmap
    ) other(i32, at, type, misc, words);
  });
  return {
    builder,
    base: (BigInt(baseHigh) << 32n) + BigInt(baseLow),
    counts,
    lostSamples,
    malformed,
    damage,
  };
}
