import { type Column, DictColumn } from "../../frame/column.ts";
import { type FieldSink, fieldSink } from "../decode_field.ts";
import { type EventField, fieldOf } from "../event_format.ts";
import { timeOrder } from "../time_order.ts";
import { layoutOfId, type Layouts, rawWord, sampleCpu, type SampleLayout } from "./layout.ts";
import { stampAt, type StampOrigin } from "./stamp.ts";
import { type RecordParts, RecordType, walkRecords } from "./walk.ts";

/**
 * Reads the samples of `event` in `records` again and decodes `fields` of them, rows in time order, ties as recorded.
 *
 * Besides the event's fields there are `ts` (ns since the epoch), `cpu` and `common_pid`. Throws RangeError on a field that the
 * event does not have. With `exact`, text is as `decodeTaskName` has it. Samples older than `from` (ns since the epoch) are
 * left out.
 */
export function decodeEvent(
  records: RecordParts,
  layouts: Layouts,
  origin: StampOrigin,
  event: string,
  fields: readonly string[],
  exact = false,
  from: number = -Infinity,
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
  const start = Number(origin.epoch - origin.base);
  let count = 0;
  forEachSample(records, layouts, laidOut, origin, (_layout, _i32, _at, _raw, _length, stamp) => {
    if (stamp - start >= from) count++;
  });
  const ts = new Float64Array(count);
  const cpu = new Uint16Array(count);
  const sinks: FieldSink[] = wanted.map((field) => fieldSink(field, count, true, exact));
  let rows = 0;
  let view: DataView | undefined;
  let untimed = false;
  forEachSample(records, layouts, laidOut, origin, (layout, i32, at, raw, length, stamp) => {
    if (!(stamp - start >= from)) return;
    if (view?.buffer !== i32.buffer) view = new DataView(i32.buffer);
    ts[rows] = stamp - start;
    if (stamp === -Infinity) untimed = true;
    cpu[rows] = sampleCpu(layout, i32, at);
    for (const sink of sinks) sink.set(rows, view, (at + raw + 1) * 4, length);
    rows++;
  });
  const order = timeOrder(ts);
  if (untimed) placeUntimed(ts);
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

/** What has no stamp comes first, at the epoch (or what is before it), as it does in the stream. */
function placeUntimed(ts: Float64Array): void {
  let first = 0;
  for (const stamp of ts) if (stamp < first && stamp !== -Infinity) first = stamp;
  for (let row = 0; row < ts.length; row++) if (ts[row] === -Infinity) ts[row] = first;
}

/**
 * Calls `take` for each whole sample of one of `laidOut`, with the word of its raw data's size, the raw data's bytes, and its
 * stamp as `stampAt` has it.
 */
function forEachSample(
  records: RecordParts,
  layouts: Layouts,
  laidOut: ReadonlySet<SampleLayout>,
  { base }: StampOrigin,
  take: (
    layout: SampleLayout,
    i32: Int32Array,
    at: number,
    raw: number,
    length: number,
    stamp: number,
  ) => void,
): void {
  const high = Number(base >> 32n);
  const low = Number(base & 0xffffffffn);
  const only = layouts.idWord < 0 ? layouts.all[0] : undefined;
  walkRecords(records, (i32, at, type, _misc, words) => {
    if (type !== RecordType.Sample) return;
    const { idWord } = layouts;
    const layout = only ?? (idWord + 2 <= words ? layoutOfId(layouts, i32, at + idWord) : undefined);
    if (layout === undefined || !laidOut.has(layout) || words < layout.minWords) return;
    const raw = rawWord(layout, i32, at, words);
    if (raw < 0) return;
    const length = i32[at + raw]!;
    if (length < layout.minRaw || raw * 4 + 4 + layout.minRaw > words * 4) return;
    if (sampleCpu(layout, i32, at) >>> 16 !== 0) return;
    const stamp = layout.time < 0 ? -Infinity : stampAt(i32, at + layout.time, high, low);
    if (Number.isNaN(stamp)) return;
    take(layout, i32, at, raw, Math.min(length, words * 4 - raw * 4 - 4), stamp);
  });
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
