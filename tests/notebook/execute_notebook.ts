import { ensureJupyter } from "../../lib/tools/jupyter.ts";
import type { Notebook } from "./notebook_file.ts";

/** Options of {@linkcode executeNotebook}. */
export interface ExecuteNotebookOptions {
  /** Where the executed notebook is written; created if need be. */
  outDir: string;
  /** Seconds that one cell may take (default 300). */
  cellTimeout?: number;
  /** Go on after a cell that failed, with the error among its outputs (default false). */
  allowErrors?: boolean;
}

/**
 * Executes the notebook at `path` from top to bottom on a real Deno kernel, without a browser, and returns it with its
 * outputs. Cells run in the notebook's directory.
 *
 * @throws {Error} If a cell failed and `options.allowErrors` is not set; the message has nbconvert's own text
 */
export async function executeNotebook(path: string, options: ExecuteNotebookOptions): Promise<Notebook> {
  const { outDir, cellTimeout = 300, allowErrors = false } = options;
  const jupyter = await ensureJupyter();
  await Deno.mkdir(outDir, { recursive: true });
  const name = path.split("/").at(-1)!;
  const { success, stderr } = await new Deno.Command(jupyter.python, {
    args: [
      ...["-m", "nbconvert", "--execute", "--to", "notebook", "--output-dir", outDir, "--output", name],
      `--ExecutePreprocessor.timeout=${cellTimeout}`,
      "--ExecutePreprocessor.kernel_name=deno",
      ...(allowErrors ? ["--allow-errors"] : []),
      path,
    ],
    env: jupyter.env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`${path} failed:\n${new TextDecoder().decode(stderr)}`);
  return JSON.parse(await Deno.readTextFile(`${outDir}/${name}`));
}
