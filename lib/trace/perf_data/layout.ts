import { type EventFormat, fieldOf } from "../event_format.ts";
import { STREAM_EVENTS } from "../stream.ts";
import type { PerfAttr } from "./header.ts";

/** PERF_SAMPLE_* bits that come before the raw data, and those of the identity after other records. */
const Sample = {
  Ip: 1 << 0,
  Tid: 1 << 1,
  Time: 1 << 2,
  Addr: 1 << 3,
  Read: 1 << 4,
  Callchain: 1 << 5,
  Id: 1 << 6,
  Cpu: 1 << 7,
  Period: 1 << 8,
  StreamId: 1 << 9,
  Raw: 1 << 10,
  Identifier: 1 << 16,
} as const;

/** Where the fields of one event's samples are. Word = 4 bytes, counted from the start of the record; -1 = not there. */
export interface SampleLayout {
  /** `system:name`; undefined where it is no tracepoint or its format is not in the file. */
  readonly event: string | undefined;
  readonly format: EventFormat | undefined;
  /** Kind of the stream's row; 0 where it does not enter the stream. */
  readonly kind: number;
  readonly tid: number;
  readonly time: number;
  readonly cpu: number;
  /** Word of the raw data's size, if no part of variable length comes before it. */
  readonly raw: number;
  /** Word of the first part of variable length (READ, CALLCHAIN) before the raw data. */
  readonly variable: number;
  readonly sampleType: number;
  readonly readFormat: number;
  /** Words that a sample must have before its raw data. */
  readonly minWords: number;
  /** Bytes that the raw data must have so that `a`, `b`, `c` can be read. */
  readonly minRaw: number;
  /** Byte offsets in the raw data of what becomes `a`, `b`, `c`; -1 = none. */
  readonly a: number;
  readonly b: number;
  readonly c: number;
  /** Whether `c` is the one byte `common_flags`. */
  readonly flags: boolean;
  /** Words from the end of a record that is no sample to its tid, time and cpu; -1 = not there. */
  readonly tailTid: number;
  readonly tailTime: number;
  readonly tailCpu: number;
  /** Whether it is of another machine than the one that is read: nothing of it enters the trace. */
  readonly foreign: boolean;
  /** CPU of the guest; -1 where the record's own counts. */
  readonly vcpu: number;
}

/** The layouts of a file's events, and where a record says which one it is of. */
export interface Layouts {
  readonly all: readonly SampleLayout[];
  /** Layout by id. */
  readonly byId: ReadonlyMap<bigint, SampleLayout>;
  /** Layout by the low word of ids below 65536; `all[code - 1]`, 0 = none. */
  readonly lowIds: Uint16Array;
  /** Word of a sample's id; -1 where there is but one layout. */
  readonly idWord: number;
  /** Words from the end to a non-sample's id; -1 where there is but one layout. */
  readonly tailIdWord: number;
  /** What most samples have in common, if nothing of variable length is in the way; undefined otherwise. */
  readonly common: CommonLayout | undefined;
}

/**
 * What the samples that enter the stream have in common: they differ in their raw data only. Arrays are by the layout's
 * place in `all`.
 */
export interface CommonLayout {
  readonly tid: number;
  readonly time: number;
  readonly cpu: number;
  readonly raw: number;
  readonly minWords: number;
  /** Kind of the stream's row, 0 = none, {@linkcode OTHER_LAYOUT} = not laid out like this. */
  readonly kinds: Uint8Array;
  readonly minRaws: Int32Array;
  /** Words in the raw data of what becomes `a`, `b`, `c`; -1 = none, -2 = the byte `common_flags`. */
  readonly as: Int32Array;
  readonly bs: Int32Array;
  readonly cs: Int32Array;
}

/** Lays out the samples of `attrs`, whose tracepoints have `formats` (by id). */
export function layOut(attrs: readonly PerfAttr[], formats: ReadonlyMap<number, EventFormat>): Layouts {
  const all = attrs.map((attr) =>
    sampleLayout(
      attr,
      attr.type === 2 && attr.foreign !== true ? formats.get(Number(attr.config)) : undefined,
    )
  );
  const byId = new Map<bigint, SampleLayout>();
  const lowIds = new Uint16Array(65536);
  attrs.forEach((attr, i) => {
    for (const id of attr.ids) {
      byId.set(id, all[i]!);
      if (id < 65536n) lowIds[Number(id)] = i + 1;
    }
  });
  const type = attrs[0]!.sampleType;
  const identifier = (type & Sample.Identifier) !== 0;
  const id = (type & Sample.Id) !== 0;
  const before = Sample.Ip | Sample.Tid | Sample.Time | Sample.Addr;
  const after = Sample.StreamId | Sample.Cpu;
  return {
    all,
    byId,
    lowIds,
    idWord: identifier ? 2 : id ? 2 + 2 * bitCount(type & before) : -1,
    tailIdWord: identifier ? 2 : id ? 2 + 2 * bitCount(type & after) : -1,
    common: identifier || id ? commonLayout(all) : undefined,
  };
}

/** Kind of a layout that has its fields elsewhere than the common one. */
export const OTHER_LAYOUT = 255;

