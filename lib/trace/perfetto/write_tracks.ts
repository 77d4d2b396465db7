import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type Column, DictColumn } from "../../frame/column.ts";
import type { TableSource } from "../../frame/to_text.ts";
import { timeOrder } from "../time_order.ts";
import { message, Packet, packetOf, writeInt, writeText, writeUint } from "./packets.ts";

/** A track of one's own beside the trace: what an analysis found, as slices on a line. */
export interface TraceTrack {
  /** What the line is called. */
  readonly name: string;
  /** The thread it stands under, or the CPU whose number it gets. Default: a line of its own. */
  readonly parent?: { readonly tid: number } | { readonly cpu: number };
  /**
   * A frame with `ts` and `dur` (ns since the trace's epoch, ns). Of its other columns `name` is what each slice is called
   * (default: the track's name), `flow_id` (a number above 0) joins slices of the same number by arrows in the order of time, on
   * any track; all others become arguments of the slice. Slices that overlap go to further lines of the same name.
   */
  readonly slices: TableSource;
}

/** Fields of TrackDescriptor, TrackEvent, InternedData and DebugAnnotation. */
export const Track = {
  uuid: 1,
  name: 2,
  parent: 5,
  thread: 4,
  threadPid: 1,
  threadTid: 2,
  eventType: 9,
  eventName: 10,
  eventTrack: 11,
  eventCategory: 22,
  eventFlow: 47,
  annotation: 4,
  annotationName: 1,
  annotationUint: 3,
  annotationInt: 4,
  annotationDouble: 5,
  annotationText: 6,
  internedName: 2,
  internedAnnotation: 3,
  internedId: 1,
  internedText: 2,
} as const;

/** TrackEvent's types. */
export const SLICE_BEGIN = 1;
export const SLICE_END = 2;
export const INSTANT = 3;

/** The sequence that our tracks are written on: names are interned within it. */
export const SEQUENCE = 1;
const STATE_CLEARED = 1;
const NEEDS_STATE = 2;

/** Track numbers: a parent's is its place in this range, so that they cannot meet. */
const FIRST_TRACK = 0x5ced_0000_0000n;
const THREAD_TRACK = 0x5cee_0000_0000n;

/** Writes tracks, one after another, in pieces of about 64 KiB. */
export class TrackWriter {
  readonly #epoch: bigint;
  readonly #tgids: ReadonlyMap<number, number>;
  readonly #names = new Map<string, number>();
  readonly #keys = new Map<string, number>();
  readonly #threads = new Set<number>();
  #tracks = 0;
  #first = true;

  /** `tgids`: process of each thread, for tracks under threads. */
  constructor(epoch: bigint, tgids: ReadonlyMap<number, number>) {
    this.#epoch = epoch;
    this.#tgids = tgids;
  }

