import { type Columns, DictColumn, Frame } from "../../lib/frame/mod.ts";

/** Names that a program may give itself, and that a careless writer or reader breaks on. */
export const HOSTILE_NAMES: readonly string[] = [
  "",
  "plain",
  "with,comma",
  'with"quote',
  "with'quote",
  "two\nlines",
  "carriage\rreturn",
  "tab\tand  blanks ",
  "<script>alert(1)</script>",
  "=cmd|' /C calc'!A0",
  "NULL",
  "NaN",
  "nul\u0000inside",
  "\ufeffbom first",
  "ünïcödé 漢字 🚀",
  "\\N",
  "a/../b",
];

/** A frame that has a column of each kind, with the values at the ends of their ranges; column and task names are hostile. */
export function everyKind(): Frame<Columns> {
  const rows = HOSTILE_NAMES.length;
  const pick = <T>(values: readonly T[]) =>
    Array.from({ length: rows }, (_, i) => values[i % values.length]!);
  return new Frame<Columns>({
    f64: Float64Array.from(pick([0, -0, NaN, Infinity, -Infinity, 1e-300, Number.MAX_VALUE, 2 ** 53 - 1])),
    f32: Float32Array.from(pick([0, NaN, 1.5, Infinity, -Infinity])),
    i64: BigInt64Array.from(pick([0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)])),
    u64: BigUint64Array.from(pick([0n, 2n ** 64n - 1n])),
    i32: Int32Array.from(pick([0, -1, 2 ** 31 - 1, -(2 ** 31)])),
    u32: Uint32Array.from(pick([0, 2 ** 32 - 1])),
    i16: Int16Array.from(pick([0, -1, 32767, -32768])),
    u16: Uint16Array.from(pick([0, 65535])),
    i8: Int8Array.from(pick([0, -1, 127, -128])),
    u8: Uint8Array.from(pick([0, 255])),
    comm: DictColumn.from(HOSTILE_NAMES),
    state: new DictColumn(Uint8Array.from(pick([1, 0])), ["S", "R"]),
    'a "column", named so': Int32Array.from(pick([1, 2, 3])),
    "select": Int32Array.from(pick([4])),
  }, rows);
}