function commonLayout(all: readonly SampleLayout[]): CommonLayout | undefined {
  const first = all.find((layout) => layout.kind !== 0);
  if (first === undefined) return undefined;
  const { tid, time, cpu, raw, minWords, sampleType } = first;
  if (tid < 0 || time < 0 || cpu < 0 || raw < 0) return undefined;
  const word = (offset: number) => offset < 0 ? -1 : offset >> 2;
  return {
    tid,
    time,
    cpu,
    raw,
    minWords: minWords + 1,
    kinds: Uint8Array.from(
      all,
      (layout) => layout.sampleType === sampleType && layout.vcpu < 0 ? layout.kind : OTHER_LAYOUT,
    ),
    minRaws: Int32Array.from(all, (layout) => layout.minRaw),
    as: Int32Array.from(all, (layout) => word(layout.a)),
    bs: Int32Array.from(all, (layout) => word(layout.b)),
    cs: Int32Array.from(all, (layout) => layout.flags ? -2 : word(layout.c)),
  };
}

function sampleLayout(attr: PerfAttr, format: EventFormat | undefined): SampleLayout {
  const type = attr.sampleType;
  let at = 2;
  const take = (bit: number): number => {
    if ((type & bit) === 0) return -1;
    at += 2;
    return at - 2;
  };
  take(Sample.Identifier);
  take(Sample.Ip);
  const tid = take(Sample.Tid);
  const time = take(Sample.Time);
  take(Sample.Addr);
  take(Sample.Id);
  take(Sample.StreamId);
  const cpu = take(Sample.Cpu);
  take(Sample.Period);
  const variable = (type & (Sample.Read | Sample.Callchain)) !== 0 ? at : -1;
  const raw = (type & Sample.Raw) !== 0 && variable < 0 ? at : -1;

  const known = format === undefined ? undefined : STREAM_EVENTS[format.name];
  const fields = known?.fields.map((name) => fieldOf(format!, name));
  const usable = fields !== undefined &&
    fields.every((field) =>
      field !== undefined && (field.name === "common_flags" || (field.offset % 4 === 0 && field.size >= 4))
    );
  const offset = (i: number) => usable ? fields[i]?.offset ?? -1 : -1;
  let tail = 0;
  const back = (bit: number): number => {
    if (!attr.sampleIdAll || (type & bit) === 0) return -1;
    tail += 2;
    return tail;
  };
  back(Sample.Identifier);
  const tailCpu = back(Sample.Cpu);
  back(Sample.StreamId);
  back(Sample.Id);
  const tailTime = back(Sample.Time);
  const tailTid = back(Sample.Tid);
  return {
    event: format?.name,
    format,
    kind: usable ? known!.kind : 0,
    tid,
    time,
    cpu,
    raw,
    variable: (type & Sample.Raw) !== 0 ? variable : -1,
    sampleType: type,
    readFormat: attr.readFormat,
    minWords: at,
    minRaw: Math.max(0, ...(usable ? fields.map((field) => field!.offset + Math.min(field!.size, 4)) : [])),
    a: offset(0),
    b: offset(1),
    c: offset(2),
    flags: usable && fields[2]?.name === "common_flags",
    tailTid,
    tailTime,
    tailCpu,
    foreign: attr.foreign === true,
    vcpu: attr.vcpu ?? -1,
  };
}

/** The layout of the id at word `at`; undefined where no event has it. */
export function layoutOfId(layouts: Layouts, i32: Int32Array, at: number): SampleLayout | undefined {
  const low = i32[at]!;
  const high = i32[at + 1]!;
  if (high === 0 && low >>> 16 === 0) return layouts.all[layouts.lowIds[low]! - 1];
  return layouts.byId.get((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0));
}

/** CPU of the sample at word `at`; not below 65536 where it is damaged. */
export function sampleCpu(layout: SampleLayout, i32: Int32Array, at: number): number {
  return layout.vcpu >= 0 ? layout.vcpu : layout.cpu < 0 ? 0 : i32[at + layout.cpu]!;
}

/** PERF_FORMAT_* bits. */
const Read = { TotalTimeEnabled: 1, TotalTimeRunning: 2, Id: 4, Group: 8, Lost: 16 } as const;

/**
 * Word of the raw data's size in the sample at `at`, past its READ and CALLCHAIN parts; -1 where they do not fit into
 * the record's `words`.
 */
export function rawWord(layout: SampleLayout, i32: Int32Array, at: number, words: number): number {
  if (layout.raw >= 0) return layout.raw;
  let word = layout.variable;
  if (word < 0) return -1;
  if ((layout.sampleType & Sample.Read) !== 0) {
    const times = bitCount(layout.readFormat & (Read.TotalTimeEnabled | Read.TotalTimeRunning));
    const each = 1 + bitCount(layout.readFormat & (Read.Id | Read.Lost));
    if ((layout.readFormat & Read.Group) !== 0) {
      if (word + 2 > words) return -1;
      const count = i32[at + word]!;
      if (count < 0 || count > words) return -1;
      word += 2 * (1 + times + count * each);
    } else word += 2 * (times + each);
  }
  if ((layout.sampleType & Sample.Callchain) !== 0) {
    if (word + 2 > words) return -1;
    const count = i32[at + word]!;
    if (count < 0 || count > words) return -1;
    word += 2 * (1 + count);
  }
  return word + 1 <= words ? word : -1;
}

function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
