import type { Column } from "../../frame/column.ts";
import { sliceColumn } from "../../frame/take_column.ts";
import { type FieldSink, fieldSink } from "../decode_field.ts";
import { type EventFormat, fieldOf } from "../event_format.ts";
import type { CpuCursor } from "./cpu_cursor.ts";
import { MergedCursors } from "./merge_cursors.ts";

/** Columns of the records of one event that are under way. */
export class EventColumns {
  /** Rows so far. */
  length = 0;
  readonly #ts: Float64Array | undefined;
  readonly #cpus: Uint16Array | undefined;
  readonly #sinks: FieldSink[] = [];
  readonly #names: readonly string[];
  readonly #columns = new Map<string, () => Column>();

  /**
   * Room for `rows` of `fields`, which besides those of `format` may be `ts` and, where the event has no field of that name,
   * `cpu`. Throws RangeError for others. With `exact`, see {@linkcode fieldSink}.
   */
  constructor(
    format: EventFormat,
    fields: readonly string[],
    rows: number,
    littleEndian: boolean,
    exact = false,
  ) {
    this.#names = fields;
    for (const name of fields) {
      if (name === "ts") {
        const ts = this.#ts = new Float64Array(rows);
        this.#columns.set(name, () => ts);
        continue;
      }
      const field = fieldOf(format, name);
      if (name === "cpu" && field === undefined) {
        const cpus = this.#cpus = new Uint16Array(rows);
        this.#columns.set(name, () => cpus);
        continue;
      }
      if (field === undefined) {
        const known = format.fields.map((each) => each.name).join(", ");
        throw new RangeError(
          `${format.name} has no field ${JSON.stringify(name)}; it has: ts, cpu, ${known}`,
        );
      }
      const sink = fieldSink(field, rows, littleEndian, exact);
      this.#sinks.push(sink);
      this.#columns.set(name, () => sink.finish());
    }
  }

  /** Takes rows `from` to `to` of the records of `cursor`. */
  take({ cpu, block: { view }, records: { ts, at, sizes } }: CpuCursor, from: number, to: number): void {
    const row = this.length;
    this.length += to - from;
    const stamps = this.#ts;
    if (stamps !== undefined) { for (let i = from; i < to; i++) stamps[row + i - from] = ts[i]!; }
    this.#cpus?.fill(cpu, row, row + to - from);
    for (const sink of this.#sinks) {
      for (let i = from; i < to; i++) sink.set(row + i - from, view, at[i]!, sizes[i]!);
    }
  }

  /** The columns by name, of the rows that were taken. */
  finish(): Record<string, Column> {
    return Object.fromEntries(this.#names.map((name) => {
      const column = this.#columns.get(name)!();
      return [name, column.length === this.length ? column : sliceColumn(column, 0, this.length)];
    }));
  }
}

/** Columns `fields` of the `rows` records of `format`, which are all that `cursors` have. */
export function decodeEvent(
  cursors: readonly CpuCursor[],
  format: EventFormat,
  rows: number,
  fields: readonly string[],
  littleEndian: boolean,
  exact: boolean,
): Record<string, Column> {
  const columns = new EventColumns(format, fields, rows, littleEndian, exact);
  if (cursors.length > 0 && rows > 0) {
    const merged = new MergedCursors(cursors);
    while (columns.length < rows && merged.next()) {
      const { from, to } = merged;
      columns.take(merged.cursor, from, Math.min(to, from + rows - columns.length));
    }
  }
  return columns.finish();
}
