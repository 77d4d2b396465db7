import type { EventField } from "../event_format.ts";
import { type Layouts, rawWord, type SampleLayout } from "./layout.ts";
import { RecordType, swap32, type SwapRecord } from "./walk.ts";

/**
 * Makes records of the other byte order ones of this machine's.
 *
 * Records are u64s, some of which are two u32s, and text; a tracepoint's raw data is as its format has it. Each u64 is
 * turned round first, which puts the two of a pair into each other's place; then what was no u64 is put right.
 */
export function recordSwapper(layouts: Layouts): SwapRecord {
  const only = layouts.idWord < 0 ? layouts.all[0]! : undefined;
  const layoutAt = (i32: Int32Array, at: number) =>
    layouts.byId.get((BigInt(i32[at + 1]! >>> 0) << 32n) | BigInt(i32[at]! >>> 0));
  return (i32, at, type, words) => {
    swapDoubleWords(i32, at + 2, at + words);
    if (type === RecordType.Sample) {
      const { idWord } = layouts;
      const layout = only ?? (idWord + 2 <= words ? layoutAt(i32, at + idWord) : undefined);
      if (layout === undefined || words < layout.minWords) return;
      if (layout.tid >= 0) exchange(i32, at + layout.tid);
      if (layout.cpu >= 0) exchange(i32, at + layout.cpu);
      const raw = rawWord(layout, i32, at, words);
      if (raw >= 0) swapRaw(i32, at + raw, at + words, layout);
      return;
    }
    if (type >= RecordType.FirstOfTool) return;
    const { tailIdWord, all } = layouts;
    const layout = only ??
      (tailIdWord > 0 && words - tailIdWord >= 2 ? layoutAt(i32, at + words - tailIdWord) : undefined) ??
      all[0]!;
    for (const back of [layout.tailTid, layout.tailCpu]) {
      if (back > 0 && words - back >= 2) exchange(i32, at + words - back);
    }
    const tail = Math.max(0, layout.tailTid, layout.tailTime, layout.tailCpu);
    if (words - tail < 4) return;
    if (type === RecordType.Fork || type === RecordType.Exit) {
      exchange(i32, at + 2);
      if (words - tail >= 6) exchange(i32, at + 4);
    } else if (type === RecordType.Mmap || type === RecordType.Comm) {
      exchange(i32, at + 2);
      if (type === RecordType.Comm) swapDoubleWords(i32, at + 4, at + words - tail);
    }
  };
}

/** Turns the eight bytes of each pair of words round. */
function swapDoubleWords(i32: Int32Array, from: number, to: number): void {
  for (let i = from; i + 2 <= to; i += 2) {
    const first = i32[i]!;
    i32[i] = swap32(i32[i + 1]!);
    i32[i + 1] = swap32(first);
  }
}

function exchange(i32: Int32Array, at: number): void {
  const first = i32[at]!;
  i32[at] = i32[at + 1]!;
  i32[at + 1] = first;
}

/** Puts right the raw data whose size is at word `raw`; all words up to `end` were turned round in pairs. */
function swapRaw(i32: Int32Array, raw: number, end: number, layout: SampleLayout): void {
  swapDoubleWords(i32, raw, end);
  i32[raw] = swap32(i32[raw]!);
  const bytes = new Uint8Array(i32.buffer, (raw + 1) * 4, (end - raw - 1) * 4);
  for (const field of layout.format?.fields ?? []) swapField(bytes, field);
}

function swapField(bytes: Uint8Array, field: EventField): void {
  if (field.content === "string" || field.offset + field.size > bytes.length) return;
  const each = field.content === "dynamic" ? 4 : field.size / field.count;
  if (each !== 2 && each !== 4 && each !== 8) return;
  for (let at = field.offset; at + each <= field.offset + field.size; at += each) {
    bytes.subarray(at, at + each).reverse();
  }
}
