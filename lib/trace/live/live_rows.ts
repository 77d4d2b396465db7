import { type Column, DictColumn } from "../../frame/column.ts";
import type { EventFormat } from "../event_format.ts";
import { Kind, type KindCode, type SchedStream, STREAM_EVENTS } from "../stream.ts";
import type { RowColumns } from "../stream_builder.ts";
import { timeOrder } from "../time_order.ts";

/** Rows of the stream with what a switch or a wakeup tells besides: names and priorities. */
export interface LiveRows extends RowColumns {
  /** Number of rows. */
  readonly length: number;
  /** Name of a switch's `prev`, or of who is woken: index into `names`. */
  readonly comm: Uint32Array;
  /** Name of a switch's `next`. */
  readonly nextComm: Uint32Array;
  /** Priority of the same. */
  readonly prio: Int32Array;
  /** Priority of a switch's `next`. */
  readonly nextPrio: Int32Array;
  /** The names; the first is empty. */
  readonly names: readonly string[];
}

const COLUMNS = [
  "kind",
  "ts",
  "cpu",
  "pid",
  "tid",
  "a",
  "b",
  "c",
  "comm",
  "nextComm",
  "prio",
  "nextPrio",
] as const;

/** Rows of nothing. */
export const NO_ROWS: LiveRows = makeRows(0, [""]);

/** Room for `length` rows. */
export function makeRows(length: number, names: readonly string[]): LiveRows {
  return {
    length,
    kind: new Uint8Array(length),
    ts: new Float64Array(length),
    cpu: new Uint16Array(length),
    pid: new Int32Array(length),
    tid: new Int32Array(length),
    a: new Int32Array(length),
    b: new Int32Array(length),
    c: new Int32Array(length),
    comm: new Uint32Array(length),
    nextComm: new Uint32Array(length),
    prio: new Int32Array(length),
    nextPrio: new Int32Array(length),
    names,
  };
}

/** What decodes fields of all records of an event, in the order of the stream. */
type Decode = (event: string, fields: readonly string[]) => Record<string, Column>;

/** Events whose records have the name of a thread, and the fields that become `comm`, `nextComm`, `prio`, `nextPrio`. */
const NAMED: Readonly<Record<string, readonly (string | undefined)[]>> = {
  "sched:sched_switch": ["prev_comm", "next_comm", "prev_prio", "next_prio"],
  "sched:sched_waking": ["comm", undefined, "prio", undefined],
  "sched:sched_wakeup": ["comm", undefined, "prio", undefined],
  "sched:sched_wakeup_new": ["comm", undefined, "prio", undefined],
};

/** The rows of `stream`, its stamps moved by `shift`, with the names that `decode` has for the events of `counts`. */
export function rowsOf(
  stream: SchedStream,
  shift: number,
  counts: ReadonlyMap<string, number>,
  decode: Decode,
): LiveRows {
  const { length, kind, ts, cpu, pid, tid, a, b, c } = stream;
  const names = new Names();
  const comm = new Uint32Array(length);
  const nextComm = new Uint32Array(length);
  const prio = new Int32Array(length);
  const nextPrio = new Int32Array(length);
  const moved = shift === 0 ? ts : ts.map((stamp) => stamp + shift);
  for (const [event, fields] of Object.entries(NAMED)) {
    if ((counts.get(event) ?? 0) === 0) continue;
    const decoded = decode(event, fields.filter((field) => field !== undefined));
    const what = STREAM_EVENTS[event]!.kind;
    const text = (field: string | undefined, into: Uint32Array) => {
      if (field === undefined) return;
      const { codes, dictionary } = decoded[field] as DictColumn;
      const code = names.add(dictionary);
      for (let i = 0, row = 0; i < length; i++) if (kind[i] === what) into[i] = code[codes[row++]!]!;
    };
    const number = (field: string | undefined, into: Int32Array) => {
      if (field === undefined) return;
      const values = decoded[field] as Int32Array;
      for (let i = 0, row = 0; i < length; i++) if (kind[i] === what) into[i] = values[row++]!;
    };
    text(fields[0], comm);
    text(fields[1], nextComm);
    number(fields[2], prio);
    number(fields[3], nextPrio);
  }
  return {
    length,
    kind,
    ts: moved,
    cpu,
    pid,
    tid,
    a,
    b,
    c,
    comm,
    nextComm,
    prio,
    nextPrio,
    names: names.all,
  };
}

/** All rows of `parts` in the order of time; equal stamps as they stand. */
export function mergeRows(parts: readonly LiveRows[]): LiveRows {
  const names = new Names();
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const together = makeRows(length, names.all);
  let at = 0;
  for (const part of parts) {
    for (const name of COLUMNS) (together[name] as Float64Array).set(part[name] as Float64Array, at);
    const code = names.add(part.names);
    for (let row = at; row < at + part.length; row++) {
      together.comm[row] = code[together.comm[row]!]!;
      together.nextComm[row] = code[together.nextComm[row]!]!;
    }
    at += part.length;
  }
  const order = timeOrder(together.ts);
  return order === undefined ? together : pickRows(together, order);
}

