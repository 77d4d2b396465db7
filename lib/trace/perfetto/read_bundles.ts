import { FTRACE_EVENTS, type FtraceEventNumbers, GENERIC_EVENT } from "./ftrace_events.ts";
import { Bundle, Packet } from "./packets.ts";
import { ProtoCursor } from "./proto_cursor.ts";

/** Fields that an event's message may have: those above are not known. */
const SLOTS = 32;

/** The fields of one event, by their numbers. */
export class EventSlots {
  /** Whether the field was there: 0, 1 = a number, 2 = text. */
  readonly has: Uint8Array = new Uint8Array(SLOTS);
  /** Words of numbers. */
  readonly low: Int32Array = new Int32Array(SLOTS);
  readonly high: Int32Array = new Int32Array(SLOTS);
  /** Where texts are. */
  readonly from: Int32Array = new Int32Array(SLOTS);
  readonly to: Int32Array = new Int32Array(SLOTS);
  readonly bytes: Uint8Array[] = new Array(SLOTS).fill(new Uint8Array());

  /** Takes the fields of the message in `bytes[from, to)`; false where it makes no sense. */
  read(cursor: ProtoCursor, bytes: Uint8Array, from: number, to: number): boolean {
    this.has.fill(0);
    cursor.reset(bytes, from, to);
    while (cursor.next()) {
      const { field } = cursor;
      if (field >= SLOTS) continue;
      if (cursor.type === 2) this.text(field, bytes, cursor.from, cursor.to);
      else {
        this.has[field] = 1;
        this.low[field] = cursor.low;
        this.high[field] = cursor.high;
      }
    }
    return !cursor.broken;
  }

  /** Sets a number of 32 bits. */
  number(field: number, value: number): void {
    this.has[field] = 1;
    this.low[field] = value;
    this.high[field] = value < 0 ? -1 : 0;
  }

  /** Sets a text. */
  text(field: number, bytes: Uint8Array, from: number, to: number): void {
    this.has[field] = 2;
    this.bytes[field] = bytes;
    this.from[field] = from;
    this.to[field] = to;
  }
}

/** One event as {@linkcode readBundle} tells it; the same object for all of them. */
export interface BundleEvent {
  readonly cpu: number;
  /** Words of the stamp. */
  readonly low: number;
  readonly high: number;
  /** Thread in whose context it was recorded; -1 where that is not known. */
  readonly pid: number;
  readonly flags: number;
  /** Field of FtraceEvent. */
  readonly id: number;
  /** What is known of that field; undefined where nothing is. */
  readonly known: FtraceEventNumbers | undefined;
  readonly slots: EventSlots;
  /** The event's message, for generic events. */
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/** What is called for each of a bundle's events. */
export interface BundleVisitor {
  event(event: BundleEvent): void;
  /** Events were lost on `cpu` before the event that comes next. */
  lost(cpu: number): void;
  /** Something of the bundle made no sense. */
  broken(): void;
  /** The bundle's FtraceClock. */
  clock(value: number): void;
}

const BY_ID = new Map([...FTRACE_EVENTS.values()].map((event) => [event.id, event]));
const SWITCH = FTRACE_EVENTS.get("sched:sched_switch")!;
const WAKING = FTRACE_EVENTS.get("sched:sched_waking")!;

/** Who runs on a CPU, as far as compact switches have told; they do not have who ran before. */
interface Running {
  pid: number;
  prio: number;
  comm: Uint8Array;
}

/** Fields of CompactSched. */
const Compact = {
  switchTs: 1,
  state: 2,
  nextPid: 3,
  nextPrio: 4,
  names: 5,
  nextComm: 6,
  wakingTs: 7,
  wakingPid: 8,
  wakingCpu: 9,
  wakingPrio: 10,
  wakingComm: 11,
  wakingFlags: 12,
} as const;

/** Reads bundles of ftrace events, plain and compact ones, in the order of the file. */
export class BundleReader {
  readonly #visitor: BundleVisitor;
  readonly #bundle = new ProtoCursor();
  readonly #outer = new ProtoCursor();
  readonly #inner = new ProtoCursor();
  readonly #running = new Map<number, Running>();
  readonly #event = {
    cpu: 0,
    low: 0,
    high: 0,
    pid: -1,
    flags: 0,
    id: 0,
    known: undefined as FtraceEventNumbers | undefined,
    slots: new EventSlots(),
    bytes: new Uint8Array() as Uint8Array,
    from: 0,
    to: 0,
  };

