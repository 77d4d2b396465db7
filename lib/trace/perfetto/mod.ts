/**
 * Perfetto traces: those of Perfetto's own recorder (ftrace's events in them, plain or compact), and those that
 * `writePerfetto` makes, which hold all that this reader gives back.
 *
 * @module
 */
import { type ByteSource, fileSource } from "../byte_source.ts";
import { TraceFormatError } from "../errors.ts";
import type { KnownHole } from "../quality.ts";
import { Kind, type SchedStream, STREAM_EVENTS } from "../stream.ts";
import { StreamBuilder } from "../stream_builder.ts";
import { decodeTaskName } from "../task_name.ts";
import { Trace } from "../trace.ts";
import { DecodedEvents } from "./decode.ts";
import { eventName, perfettoFormat } from "./event_names.ts";
import { FTRACE_EVENTS, GENERIC_EVENT } from "./ftrace_events.ts";
import { GenericReader } from "./generic_fields.ts";
import { type BundleEvent, BundleReader } from "./read_bundles.ts";
import { PerfettoFacts } from "./read_facts.ts";
import { forEachPacket } from "./read_packets.ts";

export { sniff } from "./sniff.ts";
export { writePerfetto, type WritePerfettoOptions } from "./write.ts";
export type { TraceTrack } from "./write_tracks.ts";

/** Bytes of an event, roughly. */
const BYTES_PER_EVENT = 40;
/** Most events with names of their own. */
const MOST_EVENTS = 4096;

/** An event as the first pass found it. */
interface SeenEvent {
  readonly name: string;
  readonly kind: number;
  /** Numbers of the fields that become a, b, c; -1 for common_flags, 0 for none. */
  readonly abc: readonly number[];
  readonly fields: Map<string, "int" | "uint" | "text">;
  count: number;
}

/** Reads the Perfetto trace at `path`; throws as {@linkcode read}. */
export function open(path: string): Trace {
  return read(fileSource(path));
}

/**
 * Reads a Perfetto trace: the events of ftrace with their fields, names of threads, processes, clocks, and what was lost.
 * Other data (slices of applications, counters, samples) is left alone.
 *
 * Compact switches do not tell who ran before: that is who the switch before left, and -1 where none is known. Bytes that make no
 * sense become holes. Throws {@linkcode TraceFormatError} where there is no packet at all.
 */
export function read(source: ByteSource): Trace {
  const pass = new FirstPass(source);
  const damage = forEachPacket(source, (bytes, from, to) => pass.packet(bytes, from, to));
  if (pass.packets === 0) {
    const at = damage[0]?.offset ?? 0;
    throw new TraceFormatError(
      source.name,
      at,
      "a packet of a Perfetto trace (field 1 of a protobuf)",
      "none",
    );
  }
  const { facts } = pass;
  const { stream, epoch, to, savedNames } = pass.finish();
  const holes: KnownHole[] = facts.knownHoles(epoch);
  for (const { kind, offset } of damage) {
    holes.push({ kind, cpu: -1, from: kind === "truncated" ? to : 0, to, lost: 0, offset });
  }
  if (source.truncated) {
    holes.push({ kind: "truncated", cpu: -1, from: to, to, lost: 0, offset: source.size });
  }
  if (pass.malformed > 0) holes.push({ kind: "corrupt", cpu: -1, from: 0, to, lost: pass.malformed });
  const lost = [...facts.overrun.values()].reduce((sum, count) => sum + Math.max(0, count), 0);
  if (!facts.hasHoles && lost > 0) holes.push({ kind: "lost", cpu: -1, from: 0, to, lost });
  const seen = [...pass.events.values()];
  const formats = new Map(seen.map(({ name, fields }, i) => [name, perfettoFormat(name, i + 1, fields)]));
  const decoded = new DecodedEvents(source, epoch);
  return new Trace({
    format: "Perfetto",
    path: source.name,
    epoch,
    clock: facts.clock(),
    host: facts.host(),
    topology: facts.topology(),
    stream,
    formats,
    counts: new Map(seen.map(({ name, count }) => [name, count])),
    holes,
    savedNames,
    decode(event, fields, exact) {
      const format = formats.get(event);
      if (format === undefined) throw new RangeError(`The trace has no event ${JSON.stringify(event)}`);
      return decoded.columns(format, pass.events.get(event)!.count, fields, exact);
    },
  });
}