/** Rows `which` of `rows`, copied. */
export function pickRows(rows: LiveRows, which: ArrayLike<number>): LiveRows {
  const out = makeRows(which.length, rows.names);
  for (const name of COLUMNS) {
    const source = rows[name];
    const target = out[name];
    for (let row = 0; row < which.length; row++) target[row] = source[which[row]!]!;
  }
  return out;
}

/** Rows `from` to `to` of `rows`, over the same memory. */
export function sliceRows(rows: LiveRows, from: number, to: number): LiveRows {
  const out: Record<string, unknown> = { length: to - from, names: rows.names };
  for (const name of COLUMNS) out[name] = rows[name].subarray(from, to);
  return out as unknown as LiveRows;
}

/** Rows as a stream. */
export function streamOf({ length, kind, ts, cpu, pid, tid, a, b, c }: LiveRows): SchedStream {
  return { length, kind, ts, cpu, pid, tid, a, b, c, comms: [] };
}

/** Records of each event among `rows`. */
export function countRows({ length, kind }: LiveRows): Map<string, number> {
  const byKind = new Uint32Array(256);
  for (let row = 0; row < length; row++) byKind[kind[row]!]!++;
  const counts = new Map<string, number>();
  for (const [event, { kind }] of Object.entries(STREAM_EVENTS)) {
    if (byKind[kind]! > 0) counts.set(event, byKind[kind]!);
  }
  return counts;
}

/** Which fields of each event {@linkcode decodeRows} knows: `formats` without the others. */
export function keptFormats(formats: ReadonlyMap<string, EventFormat>): Map<string, EventFormat> {
  const kept = new Map<string, EventFormat>();
  for (const [event, format] of formats) {
    const known = STREAM_EVENTS[event];
    if (known === undefined) continue;
    const names = new Set<string | undefined>(["common_pid", ...known.fields, ...NAMED[event] ?? []]);
    kept.set(event, { ...format, fields: format.fields.filter(({ name }) => names.has(name)) });
  }
  return kept;
}

/** Columns `fields` of the rows that are records of `event`, as `TraceParts.decode` has it. Throws RangeError for what was not kept. */
export function decodeRows(rows: LiveRows, event: string, fields: readonly string[]): Record<string, Column> {
  const known = STREAM_EVENTS[event];
  if (known === undefined) throw new RangeError(`A live trace keeps no records of ${JSON.stringify(event)}`);
  const which = rowsOfKind(rows, known.kind);
  const named = NAMED[event] ?? [];
  const out: Record<string, Column> = {};
  for (const field of fields) {
    const place = known.fields.indexOf(field);
    const source = field === "ts" || field === "cpu"
      ? rows[field]
      : field === "common_pid"
      ? rows.tid
      : place >= 0
      ? rows[(["a", "b", "c"] as const)[place]!]
      : undefined;
    const also = named.indexOf(field);
    if (source !== undefined) out[field] = gathered(source, which);
    else if (also === 0 || also === 1) {
      out[field] = new DictColumn(gathered(also === 0 ? rows.comm : rows.nextComm, which), rows.names);
    } else if (also >= 2) out[field] = gathered(also === 2 ? rows.prio : rows.nextPrio, which);
    else {
      const all = ["ts", "cpu", "common_pid", ...known.fields, ...named.filter((each) => each !== undefined)];
      throw new RangeError(
        `A live trace keeps no field ${JSON.stringify(field)} of ${event}; it has: ${all.join(", ")}`,
      );
    }
  }
  return out;
}

function rowsOfKind({ kind, length }: LiveRows, wanted: KindCode): Uint32Array {
  let count = 0;
  for (let row = 0; row < length; row++) if (kind[row] === wanted) count++;
  const which = new Uint32Array(count);
  for (let row = 0, at = 0; row < length; row++) if (kind[row] === wanted) which[at++] = row;
  return which;
}

function gathered<A extends Float64Array | Int32Array | Uint32Array | Uint16Array>(
  source: A,
  which: Uint32Array,
): A {
  const out = new (source.constructor as new (length: number) => A)(which.length);
  for (let row = 0; row < which.length; row++) out[row] = source[which[row]!]!;
  return out;
}

/** Whether a row is a wakeup of a thread. */
export function isWakeup(kind: number): boolean {
  return kind === Kind.Waking || kind === Kind.Wakeup || kind === Kind.WakeupNew;
}

/** Numbers names in order of appearance. */
class Names {
  readonly all: string[] = [""];
  readonly #index = new Map<string, number>([["", 0]]);

  /** The number of each of `names`. */
  add(names: readonly string[]): Uint32Array {
    return Uint32Array.from(names, (name) => {
      let index = this.#index.get(name);
      if (index === undefined) this.#index.set(name, index = this.all.push(name) - 1);
      return index;
    });
  }
}
