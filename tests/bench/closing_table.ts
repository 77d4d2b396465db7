import { textWidth } from "../../lib/frame/text_width.ts";

/** The same work done by schedscope and by another program. */
export interface SideBySideRow {
  /** What was done by schedscope. */
  readonly work: string;
  /** The program that did the same. */
  readonly peer: string;
  /** What it took there; null where the program is not here. */
  readonly theirs: number | null;
  /** What it took here. */
  readonly ours: number;
  /** Of both. */
  readonly unit: string;
}

/** Where the benchmarks that run one after another leave their rows. */
const FILE = "SCHEDSCOPE_BENCH_ROWS";

/** Adds a row to the table at the end of `deno task bench:self`; nothing where a benchmark runs by itself. */
export function addToTable(row: SideBySideRow): void {
  const file = Deno.env.get(FILE);
  if (file !== undefined) Deno.writeTextFileSync(file, `${JSON.stringify(row)}\n`, { append: true });
}

/** Calls `work` with the environment by which benchmarks add rows; returns the table of all of them. */
export async function withClosingTable(
  work: (env: Record<string, string>) => Promise<void>,
): Promise<string> {
  const file = await Deno.makeTempFile();
  try {
    await work({ [FILE]: file });
    const rows = (await Deno.readTextFile(file)).split("\n").filter((line) => line !== "");
    return closingTable(rows.map((line): SideBySideRow => JSON.parse(line)));
  } finally {
    await Deno.remove(file);
  }
}

/** The rows as aligned lines. */
export function closingTable(rows: readonly SideBySideRow[]): string {
  const figure = (value: number | null, unit: string) =>
    value === null ? "not here" : `${Number(value.toPrecision(3))} ${unit}`;
  const cells = [
    ["schedscope", "", "peer", "", "peer / schedscope"],
    ...rows.map(({ work, peer, theirs, ours, unit }) => [
      work,
      figure(ours, unit),
      peer,
      figure(theirs, unit),
      theirs === null ? "–" : (theirs / ours).toFixed(2),
    ]),
  ];
  const widths = cells[0]!.map((_, i) => Math.max(...cells.map((row) => textWidth(row[i]!))));
  return cells.map((row) =>
    row.map((cell, i) => {
      const space = " ".repeat(widths[i]! - textWidth(cell));
      return i % 2 === 0 && i < 4 ? cell + space : space + cell;
    }).join("  ").trimEnd()
  ).join("\n");
}
