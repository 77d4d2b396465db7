import assert from "node:assert/strict";
import { checkNotebook } from "../notebooks_check.ts";
import { executeNotebook } from "./execute_notebook.ts";
import { joined, type Notebook, notebookOf, notebookPaths } from "./notebook_file.ts";
import { repository } from "./repository.ts";

const fixture = `${repository}/tests/notebook/fixtures/smallest.ipynb`;

/** Numbers, from 1, of the code cells of `notebook` that are tagged `shows` and show nothing. */
function silentCells(notebook: Notebook): number[] {
  const code = notebook.cells.filter((cell) => cell.cell_type === "code");
  return code.flatMap((cell, i) =>
    cell.metadata.tags?.includes("shows") && !cell.outputs?.length ? [i + 1] : []
  );
}

async function inTempDir<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await Deno.makeTempDir({ prefix: "schedscope-notebook-" });
  try {
    return await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("every notebook runs from top to bottom and shows what it should", async (t) => {
  const tutorials = await notebookPaths(`${repository}/notebooks`);
  assert.ok(tutorials.some((path) => path.endsWith("/01-quickstart.ipynb")), "the first tutorial is missing");
  for (const path of [fixture, ...tutorials]) {
    await t.step(path.slice(repository.length + 1), async () => {
      assert.equal(await checkNotebook(path), "");
      const executed = await inTempDir((outDir) => executeNotebook(path, { outDir }));
      const shows = executed.cells.filter((cell) => cell.metadata.tags?.includes("shows"));
      assert.ok(shows.length > 0, "no cell is tagged `shows` in metadata.tags, so nothing would be tested");
      assert.deepEqual(silentCells(executed), [], "these code cells are tagged `shows` and show nothing");
      const errors = executed.cells.flatMap((cell) => cell.outputs ?? []).filter((o) =>
        o.output_type === "error"
      );
      assert.deepEqual(errors, []);
    });
  }
});

Deno.test("a failing cell fails the run with its own message, and a silent cell is named", async () => {
  await inTempDir(async (outDir) => {
    const path = `${outDir}/bad.ipynb`;
    const notebook = notebookOf([`throw new RangeError("cell two is bad")`, `undefined`]);
    notebook.cells[1]!.metadata = { tags: ["shows"] };
    await Deno.writeTextFile(path, JSON.stringify(notebook));
    await assert.rejects(executeNotebook(path, { outDir: `${outDir}/out` }), /RangeError: cell two is bad/);
    const executed = await executeNotebook(path, { outDir: `${outDir}/out`, allowErrors: true });
    assert.equal(executed.cells[0]!.outputs!.filter((o) => o.output_type === "error").length, 1);
    assert.deepEqual(silentCells(executed), [2]);
  });
});

Deno.test("checkNotebook() names the cell and line of a wrong type, a missing name and a syntax error", async () => {
  await inTempDir(async (directory) => {
    const path = `${directory}/bad.ipynb`;
    const cases: [string[], RegExp][] = [
      [
        ["const n = 1;", "n;\nconst s: string = n;\ns;"],
        /TS2322.*\n(.*\n)*.*bad\.ipynb code cell 2, line 2:7/,
      ],
      [["const n = 1;\nn;", "", "missing;"], /TS2304.*\n(.*\n)*.*bad\.ipynb code cell 3, line 1:1/],
      [["1;", "const = 2;"], /bad\.ipynb code cell 2, line 1:7/],
    ];
    for (const [sources, problem] of cases) {
      await Deno.writeTextFile(path, JSON.stringify(notebookOf(sources)));
      assert.match(await checkNotebook(path), problem);
    }
    await Deno.writeTextFile(path, JSON.stringify({ ...notebookOf(["1;"]), metadata: {} }));
    assert.match(await checkNotebook(path), /language_info\.name must be "typescript"/);
    assert.deepEqual([...Deno.readDirSync(directory)].map((entry) => entry.name), ["bad.ipynb"]);
  });
});

Deno.test("an executed notebook has no markup from a name", async () => {
  const executed = await inTempDir((outDir) => executeNotebook(fixture, { outDir }));
  const html = executed.cells.flatMap((cell) => cell.outputs ?? []).map((o) => joined(o.data?.["text/html"]))
    .join("");
  assert.ok(html.includes("&lt;img src=x onerror=alert(1)&gt;") && !html.includes("<img"), html);
});
