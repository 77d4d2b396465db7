import type { HoleKind, KnownHole } from "../quality.ts";
import type { TraceClock, TraceHost, TraceTopology } from "../trace.ts";
import { Attribute, BOOTTIME, CLOCKS, HOLES_TRACK, Packet, REALTIME } from "./packets.ts";
import { ProtoCursor } from "./proto_cursor.ts";
import { Tree } from "./write_names.ts";
import { INSTANT, SLICE_BEGIN, SLICE_END, Track } from "./write_tracks.ts";

/** A thread's name and process, as a process tree had them. Stamps are the clock's own; undefined where there was none. */
export interface ToldThread {
  readonly ts: bigint | undefined;
  readonly tid: number;
  readonly tgid: number;
  readonly name: Uint8Array | undefined;
}

/** A hole with stamps of the clock itself. */
export interface ToldHole {
  readonly kind: string;
  readonly cpu: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly lost: number;
  /** Whether it was told to the reader that the trace was first read by. */
  readonly told: boolean;
}

/** Most threads and holes that are kept. */
const MOST = 1 << 22;

/** What a Perfetto trace tells besides its events. */
export class PerfettoFacts {
  readonly threads: ToldThread[] = [];
  readonly holes: ToldHole[] = [];
  /** Whether the trace has our track of holes. */
  hasHoles = false;
  /** Clocks of the first snapshot that has any. */
  readonly clocks = new Map<number, bigint>();
  primary = 0;
  /** FtraceClock of the bundles. */
  ftraceClock = 0;
  /** Events that were lost by CPU, at the end of the trace less at its start. */
  readonly overrun = new Map<number, number>();
  readonly #attributes = new Map<string, string>();
  readonly #system: {
    release?: string;
    arch?: string;
    cpusOnline?: number;
    memory?: number;
    hostname?: string;
  } = {};
  #processor: string | undefined;
  readonly #tracks = new Map<
    bigint,
    { begin: bigint; kind: string; numbers: Map<string, number> } | undefined
  >();
  readonly #names = new Map<number, string>();
  readonly #keys = new Map<number, string>();

  /** Takes what is of use of the packet in `bytes[from, to)`. */
  packet(bytes: Uint8Array, from: number, to: number): void {
    const packet = new ProtoCursor().reset(bytes, from, to);
    let ts: bigint | undefined;
    let interned: [number, number] | undefined;
    let event: [number, number] | undefined;
    let tree: [number, number] | undefined;
    while (packet.next()) {
      if (packet.type !== 2) {
        if (packet.field === Packet.timestamp) ts = packet.stamp;
        continue;
      }
      const part: [number, number] = [packet.from, packet.to];
      if (packet.field === Packet.processTree) tree = part;
      else if (packet.field === Packet.internedData) interned = part;
      else if (packet.field === Packet.trackEvent) event = part;
      else this.#simple(packet.field, bytes, part);
    }
    if (tree !== undefined) this.#tree(ts, bytes, tree);
    if (this.#tracks.size === 0) return;
    if (interned !== undefined) this.#interned(bytes, interned);
    if (event !== undefined && ts !== undefined) this.#slice(ts, bytes, event);
  }

  #simple(field: number, bytes: Uint8Array, part: [number, number]): void {
    if (field === Packet.clockSnapshot) this.#clock(bytes, part);
    else if (field === Packet.trackDescriptor) this.#track(bytes, part);
    else if (field === Packet.ftraceStats) this.#stats(bytes, part);
    else if (field === Packet.systemInfo) this.#systemInfo(bytes, part);
    else if (field === Packet.attributes) {
      for (const one of messages(bytes, part, 1)) {
        const texts = new Map(
          fields(bytes, one).filter((each) => each.type === 2).map((each) => [each.field, each.text]),
        );
        if (texts.has(1) && texts.has(3) && this.#attributes.size < 1000) {
          this.#attributes.set(texts.get(1)!, texts.get(3)!);
        }
      }
    } else if (field === Packet.cpuInfo) {
      for (const one of messages(bytes, part, 1)) {
        this.#processor ??= fields(bytes, one).find((each) => each.field === 1 && each.type === 2)?.text;
      }
    }
  }

  /** The machine, as far as it is told. */
  host(): TraceHost {
    const attribute = (key: string) => this.#attributes.get(key);
    const command = parsed(attribute(Attribute.command));
    const available = Number(attribute(Attribute.cpusAvailable) ?? NaN);
    const hostname = attribute(Attribute.hostname) ?? this.#system.hostname;
    const recorder = attribute(Attribute.recorder);
    return {
      ...this.#system,
      ...(hostname === undefined ? {} : { hostname }),
      ...(this.#processor === undefined ? {} : { cpu: this.#processor }),
      ...(Number.isSafeInteger(available) ? { cpusAvailable: available } : {}),
      ...(recorder === undefined ? {} : { recorder }),
      ...(Array.isArray(command) ? { command: command.map(String) } : {}),
    };
  }

  /** Stamp of ts = 0, in a trace of ours. */
  get epoch(): bigint | undefined {
    const text = this.#attributes.get(Attribute.epoch) ?? "";
    return /^\d{1,19}$/.test(text) ? BigInt(text) : undefined;
  }

  /** Whether the first names were known apart from the records. */
  get namesSaved(): boolean {
    return this.#attributes.get(Attribute.names) === "saved";
  }

  /** Its CPUs. */
  topology(): TraceTopology {
    const lists = (key: string): number[][] => {
      const found = parsed(this.#attributes.get(key));
      const good = Array.isArray(found) &&
        found.every((list) => Array.isArray(list) && list.every((cpu) => Number.isSafeInteger(cpu)));
      return good ? found as number[][] : [];
    };
    const [caches, nodes] = [lists(Attribute.caches), lists(Attribute.nodes)];
    return {
      packages: lists(Attribute.packages),
      cores: lists(Attribute.cores),
      ...(caches.length === 0 ? {} : { caches }),
      ...(nodes.length === 0 ? {} : { nodes }),
    };
  }

  /** The clock of the stamps. Bundles that name none have CLOCK_BOOTTIME's, unless the trace is one of ours. */
  clock(): TraceClock {
    const own = this.#attributes.get(Attribute.clock);
    const name = own ?? ["boot", "unknown", "global", "local", "mono_raw"][this.ftraceClock] ?? "unknown";
    const wall = this.clocks.get(REALTIME);
    const same = this.clocks.get(CLOCKS.get(name) ?? BOOTTIME) ?? this.clocks.get(BOOTTIME);
    const hz = Number(this.#attributes.get(Attribute.hz) ?? NaN);
    const resolution = Number(this.#attributes.get(Attribute.resolution) ?? NaN);
    return {
      name,
      ...(hz > 0 ? { hz } : {}),
      ...(resolution > 0 ? { resolution } : {}),
      ...(wall === undefined || same === undefined ? {} : { wallOffset: wall - same }),
    };
  }

  /** The holes with stamps from `epoch` on. */
  knownHoles(epoch: bigint): KnownHole[] {
    return this.holes.filter(({ told, kind }) => told && HOLE_KINDS.has(kind)).map((hole): KnownHole => ({
      kind: hole.kind as HoleKind,
      cpu: hole.cpu,
      from: Number(hole.from - epoch),
      to: Number(hole.to - epoch),
      lost: hole.lost,
    }));
  }

  #tree(ts: bigint | undefined, bytes: Uint8Array, part: [number, number]): void {
    const named = new Set<number>();
    for (const one of messages(bytes, part, Tree.thread)) {
      const thread = { ts, tid: 0, tgid: -1, name: undefined as Uint8Array | undefined };
      for (const each of fields(bytes, one)) {
        if (each.field === Tree.tid && each.type === 0) thread.tid = each.low;
        else if (each.field === Tree.tgid && each.type === 0) thread.tgid = each.low;
        else if (each.field === Tree.threadName && each.type === 2) {
          thread.name = bytes.slice(each.from, each.to);
        }
      }
      if (thread.name !== undefined) named.add(thread.tid);
      if (this.threads.length < MOST) this.threads.push(thread);
    }
    for (const one of messages(bytes, part, Tree.process)) {
      let pid = 0;
      let name: Uint8Array | undefined;
      let isComm = false;
      for (const each of fields(bytes, one)) {
        if (each.field === Tree.pid && each.type === 0) pid = each.low;
        else if (each.field === Tree.cmdline && each.type === 2) name ??= bytes.slice(each.from, each.to);
        else if (each.field === Tree.cmdlineIsComm) isComm = each.low !== 0;
      }
      if (name !== undefined && !isComm) name = name.subarray(name.lastIndexOf(0x2f) + 1).slice(0, 15);
      if (!named.has(pid) && this.threads.length < MOST) this.threads.push({ ts, tid: pid, tgid: pid, name });
    }
  }

  #clock(bytes: Uint8Array, part: [number, number]): void {
    const snapshot = new Map<number, bigint>();
    for (const each of fields(bytes, part)) {
      if (each.field === 2 && each.type === 0) this.primary = each.low;
      if (each.field !== 1 || each.type !== 2) continue;
      let id = 0;
      let stamp = 0n;
      for (const own of fields(bytes, [each.from, each.to])) {
        if (own.field === 1) id = own.low;
        else if (own.field === 2) stamp = (BigInt(own.high >>> 0) << 32n) | BigInt(own.low >>> 0);
      }
      snapshot.set(id, stamp);
    }
    // The clocks of one moment belong together.
    if (this.clocks.size === 0) { for (const [id, stamp] of snapshot) this.clocks.set(id, stamp); }
  }

  #stats(bytes: Uint8Array, part: [number, number]): void {
    const all = fields(bytes, part);
    const phase = all.find((each) => each.field === 1)?.low ?? 0;
    for (const each of all) {
      if (each.field !== 2 || each.type !== 2) continue;
      const own = fields(bytes, [each.from, each.to]);
      const value = (field: number) =>
        own.find((one) => one.field === field && one.type === 0)?.unsigned ?? 0;
      const lost = value(3) + value(4) + value(8);
      const cpu = value(1);
      if (cpu > 0xffff) continue;
      this.overrun.set(cpu, (this.overrun.get(cpu) ?? 0) + (phase === 1 ? -lost : lost));
    }
  }

  #systemInfo(bytes: Uint8Array, part: [number, number]): void {
    for (const each of fields(bytes, part)) {
      if (each.field === 8 && each.type === 0) this.#system.cpusOnline = each.unsigned;
      else if (each.field === 16 && each.type === 0) this.#system.memory = each.unsigned;
      else if (each.field === 17 && each.type === 2) this.#system.hostname = each.text;
      else if (each.field === 1 && each.type === 2) {
        for (const own of fields(bytes, [each.from, each.to])) {
          if (own.field === 3 && own.type === 2) this.#system.release = own.text;
          else if (own.field === 4 && own.type === 2) this.#system.arch = own.text;
        }
      }
    }
  }

  #track(bytes: Uint8Array, part: [number, number]): void {
    let uuid = 0n;
    let name = "";
    for (const each of fields(bytes, part)) {
      if (each.field === Track.uuid && each.type === 0) uuid = BigInt(each.unsigned);
      else if (each.field === Track.name && each.type === 2) name = each.text;
    }
    if (name !== HOLES_TRACK || this.#tracks.size >= 4096) return;
    this.hasHoles = true;
    this.#tracks.set(uuid, undefined);
  }

  #interned(bytes: Uint8Array, part: [number, number]): void {
    for (
      const [field, table] of [[Track.internedName, this.#names], [
        Track.internedAnnotation,
        this.#keys,
      ]] as const
    ) {
      for (const one of messages(bytes, part, field)) {
        let id = 0;
        let text = "";
        for (const each of fields(bytes, one)) {
          if (each.field === Track.internedId && each.type === 0) id = each.low;
          else if (each.field === Track.internedText && each.type === 2) text = each.text;
        }
        if (table.size < 1 << 16) table.set(id, text);
      }
    }
  }

  #slice(ts: bigint, bytes: Uint8Array, part: [number, number]): void {
    const all = fields(bytes, part);
    const value = (field: number) =>
      all.find((each) => each.field === field && each.type === 0)?.unsigned ?? 0;
    const uuid = BigInt(value(Track.eventTrack));
    if (!this.#tracks.has(uuid)) return;
    const type = value(Track.eventType);
    if (type === SLICE_BEGIN || type === INSTANT) {
      const numbers = new Map<string, number>();
      for (const one of messages(bytes, part, Track.annotation)) {
        const own = fields(bytes, one);
        const key = own.find((each) => each.field === Track.annotationName)?.low ?? 0;
        const number = own.find((each) => each.field === Track.annotationInt && each.type === 0);
        if (number !== undefined) {
          numbers.set(this.#keys.get(key) ?? "", number.high * 2 ** 32 + (number.low >>> 0));
        }
      }
      this.#tracks.set(uuid, { begin: ts, kind: this.#names.get(value(Track.eventName)) ?? "", numbers });
    }
    const open = this.#tracks.get(uuid);
    if (open === undefined || (type !== SLICE_END && type !== INSTANT)) return;
    this.#tracks.set(uuid, undefined);
    if (this.holes.length >= MOST) return;
    const { begin, kind, numbers } = open;
    const number = (key: string, otherwise: number) => numbers.get(key) ?? otherwise;
    this.holes.push({
      kind,
      cpu: number("cpu", -1),
      from: begin,
      to: ts,
      lost: number("lost", 0),
      told: number("told", 0) === 1,
    });
  }
}

const HOLE_KINDS: ReadonlySet<string> = new Set<HoleKind>(["lost", "truncated", "corrupt"]);

/** A field as it was found, for messages that are few. */
interface FoundField {
  readonly field: number;
  readonly type: number;
  readonly low: number;
  readonly high: number;
  readonly unsigned: number;
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** Most fields of a message that are looked at. */
const MOST_FIELDS = 1 << 18;

function fields(bytes: Uint8Array, [from, to]: [number, number]): FoundField[] {
  const cursor = new ProtoCursor().reset(bytes, from, to);
  const found: FoundField[] = [];
  while (found.length < MOST_FIELDS && cursor.next()) {
    const { field, type, low, high, unsigned, from: begin, to: end } = cursor;
    found.push({
      field,
      type,
      low,
      high,
      unsigned,
      from: begin,
      to: end,
      get text() {
        return new TextDecoder().decode(bytes.subarray(begin, end));
      },
    });
  }
  return found;
}

function messages(bytes: Uint8Array, part: [number, number], field: number): [number, number][] {
  return fields(bytes, part).filter((each) => each.field === field && each.type === 2)
    .map(({ from, to }) => [from, to]);
}

function parsed(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}
