import { CommNames } from "./comm_names.ts";
import { Kind, type LateRow, type SchedStream } from "./stream.ts";
import { firstAbove, type OrderWorkspace, timeOrder } from "./time_order.ts";

/** The columns of rows, as {@linkcode SchedStream} has them. */
export type RowColumns = Pick<SchedStream, "kind" | "ts" | "cpu" | "pid" | "tid" | "a" | "b" | "c">;

/**
 * Takes `count` rows that follow in time on all it took before: `rows` from 0 on, or, where there is an `order`, the rows
 * `order[0]`, `order[1]`, ... of them. The arrays are used again afterwards.
 */
export type RowSink = (rows: RowColumns, order: Uint32Array | undefined, count: number) => void;

/** What a reader puts rows into: through `add`, or, after `reserve`, straight into the columns from `length` on. */
export interface RowBuffer extends RowColumns {
  length: number;
  /** Whether a row came that is older than what was settled. */
  readonly disordered: boolean;
  /** The names so far. */
  readonly comms: string[];
  /** Appends one row. A stamp of -Infinity marks a record without time: it comes before all others. */
  add(kind: number, ts: number, cpu: number, pid: number, tid: number, a: number, b: number, c: number): void;
  /** Makes room for `rows` more; the columns stay the same arrays until as many are added. */
  reserve(rows: number): void;
  /** The row that is added next has a stamp older than `after`, up to which the recorder's own reader was already. */
  late(after: number): void;
  /** The index of `name` among the stream's comms. */
  comm(name: string): number;
  /** No row with a stamp of `upTo` or less will come any more, unless it is announced by `late`. */
  settle(upTo: number): void;
}

/** Options of {@linkcode StreamBuilder}. */
export interface StreamBuilderOptions {
  /** Rows are handed to it as they are settled, and not kept. Default: they are kept. */
  sink?: RowSink | undefined;
  /** How many rows there will be in all, if they are settled on the way. Default unknown. */
  expected?: number;
  /** Rows with an older stamp are not kept. Default: all are kept. */
  keepFrom?: number;
}

/**
 * Collects rows in the order of the file and makes a {@linkcode SchedStream} of them.
 *
 * A reader that knows up to where nothing older will come says so by {@linkcode StreamBuilder.settle}: what is settled is
 * sorted while it is still in the processor's cache, and each row enters new memory once only.
 */
export class StreamBuilder implements RowBuffer {
  length = 0;
  kind: Uint8Array<ArrayBuffer>;
  ts: Float64Array<ArrayBuffer>;
  cpu: Uint16Array<ArrayBuffer>;
  pid: Int32Array<ArrayBuffer>;
  tid: Int32Array<ArrayBuffer>;
  a: Int32Array<ArrayBuffer>;
  b: Int32Array<ArrayBuffer>;
  c: Int32Array<ArrayBuffer>;
  /** Whether a row came that is older than what was settled: a sink has not seen it. */
  disordered = false;
  readonly #sink: RowSink | undefined;
  readonly #expected: number;
  readonly #keepFrom: number;
  readonly #comms = new CommNames();
  readonly #late: { row: number; after: number }[] = [];
  readonly #workspace: OrderWorkspace = {};
  #settled: MutableColumns | undefined;
  #settledRows = 0;
  #first: number | undefined;
  #last: number | undefined;

