/**
 * Type-checks the code cells of notebooks: `deno run -A tests/notebooks_check.ts [NOTEBOOK...]`, by default every
 * notebook in notebooks/. Deno's kernel checks no types and hides syntax errors, so this is where they are found. Their format is
 * checked too: `deno fmt --check` itself finds every notebook wrong that it has not written on this machine.
 *
 * @module
 */
import { joined, type Notebook, notebookPaths } from "./notebook/notebook_file.ts";
import { repository } from "./notebook/repository.ts";

/** A notebook's code cells as one module, and the way back from its lines. */
export interface CellModule {
  /** The cells one after the other. */
  source: string;
  /** For each line, counted from 0: number of the code cell and line in it, both from 1. */
  origins: { cell: number; line: number }[];
}

/** Joins the code cells of `notebook`. What one cell declares, the next ones see, as in the kernel. */
export function cellModule(notebook: Notebook): CellModule {
  const lines: string[] = [];
  const origins: CellModule["origins"] = [];
  notebook.cells.filter((cell) => cell.cell_type === "code").forEach((cell, index) => {
    joined(cell.source).split("\n").forEach((text, line) => {
      lines.push(text);
      origins.push({ cell: index + 1, line: line + 1 });
    });
  });
  // Without an import or export it would be a script, where top-level await is an error.
  lines.push("export {};");
  origins.push(origins.at(-1) ?? { cell: 1, line: 1 });
  return { source: lines.join("\n") + "\n", origins };
}

/**
 * Checks the notebook at `path` and returns what is wrong with it as text that names cell and line; empty if nothing.
 *
 * The module is written beside the notebook, so that relative imports and the import map mean the same, and removed.
 */
export async function checkNotebook(path: string): Promise<string> {
  const notebook: Notebook = JSON.parse(await Deno.readTextFile(path));
  const problems: string[] = [];
  if (notebook.metadata.language_info?.name !== "typescript") {
    problems.push(
      `${path}: metadata.language_info.name must be "typescript", or editors take the cells for something else`,
    );
  }
  if (notebook.metadata.kernelspec?.name !== "deno") {
    problems.push(`${path}: metadata.kernelspec.name must be "deno"`);
  }
  problems.push(...await misformatted(path, notebook));
  const { source, origins } = cellModule(notebook);
  const directory = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : ".";
  const file = await Deno.makeTempFile({ dir: directory, prefix: ".check-", suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, source);
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", file],
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) {
      const name = file.split("/").at(-1)!.replaceAll(".", "\\.");
      const place = new RegExp(`(?:file://)?[^\\s(]*${name}:(\\d+):(\\d+)`, "g");
      problems.push(
        new TextDecoder().decode(stderr).replace(place, (_, line, column) => {
          const origin = origins[parseInt(line) - 1] ?? origins.at(-1)!;
          return `${path} code cell ${origin.cell}, line ${origin.line}:${column}`;
        }).trimEnd(),
      );
    }
  } finally {
    await Deno.remove(file);
  }
  return problems.join("\n");
}

/** A line for each code cell that `deno fmt` would write otherwise. */
async function misformatted(path: string, notebook: Notebook): Promise<string[]> {
  const cells = notebook.cells.filter((cell) => cell.cell_type === "code").map((cell) => joined(cell.source));
  const good = await Promise.all(cells.map(async (source) => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["fmt", "--config", `${repository}/deno.json`, "--ext", "ts", "-"],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`${source}\n`));
    await writer.close();
    const { success, stdout } = await child.output();
    return !success || new TextDecoder().decode(stdout) === `${source}\n`; // what does not parse is told by the check
  }));
  return good.flatMap((fine, i) =>
    fine ? [] : [`${path} code cell ${i + 1} is not formatted as deno fmt has it`]
  );
}

if (import.meta.main) {
  const paths = Deno.args.length > 0 ? Deno.args : await notebookPaths(`${repository}/notebooks`);
  let failed = 0;
  for (const path of paths) {
    const problems = await checkNotebook(path);
    console.log(problems === "" ? `Checked the cells of ${path}` : problems);
    if (problems !== "") failed++;
  }
  if (paths.length === 0) console.log("Found no notebook in notebooks/");
  Deno.exit(failed > 0 ? 1 : 0);
}
