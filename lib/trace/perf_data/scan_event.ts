import type { Column, Columns } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { sliceColumn } from "../../frame/take_column.ts";
import { type FieldSink, fieldSink } from "../decode_field.ts";
import { type EventField, type EventFormat, fieldOf } from "../event_format.ts";
import type { ScanRequest } from "../scan.ts";
import { type OrderWorkspace, timeOrder } from "../time_order.ts";
import { layoutOfId, type Layouts, rawWord, sampleCpu } from "./layout.ts";
import { Rounds } from "./rounds.ts";
import { stampAt, type StampOrigin } from "./stamp.ts";
import { type RecordParts, RecordType, walkSteps } from "./walk.ts";

/** What of which records is scanned. */
export interface EventScan {
  readonly records: RecordParts;
  readonly layouts: Layouts;
  readonly origin: StampOrigin;
  /** First and last stamp that is wanted, ns since the epoch. */
  readonly from: number;
  readonly to: number;
}

/** Most bytes of rows that wait until it is known that no older one will come. */
const MOST_WAITING = 128 << 20;

/**
 * The samples of one event, batch by batch, in the order of time as far as the recorder's rounds tell it. No more is kept
 * than a batch and what came since the last round but one, at most 128 MiB.
 *
 * Throws RangeError where the event was not recorded, or has no such field.
 */
export async function* scanEvent(
  { records, layouts, origin, from, to }: EventScan,
  request: ScanRequest,
): AsyncGenerator<Frame<Columns>, void, undefined> {
  const { event, batchRows, signal } = request;
  const laidOut = new Set(layouts.all.filter((layout) => layout.event === event));
  const format = laidOut.values().next().value?.format;
  if (format === undefined) {
    const known = layouts.all.flatMap((layout) => layout.event ?? []).join(", ") || "none";
    throw new RangeError(`The trace has no event ${JSON.stringify(event)}; it has: ${known}`);
  }
  const batches = new Batches(wantedFields(format, event, request.columns), batchRows);
  const waiting = new WaitingRows();
  const inRounds = records.parts.length === 1;
  const rounds = new Rounds();
  const only = layouts.idWord < 0 ? layouts.all[0] : undefined;
  const high = Number(origin.base >> 32n);
  const low = Number(origin.base & 0xffffffffn);
  const start = Number(origin.epoch - origin.base);
  const visit = (i32: Int32Array, at: number, type: number, _misc: number, words: number) => {
    if (type !== RecordType.Sample) {
      if (type === RecordType.FinishedRound && inRounds) rounds.finished();
      return;
    }
    const { idWord } = layouts;
    const layout = only ?? (idWord + 2 <= words ? layoutOfId(layouts, i32, at + idWord) : undefined);
    if (layout === undefined || words < layout.minWords) return;
    const stamp = layout.time < 0 ? -Infinity : stampAt(i32, at + layout.time, high, low);
    if (Number.isNaN(stamp)) return;
    if (stamp !== -Infinity) rounds.queued(stamp - start);
    const ts = stamp === -Infinity ? 0 : stamp - start;
    if (!laidOut.has(layout) || ts < from || ts > to) return;
    const raw = rawWord(layout, i32, at, words);
    if (raw < 0) return;
    const length = i32[at + raw]!;
    if (length < layout.minRaw || raw * 4 + 4 + layout.minRaw > words * 4) return;
    const cpu = sampleCpu(layout, i32, at);
    if (cpu >>> 16 !== 0) return;
    waiting.add(ts, cpu, i32, (at + raw + 1) * 4, Math.min(length, words * 4 - raw * 4 - 4));
  };
  const steps = records.parts.map((_, part) => ({ part, steps: walkSteps(records, part, visit), done: 0 }));
  try {
    for (let left = steps; left.length > 0;) {
      signal?.throwIfAborted();
      // Of several files the one that is behind the others goes on: they were written at the same time.
      const next = left.reduce((x, y) => y.done < x.done ? y : x);
      const step = next.steps.next();
      const { data } = records.parts[next.part]!;
      if (step.done) left = left.filter((each) => each !== next);
      else next.done = (step.value - data.offset) / data.size;
      const past = inRounds && rounds.delivered > to;
      if (past) left = [];
      const upTo = left.length === 0 ? Infinity : rounds.delivered;
      if (waiting.oldest <= upTo || waiting.bytes > MOST_WAITING) {
        waiting.settle(upTo, waiting.bytes > MOST_WAITING, batches);
        yield* batches.ready();
      }
    }
    yield* batches.rest();
  } finally {
    for (const each of steps) each.steps.return([]);
  }
}

function wantedFields(
  format: EventFormat,
  event: string,
  names: readonly string[] | undefined,
): EventField[] {
  const own = format.fields.filter(({ name }) => name === "common_pid" || !name.startsWith("common_"));
  if (names === undefined) return own;
  return names.map((name) => {
    const field = fieldOf(format, name);
    if (field !== undefined) return field;
    throw new RangeError(
      `${event} has no field ${name}; it has: ${format.fields.map((f) => f.name).join(", ")}`,
    );
  });
}

