import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type Column, DictColumn } from "../../frame/column.ts";
import { encodeTaskName } from "../task_name.ts";
import { fullName } from "../text/event_names.ts";
import type { EventTable } from "../write/event_table.ts";
import { FTRACE_EVENTS, type FtraceEventNumbers, GENERIC_EVENT } from "./ftrace_events.ts";
import { Bundle, Packet, writeInt, writeText, writeUint } from "./packets.ts";

/** Writes the content of one row's message into an FtraceEvent that is under way. */
export type EventEncoder = (writer: BinaryWriter, row: number) => void;

/** Events of a bundle before it is written. */
const BUNDLE_EVENTS = 4096;

/** Bundles of one CPU: events are collected until there are enough, or until something was lost. */
export class CpuBundle {
  readonly #cpu: number;
  readonly #writer = new BinaryWriter();
  #events = 0;
  #lost = false;

  /** For events of `cpu`. */
  constructor(cpu: number) {
    this.#cpu = cpu;
  }

  /** Whether it is time to {@linkcode CpuBundle.take} the bundle. */
  get full(): boolean {
    return this.#events >= BUNDLE_EVENTS;
  }

  /** Adds an event with the stamp `ts` of the clock. */
  add(ts: bigint, pid: number, flags: number, encode: EventEncoder, row: number): void {
    const writer = this.#writer;
    if (this.#events++ === 0) this.#begin();
    writer.tag(Bundle.event, WireType.LengthDelimited).fork();
    writer.tag(Bundle.timestamp, WireType.Varint).uint64(ts);
    // The field is unsigned of 32 bits; the pid -1 of an unknown thread keeps its bits.
    writer.tag(Bundle.pid, WireType.Varint).uint32(pid >>> 0);
    encode(writer, row);
    // Perfetto looks for the event right behind the pid.
    if (flags !== 0) writer.tag(Bundle.commonFlags, WireType.Varint).uint32(flags >>> 0);
    writer.join();
  }

  /** Events were lost before the next one. */
  lose(): void {
    this.#lost = true;
  }

  /** The bytes so far; empty where there is no event. */
  take(): Uint8Array {
    if (this.#events === 0) return new Uint8Array();
    this.#events = 0;
    return this.#writer.join().join().finish();
  }

  #begin(): void {
    const writer = this.#writer;
    writer.tag(Packet.packet, WireType.LengthDelimited).fork();
    writer.tag(Packet.ftraceEvents, WireType.LengthDelimited).fork();
    writer.tag(Bundle.cpu, WireType.Varint).uint32(this.#cpu);
    if (this.#lost) writer.tag(Bundle.lostEvents, WireType.Varint).bool(true);
    this.#lost = false;
  }
}

/**
 * Writes the rows of `table`: as the message that Perfetto has for the event, or, where it has none or one that lacks
 * fields of this kernel's, as a generic event with names. The scheduler's events are always its own messages.
 */
export function eventEncoder(table: EventTable): EventEncoder {
  const own = FTRACE_EVENTS.get(table.name);
  const whole = own !== undefined && table.fields.every(({ field }) => own.fields.has(field.name));
  return own !== undefined && (whole || table.name.startsWith("sched:"))
    ? typedEncoder(table, own)
    : genericEncoder(table);
}

function typedEncoder(table: EventTable, own: FtraceEventNumbers): EventEncoder {
  const fields = table.fields.flatMap(({ field, column }) => {
    const found = own.fields.get(field.name);
    return found === undefined ? [] : [fieldWriter(found.id, found.type, column)];
  });
  return (writer, row) => {
    writer.tag(own.id, WireType.LengthDelimited).fork();
    for (let i = 0; i < fields.length; i++) fields[i]!(writer, row);
    writer.join();
  };
}

/** Fields of GenericFtraceEvent and of its Field. */
const Generic = { name: 1, field: 2, fieldName: 1, text: 3, int: 4, uint: 5 } as const;

function genericEncoder(table: EventTable): EventEncoder {
  const short = table.name.slice(table.name.indexOf(":") + 1);
  const name = fullName(short) === table.name ? short : table.name;
  const fields = table.fields.map(({ field, column }) => {
    const type = column instanceof DictColumn ? "text" : field.signed ? "int" : "uint";
    return { name: field.name, write: fieldWriter(Generic[type], type, column) };
  });
  return (writer, row) => {
    writer.tag(GENERIC_EVENT, WireType.LengthDelimited).fork();
    writeText(writer, Generic.name, name);
    for (const field of fields) {
      writer.tag(Generic.field, WireType.LengthDelimited).fork();
      writeText(writer, Generic.fieldName, field.name);
      field.write(writer, row);
      writer.join();
    }
    writer.join();
  };
}

function fieldWriter(id: number, type: "int" | "uint" | "text", column: Column): EventEncoder {
  if (type === "text") {
    if (column instanceof DictColumn) {
      const { codes, dictionary } = column;
      const texts = dictionary.map(encodeTaskName);
      return (writer, row) => writer.tag(id, WireType.LengthDelimited).bytes(texts[codes[row]!]!);
    }
    return (writer, row) => writeText(writer, id, String(column[row]));
  }
  if (column instanceof DictColumn) {
    // A text source may have read numbers as text, as they stand there.
    const values = column.dictionary.map((text) => /^-?\d{1,18}$/.test(text) ? BigInt(text) : 0n);
    return (writer, row) => writeInt(writer, id, values[column.codes[row]!]!);
  }
  if (column instanceof Int32Array) {
    return (writer, row) => writer.tag(id, WireType.Varint).int32(column[row]!);
  }
  const write = type === "int" ? writeInt : writeUint;
  return (writer, row) => write(writer, id, column[row]!);
}
