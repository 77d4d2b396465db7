import type { SchedStream } from "./stream.ts";
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
    const ts = arranged(this.ts, n, order);
    let timed = 0;
    while (timed < n && ts[timed] === -Infinity) timed++;
    const start = timed < n ? ts[timed]! : 0;
    ts.fill(0, 0, timed);
    if (start !== 0) { for (let i = timed; i < n; i++) ts[i]! -= start; }
    return {
      stream: {
        length: n,
        ts,
        kind: arranged(this.kind, n, order),
        cpu: arranged(this.cpu, n, order),
        pid: arranged(this.pid, n, order),
        tid: arranged(this.tid, n, order),
        a: arranged(this.a, n, order),
        b: arranged(this.b, n, order),
        c: arranged(this.c, n, order),
        comms: [...this.#comms.keys()],
      },
      start,
    };
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

function arranged<A extends StreamColumn>(
  column: A,
  n: number,
  order: Uint32Array | undefined,
): A {
  if (order === undefined) return column.subarray(0, n) as A;
  const out = new (column.constructor as new (length: number) => A)(n);
  for (let i = 0; i < n; i++) out[i] = column[order[i]!]!;
  return out;
}