  /** The packets of `track`. Throws RangeError where its frame lacks `ts` or `dur` or they are no numbers. */
  *write(track: TraceTrack): Generator<Uint8Array> {
    const { slices, parent } = track;
    const ts = numbers(track, "ts");
    const dur = numbers(track, "dur");
    const names = slices.names.includes("name") ? slices.column("name") : undefined;
    const flows = slices.names.includes("flow_id") ? slices.column("flow_id") : undefined;
    const args = slices.names.filter((name) => !["ts", "dur", "name", "flow_id"].includes(name))
      .map((name) => ({ name, column: slices.column(name) }));
    const label = parent !== undefined && "cpu" in parent ? `CPU ${parent.cpu}: ${track.name}` : track.name;
    let parentTrack: bigint | undefined;
    if (parent !== undefined && "tid" in parent) {
      parentTrack = THREAD_TRACK + BigInt(parent.tid >>> 0);
      if (!this.#threads.has(parent.tid)) yield this.#threadTrack(parent.tid, parentTrack);
    }
    const order = timeOrder(ts);
    const lanes: { uuid: bigint; end: number }[] = [];
    let writer = new BinaryWriter();
    let events = 0;
    for (let i = 0; i < slices.length; i++) {
      const row = order === undefined ? i : order[i]!;
      const begin = ts[row]!;
      const length = Math.max(0, dur[row]!);
      let lane = lanes.find(({ end }) => end <= begin);
      if (lane === undefined) {
        lanes.push(lane = { uuid: FIRST_TRACK + BigInt(this.#tracks++), end: 0 });
        yield this.#descriptor(lane.uuid, label, parentTrack);
      }
      lane.end = begin + length;
      const name = names === undefined ? track.name : cellText(names, row);
      const flow = flows === undefined ? 0n : flowOf(flows, row);
      this.#event(writer, begin, lane.uuid, length > 0 ? SLICE_BEGIN : INSTANT, name, flow, args, row);
      if (length > 0) this.#event(writer, begin + length, lane.uuid, SLICE_END, undefined, 0n, [], row);
      if (++events % 1024 === 0) {
        yield writer.finish();
        writer = new BinaryWriter();
      }
    }
    if (lanes.length === 0) yield this.#descriptor(FIRST_TRACK + BigInt(this.#tracks++), label, parentTrack);
    yield writer.finish();
  }

  #threadTrack(tid: number, uuid: bigint): Uint8Array {
    this.#threads.add(tid);
    return packetOf((writer) => {
      writeUint(writer, Packet.sequence, SEQUENCE);
      message(writer, Packet.trackDescriptor, () => {
        writeUint(writer, Track.uuid, uuid);
        message(writer, Track.thread, () => {
          writeInt(writer, Track.threadPid, this.#tgids.get(tid) ?? tid);
          writeInt(writer, Track.threadTid, tid);
        });
      });
    });
  }

  #descriptor(uuid: bigint, name: string, parent: bigint | undefined): Uint8Array {
    return packetOf((writer) => {
      writeUint(writer, Packet.sequence, SEQUENCE);
      message(writer, Packet.trackDescriptor, () => {
        writeUint(writer, Track.uuid, uuid);
        writeText(writer, Track.name, name);
        if (parent !== undefined) writeUint(writer, Track.parent, parent);
      });
    });
  }

  #event(
    writer: BinaryWriter,
    ts: number,
    track: bigint,
    type: number,
    name: string | undefined,
    flow: bigint,
    args: readonly { name: string; column: Column }[],
    row: number,
  ): void {
    writer.tag(Packet.packet, WireType.LengthDelimited).fork();
    writer.tag(Packet.timestamp, WireType.Varint).uint64(this.#epoch + BigInt(Math.round(ts)));
    writer.tag(Packet.sequence, WireType.Varint).uint32(SEQUENCE);
    writer.tag(Packet.sequenceFlags, WireType.Varint)
      .uint32(this.#first ? STATE_CLEARED | NEEDS_STATE : NEEDS_STATE);
    this.#first = false;
    const fresh: [field: number, id: number, text: string][] = [];
    const intern = (table: Map<string, number>, field: number, text: string): number => {
      let id = table.get(text);
      if (id === undefined) {
        table.set(text, id = table.size + 1);
        fresh.push([field, id, text]);
      }
      return id;
    };
    message(writer, Packet.trackEvent, () => {
      writeUint(writer, Track.eventType, type);
      writeUint(writer, Track.eventTrack, track);
      if (name === undefined) return;
      writeText(writer, Track.eventCategory, "schedscope");
      writeUint(writer, Track.eventName, intern(this.#names, Track.internedName, name));
      if (flow > 0n) writer.tag(Track.eventFlow, WireType.Bit64).fixed64(flow);
      for (const { name: key, column } of args) {
        const id = intern(this.#keys, Track.internedAnnotation, key);
        message(writer, Track.annotation, () => {
          writeUint(writer, Track.annotationName, id);
          writeAnnotation(writer, column, row);
        });
      }
    });
    if (fresh.length > 0) {
      message(writer, Packet.internedData, () => {
        for (const [field, id, text] of fresh) {
          message(writer, field, () => {
            writeUint(writer, Track.internedId, id);
            writeText(writer, Track.internedText, text);
          });
        }
      });
    }
    writer.join();
  }
}

function writeAnnotation(writer: BinaryWriter, column: Column, row: number): void {
  if (column instanceof DictColumn) writeText(writer, Track.annotationText, column.at(row));
  else if (column instanceof Float64Array || column instanceof Float32Array) {
    const value = column[row]!;
    if (Number.isSafeInteger(value)) writeInt(writer, Track.annotationInt, value);
    else writer.tag(Track.annotationDouble, WireType.Bit64).double(value);
  } else if (column instanceof BigUint64Array) writeUint(writer, Track.annotationUint, column[row]!);
  else writeInt(writer, Track.annotationInt, column[row]!);
}

function cellText(column: Column, row: number): string {
  return column instanceof DictColumn ? column.at(row) : String(column[row]);
}

function flowOf(column: Column, row: number): bigint {
  const value = column instanceof DictColumn ? NaN : Number(column[row]);
  return Number.isSafeInteger(value) && value > 0 ? BigInt(value) : 0n;
}

function numbers({ name, slices }: TraceTrack, column: string): Float64Array {
  const found = slices.names.includes(column) ? slices.column(column) : undefined;
  if (found instanceof Float64Array) return found;
  throw new RangeError(
    `Expected a Float64Array column ${column} (ns) in the slices of track ${JSON.stringify(name)} but found ${
      found === undefined ? slices.names.join(", ") || "no columns" : found.constructor.name
    }`,
  );
}
