import type { ByteReader } from "../byte_source.ts";
import type { EventFormat } from "../event_format.ts";
import type { TraceGuest } from "../trace.ts";
import type { PerfAttr, PerfHeader } from "./header.ts";
import { type RecordParts, RecordType } from "./walk.ts";

/** Which machine and which of its CPUs an id's records are of. */
export interface IdMachine {
  /** Process of the guest on the host; 0 = the host itself. */
  readonly machine: number;
  /** CPU of the guest; -1 where it is not known. */
  readonly vcpu: number;
}

/** Events by the machine that they were recorded on. */
export interface MachineAttrs {
  /** Those of a file, an event that several machines or vCPUs share once for each. */
  readonly attrs: readonly PerfAttr[];
  /** Which machine each is of. */
  readonly machines: readonly number[];
  /** CPUs of each guest, in ascending order. */
  readonly vcpus: ReadonlyMap<number, readonly number[]>;
}

/** Most records that are looked at: those that perf makes up of tasks that ran before. */
const MOST_RECORDS = 1 << 22;

/**
 * The guests' ids, as the ID_INDEX records ahead of the first sample tell them: `perf inject --guest-data` writes them when
 * the host's synthesized records end, before it adds the guest's. Entries: {id, idx, cpu, tid} of u64 each, and behind all
 * of them, where a guest is there, {machine_pid, vcpu} for each (perf's util/session.c, perf_event__process_id_index).
 */
export function readGuestIds({ parts }: RecordParts, { littleEndian }: PerfHeader): Map<bigint, IdMachine> {
  const ids = new Map<bigint, IdMachine>();
  const [first] = parts;
  if (first === undefined) return ids;
  const { source, data } = first;
  using reader = source.open();
  const window = new HeadWindow(reader, data.offset + data.size);
  let at = data.offset;
  for (let records = 0; records < MOST_RECORDS && at + 8 <= window.end; records++) {
    const head = window.at(at, 24);
    if (head === undefined) break;
    const type = head.getUint32(0, littleEndian);
    const size = head.getUint16(6, littleEndian);
    if (size < 8 || ENDS.has(type)) break;
    if (type === RecordType.IdIndex) {
      const record = window.at(at, size);
      if (record === undefined) break;
      takeEntries(new DataView(record.buffer, record.byteOffset, size), littleEndian, ids);
    }
    at += size;
    if (type === RecordType.TracingData && size >= 12) {
      at += Math.ceil(head.getUint32(8, littleEndian) / 8) * 8;
    }
  }
  return ids;
}

/** Records ahead of which all ids are told. */
const ENDS: ReadonlySet<number> = new Set([
  RecordType.Sample,
  RecordType.FinishedRound,
  RecordType.Compressed,
  RecordType.Compressed2,
  RecordType.AuxTrace,
]);

function takeEntries(record: DataView, littleEndian: boolean, ids: Map<bigint, IdMachine>): void {
  if (record.byteLength < 16) return;
  const u64 = (at: number) => record.getBigUint64(at, littleEndian);
  const count = Number(u64(8));
  // Without the second part, all are of the host.
  if (!(16 + count * (ENTRY + MACHINE) <= record.byteLength)) return;
  for (let i = 0; i < count; i++) {
    const at = 16 + count * ENTRY + i * MACHINE;
    const machine = Number(u64(at) & 0xffffffffn);
    const vcpu = u64(at + 8);
    if (machine === 0) ids.delete(u64(16 + i * ENTRY));
    else ids.set(u64(16 + i * ENTRY), { machine, vcpu: vcpu < 0x10000n ? Number(vcpu) : -1 });
  }
}

/** Bytes of `struct id_index_entry` and of `id_index_entry_2`. */
const ENTRY = 32;
const MACHINE = 16;

/**
 * Parts `attrs` by machine; those of other machines than `chosen` (0 = the host) are marked as foreign. Throws RangeError
 * where nothing was recorded of `chosen`.
 */
export function partByMachine(
  attrs: readonly PerfAttr[],
  ids: ReadonlyMap<bigint, IdMachine>,
  chosen = 0,
): MachineAttrs {
  const parted: PerfAttr[] = [];
  const machines: number[] = [];
  const vcpus = new Map<number, Set<number>>();
  for (const attr of attrs) {
    const groups = new Map<string, { machine: number; vcpu: number; ids: bigint[] }>();
    for (const id of attr.ids) {
      const { machine, vcpu } = ids.get(id) ?? HOST;
      const key = `${machine} ${vcpu}`;
      const group = groups.get(key) ?? { machine, vcpu, ids: [] };
      group.ids.push(id);
      groups.set(key, group);
      if (machine !== 0) vcpus.set(machine, (vcpus.get(machine) ?? new Set()).add(vcpu));
    }
    for (const { machine, vcpu, ids: own } of groups.size === 0 ? [{ ...HOST, ids: [] }] : groups.values()) {
      parted.push({ ...attr, ids: own, foreign: machine !== chosen, vcpu });
      machines.push(machine);
    }
  }
  if (chosen !== 0 && !vcpus.has(chosen)) {
    const known = [...vcpus.keys()].join(", ") || "none";
    throw new RangeError(`guest: the recording has no guest ${chosen}; it has: ${known}`);
  }
  const sorted = (cpus: Set<number>) => [...cpus].filter((vcpu) => vcpu >= 0).sort((x, y) => x - y);
  return {
    attrs: parted,
    machines,
    vcpus: new Map([...vcpus].map(([machine, cpus]) => [machine, sorted(cpus)])),
  };
}

const HOST: IdMachine = { machine: 0, vcpu: -1 };

/** What there is of each guest; `counts` are the samples of each of `attrs`. */
export function guestsOf(
  { attrs, machines, vcpus }: MachineAttrs,
  formats: ReadonlyMap<number, EventFormat>,
  counts: ArrayLike<number>,
): TraceGuest[] {
  return [...vcpus].map(([machinePid, cpus]) => {
    const events = new Map<string, number>();
    attrs.forEach(({ type, config }, i) => {
      const event = type === 2 ? formats.get(Number(config))?.name : undefined;
      if (machines[i] !== machinePid || event === undefined) return;
      events.set(event, (events.get(event) ?? 0) + counts[i]!);
    });
    return { machinePid, vcpus: cpus, counts: events };
  });
}

/** Reads the heads of records, of which many lie in one window. */
class HeadWindow {
  /** Byte after the last one. */
  readonly end: number;
  readonly #reader: ByteReader;
  readonly #bytes = new Uint8Array(1 << 17);
  #from = 0;
  #length = 0;

  constructor(reader: ByteReader, end: number) {
    this.#reader = reader;
    this.end = end;
  }

  /** A view of the bytes from `at` on, `size` of which there are or else it is undefined (a head may be cut at the end). */
  at(at: number, size: number): DataView | undefined {
    if (at < this.#from || at + size > this.#from + this.#length) {
      const part = this.#bytes.subarray(0, Math.max(0, Math.min(this.#bytes.length, this.end - at)));
      this.#from = at;
      this.#length = this.#reader.read(part, at);
      if (this.#length < Math.min(size, 8)) return undefined;
      this.#bytes.fill(0, this.#length, Math.max(size, this.#length));
    }
    return new DataView(this.#bytes.buffer, at - this.#from);
  }
}