  /** Tells `visitor` what the bundles have. */
  constructor(visitor: BundleVisitor) {
    this.#visitor = visitor;
  }

  /** Reads all bundles of the packet in `bytes[from, to)`. */
  packet(bytes: Uint8Array, from: number, to: number): void {
    const packet = new ProtoCursor().reset(bytes, from, to);
    while (packet.next()) {
      if (packet.field === Packet.ftraceEvents && packet.type === 2) {
        this.#read(bytes, packet.from, packet.to);
      }
    }
  }

  #read(bytes: Uint8Array, from: number, to: number): void {
    const visitor = this.#visitor;
    const bundle = this.#bundle.reset(bytes, from, to);
    let cpu = 0;
    let lost = false;
    let compact = -1;
    let compactTo = 0;
    // What holds for all events may stand behind them.
    while (bundle.next()) {
      if (bundle.field === Bundle.cpu) cpu = bundle.low;
      else if (bundle.field === Bundle.lostEvents) lost = bundle.low !== 0;
      else if (bundle.field === Bundle.clock) visitor.clock(bundle.low);
      else if (bundle.field === Bundle.compactSched && bundle.type === 2) {
        compact = bundle.from;
        compactTo = bundle.to;
      }
    }
    if (bundle.broken) visitor.broken();
    if (cpu < 0 || cpu > 0xffff) return visitor.broken();
    if (lost) {
      visitor.lost(cpu);
      this.#running.delete(cpu);
    }
    const event = this.#event;
    event.cpu = cpu;
    event.bytes = bytes;
    bundle.reset(bytes, from, to);
    while (bundle.next()) {
      if (bundle.field === Bundle.event && bundle.type === 2) this.#plain(bytes, bundle.from, bundle.to);
    }
    if (compact >= 0) this.#compact(bytes, compact, compactTo);
  }

  #plain(bytes: Uint8Array, from: number, to: number): void {
    const event = this.#event;
    const outer = this.#outer.reset(bytes, from, to);
    event.low =
      event.high =
      event.flags =
      event.id =
        0;
    event.pid = -1;
    let stamped = false;
    while (outer.next()) {
      if (outer.type === 2) {
        event.id = outer.field;
        event.from = outer.from;
        event.to = outer.to;
      } else if (outer.field === Bundle.timestamp) {
        event.low = outer.low;
        event.high = outer.high;
        stamped = true;
      } else if (outer.field === Bundle.pid) event.pid = outer.low;
      else if (outer.field === Bundle.commonFlags) event.flags = outer.low;
    }
    if (outer.broken || !stamped || event.id === 0) return this.#visitor.broken();
    const known = event.known = BY_ID.get(event.id);
    if (event.id !== GENERIC_EVENT && !event.slots.read(this.#inner, bytes, event.from, event.to)) {
      return this.#visitor.broken();
    }
    if (known === SWITCH) {
      const { slots } = event;
      const running = this.#running.get(event.cpu);
      // Only where there are compact switches too is it asked who ran.
      if (running !== undefined) {
        running.pid = slots.low[6]!;
        running.prio = slots.low[7]!;
        running.comm = slots.bytes[5]!.slice(slots.from[5]!, slots.to[5]!);
      }
    }
    this.#visitor.event(event);
  }

  #compact(bytes: Uint8Array, from: number, to: number): void {
    const inner = this.#inner.reset(bytes, from, to);
    const names: [from: number, to: number][] = [];
    const lists: number[][] = Array.from({ length: 13 }, () => []);
    const cursor = this.#outer;
    while (inner.next()) {
      const list = lists[inner.field];
      if (inner.field === Compact.names) {
        if (inner.type === 2 && names.length < MOST_COMPACT) names.push([inner.from, inner.to]);
      } else if (list === undefined) continue;
      else if (inner.type === 0) {
        list.push(inner.field === 1 || inner.field === 7 ? inner.unsigned : inner.low);
      } else if (inner.type === 2) {
        cursor.reset(bytes, inner.from, inner.to);
        while (cursor.at < cursor.end) {
          if (list.length > MOST_COMPACT || !cursor.varint()) return this.#visitor.broken();
          // Stamps are differences but for the first, which a double may not hold: see below.
          if (list.length === 0 && (inner.field === 1 || inner.field === 7)) {
            list.push(cursor.low >>> 0, cursor.high >>> 0);
          } else list.push(inner.field === 1 || inner.field === 7 ? cursor.unsigned : cursor.low);
        }
      }
    }
    if (inner.broken) this.#visitor.broken();
    const switches = new Stamps(lists[Compact.switchTs]!);
    const wakings = new Stamps(lists[Compact.wakingTs]!);
    const name = (list: number, i: number) => names[lists[list]![i] ?? -1] ?? NO_NAME;
    const { slots } = this.#event;
    const event = this.#event;
    const { cpu } = event;
    while (switches.more || wakings.more) {
      slots.has.fill(0);
      const isSwitch = switches.more && (!wakings.more || switches.before(wakings));
      const stamps = isSwitch ? switches : wakings;
      const i = stamps.index;
      const old = this.#running.get(cpu) ?? { pid: -1, prio: 0, comm: new Uint8Array() };
      event.low = stamps.low;
      event.high = stamps.high;
      event.pid = old.pid;
      event.flags = 0;
      stamps.step();
      const number = (list: number) => lists[list]![i] ?? 0;
      if (isSwitch) {
        const [start, stop] = name(Compact.nextComm, i);
        event.id = SWITCH.id;
        event.known = SWITCH;
        slots.text(1, old.comm, 0, old.comm.length);
        slots.number(2, old.pid);
        slots.number(3, old.prio);
        slots.number(4, number(Compact.state));
        slots.text(5, bytes, start, stop);
        slots.number(6, number(Compact.nextPid));
        slots.number(7, number(Compact.nextPrio));
        this.#running.set(cpu, {
          pid: number(Compact.nextPid),
          prio: number(Compact.nextPrio),
          comm: bytes.slice(start, stop),
        });
      } else {
        const [start, stop] = name(Compact.wakingComm, i);
        event.id = WAKING.id;
        event.known = WAKING;
        event.flags = number(Compact.wakingFlags);
        slots.text(1, bytes, start, stop);
        slots.number(2, number(Compact.wakingPid));
        slots.number(3, number(Compact.wakingPrio));
        slots.number(5, number(Compact.wakingCpu));
      }
      this.#visitor.event(event);
    }
  }
}

/** Most entries of one compact list that are believed. */
const MOST_COMPACT = 1 << 22;
const NO_NAME: [number, number] = [0, 0];

/** Stamps of a compact list: the first as two words, then differences. */
class Stamps {
  index = 0;
  low = 0;
  high = 0;
  readonly #list: readonly number[];

  constructor(list: readonly number[]) {
    this.#list = list;
    this.low = list[0] ?? 0;
    this.high = list[1] ?? 0;
  }

  get more(): boolean {
    return this.index + 1 < this.#list.length;
  }

  before(other: Stamps): boolean {
    return this.high < other.high || (this.high === other.high && this.low <= other.low);
  }

  step(): void {
    const difference = this.#list[++this.index + 1] ?? 0;
    const sum = this.low + difference;
    this.high = (this.high + Math.floor(sum / 2 ** 32)) >>> 0;
    this.low = sum % 2 ** 32;
  }
}