/** Raw data of samples that may not be the oldest yet. */
class WaitingRows {
  /** The oldest stamp. */
  oldest = Infinity;
  #rows = 0;
  #ts = new Float64Array(1 << 12);
  #cpu = new Uint16Array(1 << 12);
  /** Where each row's data begins; the next one's begin is its end. */
  #start = new Float64Array((1 << 12) + 1);
  #data = new Uint8Array(1 << 18);
  #view = new DataView(this.#data.buffer);
  readonly #workspace: OrderWorkspace = {};

  /** Bytes that wait. */
  get bytes(): number {
    return this.#start[this.#rows]! + this.#rows * 18;
  }

  add(ts: number, cpu: number, i32: Int32Array, from: number, length: number): void {
    const row = this.#rows;
    const start = this.#start[row]!;
    if (row === this.#ts.length) this.#widen();
    if (start + length > this.#data.length) this.#make(Math.max(start + length, this.#data.length * 2));
    this.#data.set(new Uint8Array(i32.buffer, from, length), start);
    this.#ts[row] = ts;
    this.#cpu[row] = cpu;
    this.#start[row + 1] = start + length;
    this.#rows = row + 1;
    if (ts < this.oldest) this.oldest = ts;
  }

  /** Hands over all rows up to stamp `upTo`, and with `half` the older half in any case. */
  settle(upTo: number, half: boolean, batches: Batches): void {
    const n = this.#rows;
    const ts = this.#ts.subarray(0, n);
    const order = timeOrder(ts, this.#workspace);
    const at = (i: number) => order === undefined ? i : order[i]!;
    let done = 0;
    while (done < n && ts[at(done)]! <= upTo) done++;
    if (half) done = Math.max(done, n >> 1);
    for (let i = 0; i < done; i++) {
      const row = at(i);
      const start = this.#start[row]!;
      batches.add(ts[row]!, this.#cpu[row]!, this.#view, start, this.#start[row + 1]! - start);
    }
    const stays = new Uint8Array(n);
    for (let i = done; i < n; i++) stays[at(i)] = 1;
    this.#keep(stays);
  }

  /** Moves what stays to the front, in the order in which it came. */
  #keep(stays: Uint8Array): void {
    let kept = 0;
    let end = 0;
    this.oldest = Infinity;
    for (let row = 0; row < stays.length; row++) {
      if (stays[row] === 0) continue;
      const start = this.#start[row]!;
      const length = this.#start[row + 1]! - start;
      const ts = this.#ts[row]!;
      this.#data.copyWithin(end, start, start + length);
      this.#ts[kept] = ts;
      this.#cpu[kept] = this.#cpu[row]!;
      this.#start[kept] = end;
      end += length;
      this.#start[++kept] = end;
      if (ts < this.oldest) this.oldest = ts;
    }
    this.#rows = kept;
  }

  #widen(): void {
    const rows = this.#ts.length * 2;
    this.#ts = copyInto(new Float64Array(rows), this.#ts);
    this.#cpu = copyInto(new Uint16Array(rows), this.#cpu);
    this.#start = copyInto(new Float64Array(rows + 1), this.#start);
  }

  #make(bytes: number): void {
    this.#data = copyInto(new Uint8Array(bytes), this.#data);
    this.#view = new DataView(this.#data.buffer);
  }
}

function copyInto<A extends Float64Array | Uint16Array | Uint8Array>(to: A, from: A): A {
  to.set(from);
  return to;
}

/** Rows as frames of one size. */
class Batches {
  readonly #fields: readonly EventField[];
  readonly #size: number;
  readonly #full: Frame<Columns>[] = [];
  #sinks: FieldSink[] = [];
  #ts = new Float64Array(0);
  #cpu = new Uint16Array(0);
  #rows = 0;

  constructor(fields: readonly EventField[], size: number) {
    this.#fields = fields;
    this.#size = size;
  }

  add(ts: number, cpu: number, view: DataView, start: number, length: number): void {
    const row = this.#rows++;
    if (row === 0) {
      this.#ts = new Float64Array(this.#size);
      this.#cpu = new Uint16Array(this.#size);
      this.#sinks = this.#fields.map((field) => fieldSink(field, this.#size, true));
    }
    this.#ts[row] = ts;
    this.#cpu[row] = cpu;
    for (const sink of this.#sinks) sink.set(row, view, start, length);
    if (this.#rows === this.#size) this.#finish();
  }

  /** The frames that are full. */
  *ready(): Generator<Frame<Columns>, void, undefined> {
    while (this.#full.length > 0) yield this.#full.shift()!;
  }

  /** What is left, as the last frames. */
  *rest(): Generator<Frame<Columns>, void, undefined> {
    if (this.#rows > 0) this.#finish();
    yield* this.ready();
  }

  #finish(): void {
    const rows = this.#rows;
    const cut = (column: Column) => rows === this.#size ? column : sliceColumn(column, 0, rows);
    const columns: Record<string, Column> = { ts: cut(this.#ts), cpu: cut(this.#cpu) };
    this.#fields.forEach((field, i) => columns[field.name] = cut(this.#sinks[i]!.finish()));
    this.#full.push(new Frame<Columns>(columns, rows));
    this.#rows = 0;
  }
}
