import {
  FIRST_THREAD,
  type Header,
  IDLE,
  NOBODY,
  type Section,
  SECTIONS,
  State,
  VERSION,
} from "../protocol.ts";
import { VarintReader } from "../varint.ts";
import {
  type CpuLane,
  type Gaps,
  type Holes,
  type Indexes,
  type Model,
  type ThreadLane,
  Use,
} from "./model.ts";
import { Longest, Track } from "./track.ts";

/** Unpacks what `widgetData` packed, after its base64 was taken off. */
export async function unpack(deflated: Uint8Array<ArrayBuffer>): Promise<Model> {
  const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return unpackInflated(new Uint8Array(await new Response(stream).arrayBuffer()));
}

/** Bytes of base64 text. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const native = (Uint8Array as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> }).fromBase64;
  if (native !== undefined) return native(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

function unpackInflated(bytes: Uint8Array<ArrayBuffer>): Model {
  const size = new DataView(bytes.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size))) as Header;
  if (header.version !== VERSION) {
    throw new Error(`packed by version ${header.version}, unpacked by version ${VERSION}`);
  }
  const readers = {} as Record<Section, VarintReader>;
  let at = 4 + size;
  for (const name of SECTIONS) {
    readers[name] = new VarintReader(bytes.subarray(at, at + header.bytes[name]));
    at += header.bytes[name];
  }
  const people = header.tid.length + FIRST_THREAD;
  const cpus = header.cpu.map((cpu, i): CpuLane => {
    const rows = header.cpuRows[i]!;
    const time = boundaries(readers.cpuTime, rows);
    const who = indexes(rows, people);
    const use = new Uint8Array(rows);
    for (let row = 0; row < rows; row++) {
      const id = who[row] = readers.cpuWho.next();
      use[row] = id === IDLE ? Use.Idle : id === NOBODY ? Use.Unknown : Use.Busy;
    }
    const busy = Float32Array.from(use, (what, row) => what === Use.Busy ? time[row + 1]! - time[row]! : 0);
    return { cpu, track: new Track(time, use, 3), who, longest: new Longest(busy) };
  });
  const most = header.cpu.reduce((max, cpu) => Math.max(max, cpu), 0);
  const threads = header.tid.map((_, index): ThreadLane => {
    const rows = header.threadRows[index]!;
    const time = boundaries(readers.threadTime, rows);
    const what = new Uint8Array(rows);
    const states = new Uint8Array(rows);
    // One more than the largest: a thread may be queued on a CPU that never switched.
    const cpu = indexes(rows, Math.max(most + 2, 65536));
    const waker = indexes(rows, people);
    for (let row = 0; row < rows; row++) {
      what[row] = readers.threadWhat.next();
      const state = states[row] = what[row]! & 7;
      cpu[row] = readers.threadCpu.next();
      waker[row] = state === State.Woken ? readers.threadWaker.next() : NOBODY;
    }
    return { index, track: new Track(time, states, 8), what, cpu, waker };
  });
  return {
    header,
    cpus,
    threads,
    gaps: gapsOf(header, readers.gaps),
    holes: holesOf(header, readers.holes),
    slices: [...header.cpuRows, ...header.threadRows].reduce((sum, rows) => sum + rows, 0),
  };
}

function boundaries(reader: VarintReader, rows: number): Float64Array {
  if (rows === 0) return new Float64Array(1);
  const time = new Float64Array(rows + 1);
  let last = 0;
  for (let row = 0; row <= rows; row++) time[row] = last += reader.next();
  return time;
}

function indexes(length: number, below: number): Indexes {
  if (below <= 256) return new Uint8Array(length);
  return below <= 65536 ? new Uint16Array(length) : new Uint32Array(length);
}

function gapsOf(header: Header, reader: VarintReader): Gaps {
  const { gaps: length, gapParts } = header;
  const gaps = {
    length,
    from: new Float64Array(length),
    to: new Float64Array(length),
    dur: new Float64Array(length),
    who: new Uint32Array(length),
    cause: new Uint32Array(length),
    culprit: new Uint32Array(length),
    culpritWho: new Uint32Array(length),
    parts: new Float64Array(length * gapParts),
  };
  const byThread = new Map<number, number[]>();
  let last = 0;
  for (let i = 0; i < length; i++) {
    gaps.from[i] = last += reader.next();
    gaps.to[i] = last + reader.next();
    gaps.dur[i] = reader.next();
    const who = gaps.who[i] = reader.next();
    gaps.cause[i] = reader.next();
    gaps.culprit[i] = reader.next();
    gaps.culpritWho[i] = reader.next();
    for (let k = 0; k < gapParts; k++) gaps.parts[i * gapParts + k] = reader.next();
    const known = byThread.get(who);
    if (known === undefined) byThread.set(who, [i]);
    else known.push(i);
  }
  return { ...gaps, byThread };
}

function holesOf(header: Header, reader: VarintReader): ReadonlyMap<number, Holes> {
  const holes = new Map<number, Holes>();
  for (let i = 0; i < header.holes; i++) {
    const cpu = reader.next() - 1;
    let own = holes.get(cpu);
    if (own === undefined) holes.set(cpu, own = { from: [], to: [], reach: [], kind: [], lost: [] });
    own.kind.push(reader.next());
    const from = reader.next();
    own.from.push(from);
    const to = from + reader.next();
    own.to.push(to);
    own.reach.push(Math.max(own.reach.at(-1) ?? 0, to));
    own.lost.push(reader.next());
  }
  return holes;
}