/** The pass over all packets that makes the stream, counts the events and learns of everything else. */
class FirstPass {
  readonly facts = new PerfettoFacts();
  readonly events = new Map<string, SeenEvent>();
  packets = 0;
  /** Events and bundles that made no sense. */
  malformed = 0;
  /** Stamp that the builder's stamps count from: the first event's. */
  base = 0n;
  readonly #rows: StreamBuilder;
  readonly #reader: BundleReader;
  readonly #generic = new GenericReader();
  readonly #byId: (SeenEvent | undefined)[] = [];
  readonly #lost: { cpu: number }[] = [];
  #based = false;
  /** Holes of the track that have been looked at. */
  #losses = 0;
  #high = 0;
  #low = 0;

  constructor(source: ByteSource) {
    this.#rows = new StreamBuilder(Math.min(1 << 22, source.size / BYTES_PER_EVENT));
    this.#reader = new BundleReader({
      event: (event) => this.#event(event),
      lost: (cpu) => this.#lost.push({ cpu }),
      broken: () => this.malformed++,
      clock: (value) => this.facts.ftraceClock = value,
    });
  }

  packet(bytes: Uint8Array, from: number, to: number): void {
    this.packets++;
    this.#reader.packet(bytes, from, to);
    this.facts.packet(bytes, from, to);
  }

  /** The stream, the stamp of its ts = 0, its last stamp, and names that no row tells. */
  finish(): { stream: SchedStream; epoch: bigint; to: number; savedNames: Map<number, string> } {
    const { threads, epoch: told, namesSaved } = this.facts;
    const rows = this.#rows;
    if (!this.#based) this.base = threads.find(({ ts }) => ts !== undefined)?.ts ?? 0n;
    let untimed = 0;
    const names = new Map<number, string>();
    const savedNames = new Map<number, string>();
    for (const { ts, tid, tgid, name } of threads) {
      const text = name === undefined ? undefined : decodeTaskName(name);
      if (text === undefined || names.get(tid) === text) continue;
      names.set(tid, text);
      if (namesSaved && (ts === undefined || ts === told)) savedNames.set(tid, text);
      else {
        const at = ts === undefined || ts === told ? -Infinity : Number(ts - this.base);
        if (at === -Infinity) untimed++;
        rows.add(Kind.Comm, at, 0, tgid, tid, rows.comm(text), 0, 0);
      }
    }
    this.#addLosses();
    const { stream, start, end } = rows.finish();
    const first = this.base + BigInt(start);
    // A trace may begin before its first event.
    const epoch = told !== undefined && told < first ? told : first;
    const before = Number(first - epoch);
    if (before > 0) { for (let i = untimed; i < stream.length; i++) stream.ts[i]! += before; }
    this.#fillProcesses(stream, epoch);
    return { stream, epoch, to: end - start + before, savedNames };
  }

  /** Rows for the losses that our track of holes tells; before the events, as they stand before one of the same stamp. */
  #addLosses(): void {
    const { holes } = this.facts;
    for (; this.#losses < holes.length; this.#losses++) {
      const { kind, cpu, to, lost, told } = holes[this.#losses]!;
      if (kind !== "lost" || told || cpu < 0 || cpu > 0xffff) continue;
      this.#rows.add(Kind.Lost, Number(to - this.base), cpu, -1, -1, lost, 0, 0);
    }
  }

  #event(event: BundleEvent): void {
    if (!this.#based) {
      this.#based = true;
      this.#high = event.high >>> 0;
      this.#low = event.low >>> 0;
      this.base = (BigInt(this.#high) << 32n) | BigInt(this.#low);
      this.#addLosses();
    }
    const ts = ((event.high >>> 0) - this.#high) * 2 ** 32 + ((event.low >>> 0) - this.#low);
    const rows = this.#rows;
    for (let lost; (lost = this.#lost.pop()) !== undefined;) {
      if (lost.cpu === event.cpu && !this.facts.hasHoles) rows.add(Kind.Lost, ts, lost.cpu, -1, -1, 0, 0, 0);
    }
    const seen = event.id === GENERIC_EVENT
      ? this.#genericEvent(event)
      : this.#byId[event.id] ??= this.#seen(eventName(event));
    if (seen === undefined) return;
    seen.count++;
    if (event.known !== undefined) {
      // The fields of its first record; the kernel writes all of them, always.
      if (seen.count === 1) this.#learn(seen, event);
      if (seen.kind !== 0) {
        const { slots } = event;
        const value = (i: number) => {
          const field = seen.abc[i]!;
          return field === -1
            ? event.flags
            : field === 0
            ? 0
            : slots.has[field] === 1
            ? slots.low[field]!
            : -1;
        };
        rows.add(seen.kind, ts, event.cpu, -1, event.pid, value(0), value(1), value(2));
      }
    }
  }

  #seen(name: string): SeenEvent | undefined {
    const old = this.events.get(name);
    if (old !== undefined) return old;
    if (this.events.size === MOST_EVENTS) {
      this.malformed++;
      return undefined;
    }
    const numbers = FTRACE_EVENTS.get(name)?.fields;
    const row = STREAM_EVENTS[name];
    const abc = [0, 1, 2].map((i) => {
      const field = row?.fields[i];
      return field === "common_flags" ? -1 : numbers?.get(field ?? "")?.id ?? 0;
    });
    const event = { name, kind: row?.kind ?? 0, abc, fields: new Map(), count: 0 };
    this.events.set(name, event);
    return event;
  }

  #learn(seen: SeenEvent, { known, slots }: BundleEvent): void {
    for (const [name, { id, type }] of known!.fields) {
      // A switch has all of its fields; compact and plain ones may be mixed.
      if (slots.has[id] !== 0 || seen.kind === Kind.Switch) seen.fields.set(name, type);
    }
  }

  #genericEvent({ bytes, from, to }: BundleEvent): SeenEvent | undefined {
    const name = this.#generic.read(bytes, from, to);
    if (name === undefined) {
      this.malformed++;
      return undefined;
    }
    const seen = this.#seen(name);
    if (seen === undefined) return undefined;
    for (const field of this.#generic.fields) {
      if (!seen.fields.has(field.name) && seen.fields.size < 64) seen.fields.set(field.name, field.type);
    }
    return seen;
  }

  /**
   * The process of each row's thread, as it was told before the row; the first that is told holds for what was before. A name
   * comes from the CPU that its thread runs on.
   */
  #fillProcesses({ kind, ts, cpu, tid, pid, c, length }: SchedStream, epoch: bigint): void {
    const runsOn = new Map<number, number>();
    const known = new Map<number, number>();
    const later: { at: number; tid: number; tgid: number }[] = [];
    for (const { ts: stamp, tid, tgid } of this.facts.threads) {
      if (tgid <= 0) continue;
      if (!known.has(tid)) known.set(tid, tgid);
      else later.push({ at: stamp === undefined ? 0 : Number(stamp - epoch), tid, tgid });
    }
    known.set(0, 0);
    later.sort((x, y) => x.at - y.at);
    let next = 0;
    for (let i = 0; i < length; i++) {
      for (; next < later.length && later[next]!.at <= ts[i]!; next++) {
        known.set(later[next]!.tid, later[next]!.tgid);
      }
      if (kind[i] === Kind.Switch) runsOn.set(c[i]!, cpu[i]!);
      if (kind[i] === Kind.Comm) cpu[i] = runsOn.get(tid[i]!) ?? 0;
      else if (kind[i] !== Kind.Lost) pid[i] = known.get(tid[i]!) ?? -1;
    }
  }
}
