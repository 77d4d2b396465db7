/** A table of a flatbuffer, read with every position checked: a damaged one throws a RangeError and reads nothing else. */
export class FlatTable {
  readonly #view: DataView;
  readonly #at: number;
  readonly #vtable: number;
  readonly #fields: number;
  readonly #budget: { left: number };

  /** The table at byte `at` of `view`. `budget` bounds what comes out where many tables point to the same bytes. */
  constructor(view: DataView, at: number, budget = { left: 65536 + 16 * view.byteLength }) {
    this.#view = view;
    this.#at = at;
    this.#budget = budget;
    this.#vtable = at - view.getInt32(at, true);
    this.#fields = view.getUint16(this.#vtable, true);
  }

  /** The root table of a buffer. */
  static root(view: DataView, at = 0): FlatTable {
    return new FlatTable(view, at + view.getUint32(at, true));
  }

  /** Where field number `id` is; 0 where it is absent. */
  #place(id: number): number {
    const slot = 4 + 2 * id;
    const offset = slot + 2 <= this.#fields ? this.#view.getUint16(this.#vtable + slot, true) : 0;
    return offset === 0 ? 0 : this.#at + offset;
  }

  /** An unsigned byte. */
  byte(id: number, absent = 0): number {
    const at = this.#place(id);
    return at === 0 ? absent : this.#view.getUint8(at);
  }

  /** A 16-bit integer. */
  short(id: number, absent = 0): number {
    const at = this.#place(id);
    return at === 0 ? absent : this.#view.getInt16(at, true);
  }

  /** A 32-bit integer. */
  int(id: number, absent = 0): number {
    const at = this.#place(id);
    return at === 0 ? absent : this.#view.getInt32(at, true);
  }

  /** A 64-bit integer that is a size or a place, so below 2^53. */
  long(id: number, absent = 0): number {
    const at = this.#place(id);
    return at === 0 ? absent : safeLong(this.#view, at);
  }

  /** A table that this one points to. */
  table(id: number): FlatTable | undefined {
    const at = this.#place(id);
    return at === 0
      ? undefined
      : new FlatTable(this.#view, at + this.#view.getUint32(at, true), this.#budget);
  }

  /** A string. */
  text(id: number): string {
    const at = this.#place(id);
    if (at === 0) return "";
    const start = at + this.#view.getUint32(at, true);
    const length = this.#view.getUint32(start, true);
    this.#check(start + 4, length);
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
      new Uint8Array(this.#view.buffer, this.#view.byteOffset + start + 4, length),
    );
  }

  /** A vector of elements of `size` bytes, each read by `read` at its place. */
  vector<T>(id: number, size: number, read: (view: DataView, at: number) => T): T[] {
    const at = this.#place(id);
    if (at === 0) return [];
    const start = at + this.#view.getUint32(at, true);
    const count = this.#view.getUint32(start, true);
    this.#check(start + 4, count * size);
    return Array.from({ length: count }, (_, i) => read(this.#view, start + 4 + i * size));
  }

  /** A vector of tables. */
  tables(id: number): FlatTable[] {
    return this.vector(id, 4, (view, at) => new FlatTable(view, at + view.getUint32(at, true), this.#budget));
  }

  #check(start: number, bytes: number): void {
    this.#budget.left -= bytes;
    if (start + bytes > this.#view.byteLength || this.#budget.left < 0) {
      throw new RangeError(`${bytes} bytes at ${start} of only ${this.#view.byteLength}`);
    }
  }
}

/** The 64-bit integer at `at`; throws a RangeError where it is negative or not below 2^53. */
export function safeLong(view: DataView, at: number): number {
  const value = Number(view.getBigInt64(at, true));
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no size or place`);
  return value;
}
