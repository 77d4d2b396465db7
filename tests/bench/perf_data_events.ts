import { type EventFormat, fieldOf } from "../../lib/trace/event_format.ts";
import { parseTracingData } from "../../lib/trace/perf_data/tracing_data.ts";

/** Makes samples of one event, each a copy of one that perf wrote with other values. */
export class EventFields {
  /** Stamp of the sample that is copied. */
  readonly stamp: bigint;
  /** Byte of the stamp in a sample: it follows the id, the instruction pointer, the pid and the tid. */
  readonly stampAt = 32;
  readonly #sample: Uint8Array;
  readonly #format: EventFormat;
  readonly #ids: readonly bigint[];

  /** `ids` are those of the event on each CPU. */
  constructor(sample: Uint8Array, format: EventFormat, ids: readonly bigint[]) {
    this.#sample = sample;
    this.#format = format;
    this.#ids = ids;
    this.stamp = new DataView(sample.buffer, sample.byteOffset).getBigUint64(this.stampAt, true);
  }

  /** A sample of thread `tid` on `cpu` at `stamp` (ns) with these fields. */
  make(cpu: number, tid: number, stamp: number, fields: Record<string, number | Uint8Array>): Uint8Array {
    const out = this.#sample.slice();
    const view = new DataView(out.buffer);
    view.setBigUint64(8, this.#ids[cpu]!, true);
    view.setUint32(24, tid, true);
    view.setUint32(28, tid, true);
    view.setBigUint64(this.stampAt, BigInt(stamp), true);
    view.setUint32(40, cpu, true);
    const raw = RAW + 4;
    const values: Record<string, number | Uint8Array> = { ...fields, common_pid: tid, common_flags: 0 };
    for (const [name, value] of Object.entries(values)) {
      const field = fieldOf(this.#format, name)!;
      const at = raw + field.offset;
      if (value instanceof Uint8Array) {
        out.fill(0, at, at + field.size);
        out.set(value, at);
      } else if (field.size === 8) view.setBigInt64(at, BigInt(value), true);
      else if (field.size === 4) view.setInt32(at, value, true);
      else view.setUint8(at, value);
    }
    return out;
  }
}

/** Byte of the raw data's size in a sample of IDENTIFIER, IP, TID, TIME, CPU, PERIOD and RAW. */
const RAW = 56;
const SAMPLE_TYPE = 0x10000n | 0x1n | 0x2n | 0x4n | 0x80n | 0x100n | 0x400n;

/** What {@linkcode takeEvents} finds. */
export interface TakenEvents {
  readonly switches: EventFields;
  readonly wakings: EventFields;
  /** A COMM record of a thread that perf found, with 16 bytes for the name. */
  readonly comm: Uint8Array;
  /** Byte at which the first sample begins. */
  readonly head: number;
  /** Newest stamp of all records: what is made up comes after it. */
  readonly newest: bigint;
}

/** Takes the samples that are to be copied, and what comes before them, out of the recording `file`. */
export function takeEvents(file: Uint8Array<ArrayBuffer>, dataAt: number, dataSize: number): TakenEvents {
  const view = new DataView(file.buffer);
  const u64 = (at: number) => Number(view.getBigUint64(at, true));
  const formats = tracingData(file, dataAt + dataSize);
  const eventOfId = new Map<bigint, { format: EventFormat; ids: bigint[] }>();
  for (let at = u64(24); at < u64(24) + u64(32); at += u64(16)) {
    const format = formats.get(u64(at + 8));
    if (view.getUint32(at, true) !== 2 || format === undefined) continue;
    if (view.getBigUint64(at + 24, true) !== SAMPLE_TYPE) {
      throw new Error(`perf record made samples of type ${view.getBigUint64(at + 24, true).toString(16)}`);
    }
    const where = u64(at + u64(16) - 16);
    const count = u64(at + u64(16) - 8) / 8;
    const ids = Array.from({ length: count }, (_, i) => view.getBigUint64(where + i * 8, true));
    for (const id of ids) eventOfId.set(id, { format, ids });
  }
  const found = new Map<string, EventFields>();
  let comm: Uint8Array | undefined;
  let head: number | undefined;
  let newest = 0n;
  for (let at = dataAt; at < dataAt + dataSize;) {
    const type = view.getUint32(at, true);
    const size = view.getUint16(at + 6, true);
    // Records of the kernel end with tid, stamp, CPU and id.
    const stamp = type === 9
      ? view.getBigUint64(at + 32, true)
      : type < 64
      ? view.getBigUint64(at + size - 24, true)
      : 0n;
    if (stamp > newest && stamp !== 0xffffffffffffffffn) newest = stamp;
    if (type === 9) {
      head ??= at;
      const { format, ids } = eventOfId.get(view.getBigUint64(at + 8, true))!;
      if (!found.has(format.name)) {
        found.set(format.name, new EventFields(file.slice(at, at + size), format, ids));
      }
    } else if (type === 3 && size === 64 && head === undefined) comm = file.slice(at, at + size);
    at += size;
  }
  const [switches, wakings] = ["sched:sched_switch", "sched:sched_waking"].map((name) => found.get(name));
  if (switches === undefined || wakings === undefined || comm === undefined || head === undefined) {
    throw new Error("perf recorded no switch, no waking, or no name of a thread");
  }
  return { switches, wakings, comm, head, newest };
}

function tracingData(file: Uint8Array<ArrayBuffer>, tableAt: number): ReadonlyMap<number, EventFormat> {
  const view = new DataView(file.buffer);
  const bits = view.getUint32(72, true);
  if ((bits & 2) === 0) throw new Error("the recording has no TRACING_DATA");
  // It is feature 1; feature 0 is reserved and never there.
  const at = Number(view.getBigUint64(tableAt, true));
  const size = Number(view.getBigUint64(tableAt + 8, true));
  return parseTracingData(file.subarray(at, at + size)).formats;
}
