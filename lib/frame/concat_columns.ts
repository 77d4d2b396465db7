import { type BigIntColumn, type Column, DictColumn, type NumericColumn } from "./column.ts";
import { emptyLike } from "./take_column.ts";
import { keepUnit } from "./units.ts";

/**
 * The rows of all `columns`, one after the other, as one new column. Dictionaries are merged.
 *
 * Throws a TypeError that names `name` if the columns are not of one kind.
 */
export function concatColumns<X extends Column>(name: string, columns: readonly X[]): X {
  const [first] = columns;
  if (first === undefined) throw new RangeError(`No column "${name}" to concatenate`);
  for (const column of columns) {
    if (column.constructor !== first.constructor) {
      throw new TypeError(
        `Cannot concatenate column "${name}": ${first.constructor.name} with ${column.constructor.name}`,
      );
    }
  }
  if (first instanceof DictColumn) return concatDictionaries(columns as unknown as DictColumn[]) as X;
  const arrays = columns as unknown as NumericColumn[];
  const out = emptyLike<NumericColumn | BigIntColumn>(
    arrays[0]!,
    arrays.reduce((rows, column) => rows + column.length, 0),
  ) as NumericColumn;
  let at = 0;
  for (const column of arrays) {
    out.set(column, at);
    at += column.length;
  }
  return keepUnit(first, out) as unknown as X;
}

function concatDictionaries(columns: readonly DictColumn[]): DictColumn {
  const dictionary: string[] = [];
  const index = new Map<string, number>();
  const codes = new Uint32Array(columns.reduce((rows, column) => rows + column.length, 0));
  let at = 0;
  for (const column of columns) {
    const recode = Uint32Array.from(column.dictionary, (text) => {
      let code = index.get(text);
      if (code === undefined) index.set(text, code = dictionary.push(text) - 1);
      return code;
    });
    for (let row = 0; row < column.codes.length; row++) codes[at++] = recode[column.codes[row]!]!;
  }
  return new DictColumn(codes, dictionary);
}
