import type { ByteSource } from "../byte_source.ts";
import type { Column, DictColumn } from "../../frame/column.ts";
import { takeColumn } from "../../frame/take_column.ts";
import type { EventFormat } from "../event_format.ts";
import { TextTable } from "../text_table.ts";
import { timeOrder } from "../time_order.ts";
import { eventName } from "./event_names.ts";
import { STREAM_EVENTS } from "../stream.ts";
import { FTRACE_EVENTS, GENERIC_EVENT } from "./ftrace_events.ts";
import { GenericReader } from "./generic_fields.ts";
import { NumberSink } from "./number_sink.ts";
import { type BundleEvent, BundleReader } from "./read_bundles.ts";
import { forEachPacket } from "./read_packets.ts";

/** Reads one field of an event into a row. */
interface Sink {
  take(row: number, event: BundleEvent, generic: GenericReader): void;
  finish(): Column;
}

/** Events whose columns are kept. */
const KEPT = 4;

/** The columns of events, kept for those that were asked for last: a pass over the packets costs more than a column. */
export class DecodedEvents {
  readonly #source: ByteSource;
  readonly #epoch: bigint;
  readonly #kept = new Map<string, Record<string, Column>>();

  /** Of the trace in `source`; `epoch` is the stamp of ts = 0. */
  constructor(source: ByteSource, epoch: bigint) {
    this.#source = source;
    this.#epoch = epoch;
  }

  /** Columns `fields` of the event of `format`; see {@linkcode decodeEvents}. */
  columns(
    format: EventFormat,
    count: number,
    fields: readonly string[],
    exact = false,
  ): Record<string, Column> {
    const key = `${exact} ${format.name}`;
    let columns = this.#kept.get(key);
    if (columns === undefined || fields.some((field) => columns![field] === undefined)) {
      const all = [
        "ts",
        "cpu",
        "common_pid",
        "common_flags",
        ...format.fields.map(({ name }) => name),
        ...fields,
      ];
      columns = decodeEvents(this.#source, format, count, this.#epoch, [...new Set(all)], exact);
      this.#kept.delete(key);
      if (this.#kept.size === KEPT) this.#kept.delete(this.#kept.keys().next().value!);
      this.#kept.set(key, columns);
    }
    return Object.fromEntries(fields.map((field) => [field, columns[field]!]));
  }
}

/**
 * Fields of all records of the event of `format` in `source`, rows in time order (equal stamps as they stand): what
 * `Trace.event` asks for. `epoch` is the stamp of ts = 0. Throws RangeError for a field that it does not have.
 */
export function decodeEvents(
  source: ByteSource,
  format: EventFormat,
  count: number,
  epoch: bigint,
  fields: readonly string[],
  exact = false,
): Record<string, Column> {
  const ts = new Float64Array(count);
  const high = Number(epoch >> 32n);
  const low = Number(epoch & 0xffff_ffffn);
  const sinks = fields.map((field): Sink | undefined =>
    field === "ts" ? undefined : sinkOf(format, field, count, exact)
  );
  const generic = new GenericReader();
  const id = FTRACE_EVENTS.get(format.name)?.id;
  let row = 0;
  const reader = new BundleReader({
    event(event) {
      if (row === count) return;
      const name = event.id === GENERIC_EVENT
        ? generic.read(event.bytes, event.from, event.to)
        : event.id === id
        ? format.name
        : id === undefined
        ? eventName(event)
        : undefined;
      if (name !== format.name) return;
      ts[row] = ((event.high >>> 0) - high) * 2 ** 32 + ((event.low >>> 0) - low);
      for (const sink of sinks) sink?.take(row, event, generic);
      row++;
    },
    lost() {},
    broken() {},
    clock() {},
  });
  forEachPacket(source, (bytes, from, to) => reader.packet(bytes, from, to));
  const order = timeOrder(ts);
  return Object.fromEntries(fields.map((field, i) => {
    const column = sinks[i]?.finish() ?? ts;
    return [field, order === undefined ? column : takeColumn(column, order)];
  }));
}

function sinkOf(format: EventFormat, field: string, count: number, exact: boolean): Sink {
  if (field === "cpu") {
    const cpus = new Uint16Array(count);
    return { take: (row, event) => cpus[row] = event.cpu, finish: () => cpus };
  }
  if (field === "common_pid" || field === "common_flags") {
    const values = new Int32Array(count);
    const isPid = field === "common_pid";
    return { take: (row, event) => values[row] = isPid ? event.pid : event.flags, finish: () => values };
  }
  const found = format.fields.find(({ name }) => name === field);
  if (found === undefined) {
    const known = format.fields.map(({ name }) => name).join(", ");
    throw new RangeError(
      `${format.name} has no field ${JSON.stringify(field)}; it has: ts, cpu, common_pid, ${known}`,
    );
  }
  const number = FTRACE_EVENTS.get(format.name)?.fields.get(field)?.id;
  if (found.content === "integer") {
    const sink = new NumberSink(count, found.signed);
    // What a damaged event does not tell is -1, as it is in the stream: 0 would be a thread.
    const narrow = found.size <= 4;
    const unknown = found.signed && STREAM_EVENTS[format.name]?.fields.includes(field) === true;
    return {
      take(row, event, generic) {
        if (event.id === GENERIC_EVENT) {
          const own = generic.fields.find(({ name }) => name === field);
          if (own !== undefined) sink.set(row, own.low, own.high);
        } else if (number !== undefined && event.slots.has[number] === 1) {
          // Of a number that is too long for its field the low word counts, as protobuf has it.
          const low = event.slots.low[number]!;
          sink.set(row, low, narrow ? (found.signed ? low >> 31 : 0) : event.slots.high[number]!);
        } else if (unknown) sink.set(row, -1, -1);
      },
      finish: () => sink.finish(),
    };
  }
  const table = new TextTable();
  const codes = new Uint32Array(count).fill(table.add(new Uint8Array(), 0, 0));
  return {
    take(row, event, generic) {
      if (event.id === GENERIC_EVENT) {
        const own = generic.fields.find(({ name }) => name === field);
        if (own?.type === "text") codes[row] = table.add(event.bytes, own.from, own.to);
      } else if (number !== undefined && event.slots.has[number] === 2) {
        const { slots } = event;
        codes[row] = table.add(slots.bytes[number]!, slots.from[number]!, slots.to[number]!);
      }
    },
    finish: (): DictColumn => table.column(codes, exact),
  };
}
