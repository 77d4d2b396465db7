import { CommNames } from "./comm_names.ts";
import type { RowBuffer, RowColumns } from "./stream_builder.ts";

/** A reader's rows in columns of a fixed size, which are handed on when they are full, in the order of the file. */
export abstract class FixedRows implements RowBuffer {
  length = 0;
  kind!: Uint8Array;
  ts!: Float64Array;
  cpu!: Uint16Array;
  pid!: Int32Array;
  tid!: Int32Array;
  a!: Int32Array;
  b!: Int32Array;
  c!: Int32Array;
  disordered = false;
  readonly #comms = new CommNames();
  #settled = false;

  /** Begins to write into `columns`. */
  constructor(columns: RowColumns) {
    this.writeTo(columns);
  }

  get comms(): string[] {
    return this.#comms.all;
  }

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
    if (this.length === this.kind.length) this.pass();
    if (ts === -Infinity && this.#settled) this.disordered = true;
    const row = this.length++;
    this.kind[row] = kind;
    this.ts[row] = ts;
    this.cpu[row] = cpu;
    this.pid[row] = pid;
    this.tid[row] = tid;
    this.a[row] = a;
    this.b[row] = b;
    this.c[row] = c;
  }

  reserve(rows: number): void {
    if (rows > this.kind.length) {
      throw new RangeError(`Expected at most ${this.kind.length} rows at a time but found ${rows}`);
    }
    if (this.length + rows > this.kind.length) this.pass();
  }

  late(_after: number): void {
    this.disordered = true;
  }

  comm(name: string): number {
    return this.#comms.index(name);
  }

  settle(upTo: number): void {
    this.#settled = true;
    this.pass(upTo);
  }

  /** Goes on in `columns`. */
  protected writeTo({ kind, ts, cpu, pid, tid, a, b, c }: RowColumns): void {
    Object.assign(this, { kind, ts, cpu, pid, tid, a, b, c });
  }

  /** Hands the rows on and begins anew; no row with a stamp of `settled` or less comes after them, where that is given. */
  protected abstract pass(settled?: number): void;
}