  /** Makes room for `capacity` rows; it grows as need be. Rows not written cost no memory. */
  constructor(capacity: number, options: StreamBuilderOptions = {}) {
    const columns = makeColumns(Math.max(16, Math.ceil(capacity)));
    this.kind = columns.kind;
    this.ts = columns.ts;
    this.cpu = columns.cpu;
    this.pid = columns.pid;
    this.tid = columns.tid;
    this.a = columns.a;
    this.b = columns.b;
    this.c = columns.c;
    this.#sink = options.sink;
    this.#expected = options.expected ?? 0;
    this.#keepFrom = options.keepFrom ?? -Infinity;
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
    if (ts === -Infinity && this.#settledRows > 0) this.disordered = true;
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
    this.disordered = true;
    this.#late.push({ row: this.#settledRows + this.length, after });
  }

  /** The index of `name` among the stream's comms. */
  comm(name: string): number {
    return this.#comms.index(name);
  }

  /** The names so far. */
  get comms(): string[] {
    return this.#comms.all;
  }

  /** No row with a stamp of `upTo` or less will come any more, unless it is announced by {@linkcode StreamBuilder.late}. */
  settle(upTo: number): void {
    const n = this.length;
    if (n === 0 || this.disordered) return;
    const order = timeOrder(this.ts.subarray(0, n), this.#workspace);
    const left = this.#tails(this.#workspace.runs!, n, upTo);
    const done = left.reduce((sum, { from, to }) => sum - (to - from), n);
    if (done === 0) return;
    if (this.#sink === undefined) {
      this.#last = this.ts[order === undefined ? done - 1 : order[done - 1]!]!;
      let first = 0;
      while (first < done && this.ts[order === undefined ? first : order[first]!]! < this.#keepFrom) first++;
      this.#settled = roomFor(this.#settled, this.#settledRows + done - first, this.#expected);
      moveColumns(this, order, first, done, this.#settled, this.#settledRows);
      this.#settledRows += done - first;
    } else {
      this.#hand(this.#sink, order, done);
      this.#settledRows += done;
    }
    this.length = 0;
    for (const { from, to } of left) this.#keep(from, to);
  }

  /**
   * Takes `count` rows that are in the order of time among themselves and came after all others in the file, when all others are
   * settled. Those of kind Comm point to `comms`.
   */
  join(rows: RowColumns, count: number, comms: readonly string[]): void {
    if (count === 0) return;
    const n = this.#settledRows;
    const all = this.#settled = roomFor(this.#settled, n + count, this.#expected);
    moveColumns(rows, undefined, 0, count, all, n);
    const names = comms.map((name) => this.comm(name));
    for (let row = n; row < n + count; row++) {
      if (all.kind[row] === Kind.Comm) all.a[row] = names[all.a[row]!]!;
    }
    this.#settledRows = n + count;
    if (n === 0 || all.ts[n]! >= all.ts[n - 1]!) return;
    // Only where the two overlap rows change places.
    const from = firstAbove(all.ts, 0, n, all.ts[n]!);
    const newest = all.ts[n - 1]!;
    let to = n;
    while (to < n + count && all.ts[to]! < newest) to++;
    const size = to - from;
    const both = makeColumns(size);
    moveColumns(all, undefined, from, to, both, 0);
    moveColumns(both, timeOrder(both.ts), 0, size, all, from);
  }

  /** The end of each ascending run that is not settled: all above `upTo`. */
  #tails(runs: readonly number[], n: number, upTo: number): { from: number; to: number }[] {
    if (upTo === Infinity) return [];
    const ends = runs.map((start, i) => ({ start, to: runs[i + 1] ?? n }));
    return ends.map(({ start, to }) => ({ from: firstAbove(this.ts, start, to, upTo), to }))
      .filter(({ from, to }) => from < to);
  }

  /** Moves rows `from` to `to` to the end of those that are kept, which never lies behind them. */
  #keep(from: number, to: number): void {
    const at = this.length;
    for (const column of [this.kind, this.ts, this.cpu, this.pid, this.tid, this.a, this.b, this.c]) {
      column.copyWithin(at, from, to);
    }
    this.length = at + to - from;
  }

  #hand(sink: RowSink, order: Uint32Array | undefined, count: number): void {
    const stamp = (row: number) => this.ts[order === undefined ? row : order[row]!]!;
    for (let row = 0; row < count && this.#first === undefined; row++) {
      if (stamp(row) !== -Infinity) this.#first = stamp(row);
    }
    if (this.#first !== undefined) this.#last = stamp(count - 1);
    sink(this, order, count);
  }

  /** Settles what is left, for a builder with a sink; returns whether the sink saw all rows in their order. */
  drain(): boolean {
    this.settle(Infinity);
    return !this.disordered;
  }

  /**
   * The rows in time order (equal stamps in the order of the file), the stamp of the first, which is 0 in the stream, and
   * that of the last. With a sink there are none, but the stamps are those of the rows that it saw. With an `origin`, that stamp
   * is 0 in the stream and not the first row's.
   */
  finish(origin?: number): { stream: SchedStream; start: number; end: number } {
    if (this.#sink !== undefined) {
      return { stream: { ...EMPTY, comms: this.comms }, start: this.#first ?? 0, end: this.#last ?? 0 };
    }
    const columns = this.#whole();
    const found = this.#settledRows + this.length;
    const order = timeOrder(columns.ts.subarray(0, found));
    let all = columns;
    if (order !== undefined) {
      all = makeColumns(found);
      moveColumns(columns, order, 0, found, all, 0);
    }
    // What was never settled may be older than what is kept.
    let first = 0;
    while (first < found && all.ts[first]! < this.#keepFrom) first++;
    const n = found - first;
    const ts = all.ts.subarray(first, found);
    let timed = 0;
    while (timed < n && ts[timed] === -Infinity) timed++;
    const start = origin ?? (timed < n ? ts[timed]! : 0);
    if (start !== 0) { for (let i = timed; i < n; i++) ts[i]! -= start; }
    ts.fill(timed < n ? Math.min(0, ts[timed]!) : 0, 0, timed);
    return {
      end: n > timed ? ts[n - 1]! + start : Math.max(this.#last ?? start, start),
      stream: {
        length: n,
        ts,
        kind: all.kind.subarray(first, found),
        cpu: all.cpu.subarray(first, found),
        pid: all.pid.subarray(first, found),
        tid: all.tid.subarray(first, found),
        a: all.a.subarray(first, found),
        b: all.b.subarray(first, found),
        c: all.c.subarray(first, found),
        comms: this.comms,
        late: this.#lateRows(order, start, first),
      },
      start,
    };
  }

  /** What is settled, and after it what is not. */
  #whole(): MutableColumns {
    if (this.#settledRows === 0) return this;
    const n = this.#settledRows + this.length;
    const all = roomFor(this.#settled, n, 0);
    // What is left goes straight to its place, sorted if nothing came late; else all is sorted again.
    const order = this.disordered ? undefined : timeOrder(this.ts.subarray(0, this.length), this.#workspace);
    moveColumns(this, order, 0, this.length, all, this.#settledRows);
    return all;
  }

  /** The late rows from row `first` on, by their place in time order. */
  #lateRows(order: Uint32Array | undefined, start: number, first: number): LateRow[] {
    if (this.#late.length === 0 || order === undefined) return [];
    const after = new Map(this.#late.map((late) => [late.row, late.after]));
    const rows: LateRow[] = [];
    for (let i = first; i < order.length; i++) {
      const found = after.get(order[i]!);
      if (found !== undefined) rows.push({ row: i - first, after: found - start });
    }
    return rows;
  }

  #grow(): void {
    const wider = makeColumns(Math.ceil(this.kind.length * 1.5));
    moveColumns(this, undefined, 0, this.length, wider, 0);
    Object.assign(this, wider);
  }
}

const EMPTY: SchedStream = { length: 0, ...makeColumns(0), comms: [] };

interface MutableColumns {
  kind: Uint8Array<ArrayBuffer>;
  ts: Float64Array<ArrayBuffer>;
  cpu: Uint16Array<ArrayBuffer>;
  pid: Int32Array<ArrayBuffer>;
  tid: Int32Array<ArrayBuffer>;
  a: Int32Array<ArrayBuffer>;
  b: Int32Array<ArrayBuffer>;
  c: Int32Array<ArrayBuffer>;
}

/** Columns of `rows` rows. */
export function makeColumns(rows: number): MutableColumns {
  return {
    kind: new Uint8Array(rows),
    ts: new Float64Array(rows),
    cpu: new Uint16Array(rows),
    pid: new Int32Array(rows),
    tid: new Int32Array(rows),
    a: new Int32Array(rows),
    b: new Int32Array(rows),
    c: new Int32Array(rows),
  };
}

/** `columns` if they have room for `rows`, else wider ones of at least `least` rows with the same content. */
function roomFor(columns: MutableColumns | undefined, rows: number, least: number): MutableColumns {
  if (columns !== undefined && columns.kind.length >= rows) return columns;
  const had = columns?.kind.length ?? 0;
  const wider = makeColumns(Math.max(rows, Math.ceil(had * 1.5), Math.ceil(least), 16));
  if (columns !== undefined) moveColumns(columns, undefined, 0, had, wider, 0);
  return wider;
}

/** Copies rows `from` to `to` of `source` (by `order`, if given) to `at` of `target`. */
export function moveColumns(
  source: RowColumns,
  order: Uint32Array | undefined,
  from: number,
  to: number,
  target: RowColumns,
  at: number,
): void {
  if (from === to) return;
  if (order === undefined) {
    target.kind.set(source.kind.subarray(from, to), at);
    target.ts.set(source.ts.subarray(from, to), at);
    target.cpu.set(source.cpu.subarray(from, to), at);
    target.pid.set(source.pid.subarray(from, to), at);
    target.tid.set(source.tid.subarray(from, to), at);
    target.a.set(source.a.subarray(from, to), at);
    target.b.set(source.b.subarray(from, to), at);
    target.c.set(source.c.subarray(from, to), at);
    return;
  }
  moveBytes(source.kind, order, from, to, target.kind, at);
  moveDoubles(source.ts, order, from, to, target.ts, at);
  moveShorts(source.cpu, order, from, to, target.cpu, at);
  moveInts(source.pid, order, from, to, target.pid, at);
  moveInts(source.tid, order, from, to, target.tid, at);
  moveInts(source.a, order, from, to, target.a, at);
  moveInts(source.b, order, from, to, target.b, at);
  moveInts(source.c, order, from, to, target.c, at);
}

// One function for each type of array: a loop that sees several of them is five times slower.

function moveDoubles(
  source: Float64Array,
  order: Uint32Array,
  from: number,
  to: number,
  target: Float64Array,
  at: number,
): void {
  for (let i = from, j = at; i < to; i++, j++) target[j] = source[order[i]!]!;
}

function moveInts(
  source: Int32Array,
  order: Uint32Array,
  from: number,
  to: number,
  target: Int32Array,
  at: number,
): void {
  for (let i = from, j = at; i < to; i++, j++) target[j] = source[order[i]!]!;
}

function moveShorts(
  source: Uint16Array,
  order: Uint32Array,
  from: number,
  to: number,
  target: Uint16Array,
  at: number,
): void {
  for (let i = from, j = at; i < to; i++, j++) target[j] = source[order[i]!]!;
}

function moveBytes(
  source: Uint8Array,
  order: Uint32Array,
  from: number,
  to: number,
  target: Uint8Array,
  at: number,
): void {
  for (let i = from, j = at; i < to; i++, j++) target[j] = source[order[i]!]!;
}
