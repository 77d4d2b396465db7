import { type Column, DictColumn } from "../../frame/column.ts";
import { type FieldSink, fieldSink } from "../decode_field.ts";
import { type EventField, fieldOf } from "../event_format.ts";
import { timeOrder } from "../time_order.ts";
import { type Layouts, rawWord, sampleCpu, type SampleLayout } from "./layout.ts";
import { type RecordParts, RecordType, walkRecords } from "./walk.ts";

/**
 * Reads the samples of `event` in `records` again and decodes `fields` of them, rows in time order, ties as recorded.
 *
 * Besides the event's fields there are `ts` (ns since `epoch`), `cpu` and `common_pid`. Throws RangeError on a field that the
 * event does not have. With `exact`, text is as `decodeTaskName` has it.
 */
export function decodeEvent(
  records: RecordParts,
  layouts: Layouts,
  epoch: bigint,
  event: string,
  fields: readonly string[],
  exact = false,
): Record<string, Column> {
  // More than one where the event was asked for twice, with filters of their own.
  const laidOut = new Set(layouts.all.filter((layout) => layout.event === event));
  const format = laidOut.values().next().value?.format;
  if (format === undefined) {
    throw new RangeError(`The recording has no event ${event}`);
  }
  const wanted: EventField[] = [];
  for (const name of fields) {
    if (name === "ts" || name === "cpu") continue;
    const field = fieldOf(format, name);
    if (field === undefined) {
      throw new RangeError(
        `${event} has no field ${name}; it has: ${format.fields.map((f) => f.name).join(", ")}`,
      );
    }
    wanted.push(field);
  }
  const count = countSamples(records, layouts, laidOut);
  const ts = new Float64Array(count);
  const cpu = new Uint16Array(count);
  const sinks: FieldSink[] = wanted.map((field) => fieldSink(field, count, true, exact));
  let rows = 0;
  let view: DataView | undefined;
  forEachSample(records, layouts, laidOut, (layout, i32, at, raw, length) => {
    if (view?.buffer !== i32.buffer) view = new DataView(i32.buffer);
    if (layout.time >= 0) ts[rows] = sinceEpoch(i32, at + layout.time, epoch);
    cpu[rows] = sampleCpu(layout, i32, at);
    for (const sink of sinks) sink.set(rows, view, (at + raw + 1) * 4, length);
    rows++;
  });
  const order = timeOrder(ts);
  const out: Record<string, Column> = {};
  for (const name of fields) {
    const column = name === "ts"
      ? ts
      : name === "cpu"
      ? cpu
      : sinks[wanted.findIndex((f) => f.name === name)]!.finish();
    out[name] = order === undefined ? column : permuted(column, order);
  }
  return out;
}

function countSamples(records: RecordParts, layouts: Layouts, laidOut: ReadonlySet<SampleLayout>): number {
  let count = 0;
  forEachSample(records, layouts, laidOut, () => count++);
  return count;
}

/** Calls `take` for each whole sample of one of `laidOut`, with the word of its raw data's size and the raw data's bytes. */
function forEachSample(
  records: RecordParts,
  layouts: Layouts,
  laidOut: ReadonlySet<SampleLayout>,
  take: (layout: SampleLayout, i32: Int32Array, at: number, raw: number, length: number) => void,
): void {
  const only = layouts.idWord < 0 ? layouts.all[0] : undefined;
  walkRecords(records, (i32, at, type, _misc, words) => {
    if (type !== RecordType.Sample) return;
    const layout = only ?? layoutOf(layouts, i32, at, words);
    if (layout === undefined || !laidOut.has(layout) || words < layout.minWords) return;
    const raw = rawWord(layout, i32, at, words);
    if (raw < 0) return;
    const length = i32[at + raw]!;
    if (length < layout.minRaw || raw * 4 + 4 + layout.minRaw > words * 4) return;
    if (sampleCpu(layout, i32, at) >>> 16 !== 0) return;
    take(layout, i32, at, raw, Math.min(length, words * 4 - raw * 4 - 4));
  });
}

/** The layout that the id of the sample at word `at` names; undefined where the id is unknown. */
function layoutOf(layouts: Layouts, i32: Int32Array, at: number, words: number): SampleLayout | undefined {
  if (layouts.idWord + 2 > words) return undefined;
  const low = i32[at + layouts.idWord]!;
  const high = i32[at + layouts.idWord + 1]!;
  return high === 0 && low >>> 16 === 0
    ? layouts.all[layouts.lowIds[low]! - 1]
    : layouts.byId.get((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0));
}

function sinceEpoch(i32: Int32Array, at: number, epoch: bigint): number {
  const high = Number(epoch >> 32n);
  const low = Number(epoch & 0xffffffffn);
  return ((i32[at + 1]! >>> 0) - high) * 4294967296 + ((i32[at]! >>> 0) - low);
}

/** `column` with its rows in the order of `order`. */
function permuted(column: Column, order: Uint32Array): Column {
  if (column instanceof DictColumn) {
    const codes = column.codes;
    const out = new (codes.constructor as new (length: number) => typeof codes)(order.length);
    for (let i = 0; i < order.length; i++) out[i] = codes[order[i]!]!;
    return new DictColumn(out, column.dictionary);
  }
  const out = new (column.constructor as new (length: number) => typeof column)(order.length);
  for (let i = 0; i < order.length; i++) (out as Float64Array)[i] = (column as Float64Array)[order[i]!]!;
  return out;
}
