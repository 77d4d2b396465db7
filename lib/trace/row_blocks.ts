import { FixedRows } from "./fixed_rows.ts";
import { makeColumns, type RowColumns } from "./stream_builder.ts";

const ROWS = 1 << 13;

/**
 * Hands a reader's rows on block by block as they come, in the order of the file and not of time, for what needs no more than
 * the order of each CPU. Keeps none.
 */
export class RowBlocks extends FixedRows {
  readonly #take: (rows: RowColumns, count: number) => void;

  /** Hands the rows 0 to `count` of `rows` to `take`; they are overwritten after it. */
  constructor(take: (rows: RowColumns, count: number) => void) {
    super(makeColumns(ROWS));
    this.#take = take;
  }

  /** Hands on what was not handed on yet. */
  flush(): void {
    if (this.length === 0) return;
    this.#take(this, this.length);
    this.length = 0;
  }

  protected override pass(): void {
    this.flush();
  }
}
