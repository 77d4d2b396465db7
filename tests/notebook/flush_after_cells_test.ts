import assert from "node:assert/strict";
import { executeNotebook } from "./execute_notebook.ts";
import { joined, type NotebookCell, notebookOf } from "./notebook_file.ts";
import { repository } from "./repository.ts";

/** Source of a cell, and what it has to leave in the notebook: console lines, displays, characters of its result. */
interface Expected {
  source: string;
  lines: number;
  displays: number;
  result: number;
}

/** 100 cells of the kinds that a kernel without the flush loses output of. */
function hundredCells(): Expected[] {
  const cells: Expected[] = [];
  for (let i = 0; i < 100; i++) {
    if (i % 25 === 12) {
      const source = `({ [Symbol.for("Jupyter.display")]: () => ({ "text/html": "x".repeat(2_000_000) }) })`;
      cells.push({ source, lines: 0, displays: 0, result: 2_000_000 });
    } else if (i % 5 === 0) {
      cells.push({ source: `"result ${1000 + i}"`, lines: 0, displays: 0, result: `"result 1000"`.length });
    } else if (i % 5 === 1) {
      cells.push({
        source: `for (let d = 0; d < 5; d++) await Deno.jupyter.display({ d });`,
        lines: 0,
        displays: 5,
        result: 0,
      });
    } else if (i % 5 === 2) {
      const source = `for (let line = 0; line < 20; line++) console.log("line", line);\n"result ${1000 + i}"`;
      cells.push({ source, lines: 20, displays: 0, result: `"result 1000"`.length });
    } else if (i % 5 === 3) {
      const source = `({ [Symbol.for("Jupyter.display")]: () => ({ "text/html": "x".repeat(300_000) }) })`;
      cells.push({ source, lines: 0, displays: 0, result: 300_000 });
    } else {
      const source =
        `console.error("e"); await Deno.jupyter.display(1); console.log("o"); void Promise.reject(${i});`;
      // The rejection is reported as one more line.
      cells.push({ source, lines: 3, displays: 1, result: 0 });
    }
  }
  return cells;
}

function kept(cell: NotebookCell): Omit<Expected, "source"> {
  const outputs = cell.outputs ?? [];
  const streams = outputs.filter((o) => o.output_type === "stream").map((o) => joined(o.text)).join("");
  const result = outputs.find((o) => o.output_type === "execute_result")?.data;
  // deno-lint-ignore no-control-regex
  const text = joined(result?.["text/html"] ?? result?.["text/plain"]).replace(/\x1b\[\d+m/g, "");
  return {
    lines: streams.split("\n").length - 1,
    displays: outputs.filter((o) => o.output_type === "display_data").length,
    result: text.length,
  };
}

async function outcome(first: string, cells: Expected[]): Promise<ReturnType<typeof kept>[]> {
  const outDir = await Deno.makeTempDir({ prefix: "schedscope-notebook-" });
  try {
    const path = `${outDir}/cells.ipynb`;
    const notebook = notebookOf([first, ...cells.map((cell) => cell.source)]);
    await Deno.writeTextFile(path, JSON.stringify(notebook));
    const executed = await executeNotebook(path, { outDir: `${outDir}/executed` });
    return executed.cells.slice(1).map(kept);
  } finally {
    await Deno.remove(outDir, { recursive: true });
  }
}

Deno.test("a notebook with setup keeps every output of 100 cells under nbconvert", async () => {
  const cells = hundredCells();
  const rows = await outcome(`await import("file://${repository}/lib/notebook/mod.ts");`, cells);
  assert.equal(rows.length, 100);
  for (const [i, { source, ...expected }] of cells.entries()) assert.deepEqual(rows[i], expected, source);
  assert.equal(rows.reduce((sum, row) => sum + row.lines, 0), 16 * 20 + 20 * 3);
});

Deno.test("what the same cells lose without setup is measured", async () => {
  // Rejections are left out: without setup they are never shown, and that is another test.
  const cells = hundredCells().map((cell) =>
    cell.lines === 3 ? { ...cell, source: cell.source.replace(/void Promise.*/, ""), lines: 2 } : cell
  );
  const rows = await outcome(`"no setup"`, cells);
  const lossy = cells.filter(({ source: _, ...expected }, i) =>
    JSON.stringify(expected) !== JSON.stringify(rows[i])
  );
  const lines = rows.reduce((sum, row) => sum + row.lines, 0);
  const displays = rows.reduce((sum, row) => sum + row.displays, 0);
  console.log(
    `without setup: ${lossy.length} of 100 cells incomplete; kept ${lines} of ${16 * 20 + 20 * 2} lines, ` +
      `${displays} of ${20 * 5 + 20} displays, ${rows.filter((row) => row.result > 0).length} of 60 results`,
  );
  assert.equal(rows.length, 100);
});
