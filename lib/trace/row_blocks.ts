import type { RowBuffer, RowColumns } from "./stream_builder.ts";

const ROWS = 1 << 13;

/**
 * Hands a reader's rows on block by block as they come, in the order of the file and not of time, for what needs no more than
 * the order of each CPU. Keeps none.
 */
export class RowBlocks implements RowBuffer {
  length = 0;
  kind = new Uint8Array(ROWS);
  ts = new Float64Array(ROWS);
  cpu = new Uint16Array(ROWS);
  pid = new Int32Array(ROWS);
  tid = new Int32Array(ROWS);
  a = new Int32Array(ROWS);
  b = new Int32Array(ROWS);
  c = new Int32Array(ROWS);
  disordered = false;
  readonly #take: (rows: RowColumns, count: number) => void;
  #settled = false;
  readonly #comms = new Map<string, number>();

  /** Hands the rows 0 to `count` of `rows` to `take`; they are overwritten after it. */
  constructor(take: (rows: RowColumns, count: number) => void) {
    this.#take = take;
  }

  get comms(): string[] {
    return [...this.#comms.keys()];
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
    if (ts === -Infinity && this.#settled) this.disordered = true;
    if (this.length === this.kind.length) this.flush();
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
    if (this.length + rows > this.kind.length) this.flush();
    if (rows > this.kind.length) {
      throw new RangeError(`Expected at most ${ROWS} rows at a time but found ${rows}`);
    }
  }

  late(_after: number): void {
    this.disordered = true;
  }

  comm(name: string): number {
    let index = this.#comms.get(name);
    if (index === undefined) this.#comms.set(name, index = this.#comms.size);
    return index;
  }

  settle(_upTo: number): void {
    this.#settled = true;
    this.flush();
  }

  /** Hands on what was not handed on yet. */
  flush(): void {
    if (this.length === 0) return;
    this.#take(this, this.length);
    this.length = 0;
  }
}
