import type { LateRow, SchedStream } from "./stream.ts";
import { timeOrder } from "./time_order.ts";

/** Collects rows in the order of the file and makes a {@linkcode SchedStream} of them. */
export class StreamBuilder {
  length = 0;
  kind: Uint8Array<ArrayBuffer>;
  ts: Float64Array<ArrayBuffer>;
  cpu: Uint16Array<ArrayBuffer>;
  pid: Int32Array<ArrayBuffer>;
  tid: Int32Array<ArrayBuffer>;
  a: Int32Array<ArrayBuffer>;
  b: Int32Array<ArrayBuffer>;
  c: Int32Array<ArrayBuffer>;
  readonly #comms = new Map<string, number>();
  readonly #late: { row: number; after: number }[] = [];

  /** Makes room for `capacity` rows; it grows as need be. Rows not written cost no memory. */
  constructor(capacity: number) {
    const n = Math.max(16, Math.ceil(capacity));
    this.kind = new Uint8Array(n);
    this.ts = new Float64Array(n);
    this.cpu = new Uint16Array(n);
    this.pid = new Int32Array(n);
    this.tid = new Int32Array(n);
    this.a = new Int32Array(n);
    this.b = new Int32Array(n);
    this.c = new Int32Array(n);
  }

  /** Appends one row. A stamp of -Infinity marks a record without time: it comes before all others. */
  add(
    kind: number,
    ts: number,
    cpu: number,
    pid: number,
    tid: number,
    a: number,
    b: number,
    c: number,
  ): void {
    const row = this.length;
    if (row === this.kind.length) this.#grow();
    this.kind[row] = kind;
    this.ts[row] = ts;
    this.cpu[row] = cpu;
    this.pid[row] = pid;
    this.tid[row] = tid;
    this.a[row] = a;
    this.b[row] = b;
    this.c[row] = c;
    this.length = row + 1;
  }

  /** Makes room for `rows` more, so that the columns stay the same arrays while they are added. */
  reserve(rows: number): void {
    while (this.length + rows > this.kind.length) this.#grow();
  }

  /** The row that is added next has a stamp older than `after`, up to which the recorder's own reader was already. */
  late(after: number): void {
    this.#late.push({ row: this.length, after });
  }

  /** The index of `name` among the stream's comms. */
  comm(name: string): number {
    let index = this.#comms.get(name);
    if (index === undefined) this.#comms.set(name, index = this.#comms.size);
    return index;
  }

  /** The rows in time order (equal stamps in the order of the file), and the stamp of the first, now 0. */
  finish(): { stream: SchedStream; start: number } {
    const n = this.length;
    const order = timeOrder(this.ts.subarray(0, n));
    const ts = arrangedDoubles(this.ts, n, order);
    let timed = 0;
    while (timed < n && ts[timed] === -Infinity) timed++;
    const start = timed < n ? ts[timed]! : 0;
    ts.fill(0, 0, timed);
    if (start !== 0) { for (let i = timed; i < n; i++) ts[i]! -= start; }
    return {
      stream: {
        length: n,
        ts,
        kind: arrangedBytes(this.kind, n, order),
        cpu: arrangedShorts(this.cpu, n, order),
        pid: arrangedInts(this.pid, n, order),
        tid: arrangedInts(this.tid, n, order),
        a: arrangedInts(this.a, n, order),
        b: arrangedInts(this.b, n, order),
        c: arrangedInts(this.c, n, order),
        comms: [...this.#comms.keys()],
        late: this.#lateRows(order, start),
      },
      start,
    };
  }

  /** The late rows by their place in time order. */
  #lateRows(order: Uint32Array | undefined, start: number): LateRow[] {
    if (this.#late.length === 0 || order === undefined) return [];
    const after = new Map(this.#late.map((late) => [late.row, late.after]));
    const rows: LateRow[] = [];
    for (let i = 0; i < order.length; i++) {
      const found = after.get(order[i]!);
      if (found !== undefined) rows.push({ row: i, after: found - start });
    }
    return rows;
  }

  #grow(): void {
    this.kind = grown(this.kind);
    this.ts = grown(this.ts);
    this.cpu = grown(this.cpu);
    this.pid = grown(this.pid);
    this.tid = grown(this.tid);
    this.a = grown(this.a);
    this.b = grown(this.b);
    this.c = grown(this.c);
  }
}

type StreamColumn =
  | Float64Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

function grown<A extends StreamColumn>(column: A): A {
  const out = new (column.constructor as new (length: number) => A)(Math.ceil(column.length * 1.5));
  out.set(column);
  return out;
}

// One function for each type of array: a loop that sees several of them is five times slower.

function arrangedDoubles(
  column: Float64Array<ArrayBuffer>,
  n: number,
  order: Uint32Array | undefined,
): Float64Array {
  if (order === undefined) return column.subarray(0, n);
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) out[i] = column[order[i]!]!;
  return out;
}

function arrangedInts(
  column: Int32Array<ArrayBuffer>,
  n: number,
  order: Uint32Array | undefined,
): Int32Array {
  if (order === undefined) return column.subarray(0, n);
  const out = new Int32Array(n);
  for (let i = 0; i < n; i++) out[i] = column[order[i]!]!;
  return out;
}

function arrangedShorts(
  column: Uint16Array<ArrayBuffer>,
  n: number,
  order: Uint32Array | undefined,
): Uint16Array {
  if (order === undefined) return column.subarray(0, n);
  const out = new Uint16Array(n);
  for (let i = 0; i < n; i++) out[i] = column[order[i]!]!;
  return out;
}

function arrangedBytes(
  column: Uint8Array<ArrayBuffer>,
  n: number,
  order: Uint32Array | undefined,
): Uint8Array {
  if (order === undefined) return column.subarray(0, n);
  const out = new Uint8Array(n);
  for (let i = 0; i < n; i++) out[i] = column[order[i]!]!;
  return out;
}
