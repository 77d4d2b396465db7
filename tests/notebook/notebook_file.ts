/** An output of a code cell. */
export interface NotebookOutput {
  /** `stream`, `display_data`, `execute_result` or `error`. */
  output_type: string;
  /** Text of a stream. */
  text?: string | string[];
  /** Forms of a display by MIME type. */
  data?: Record<string, string | string[]>;
  /** Message of an error. */
  evalue?: string;
}

/** A cell of a notebook. */
export interface NotebookCell {
  /** `code` cells run. */
  cell_type: "code" | "markdown" | "raw";
  /** Its text, whole or by lines that keep their ends. */
  source: string | string[];
  /** `tags` has `shows` for a cell that must have an output. */
  metadata: { tags?: string[] };
  /** Outputs of a code cell. */
  outputs?: NotebookOutput[];
}

/** A notebook file, as far as the tests look at it (nbformat 4). */
export interface Notebook {
  /** Cells in order. */
  cells: NotebookCell[];
  /** `language_info.name` tells `deno fmt` that the cells are TypeScript. */
  metadata: { kernelspec?: { name: string }; language_info?: { name: string } };
  /** Major version of the format. */
  nbformat: number;
  /** Minor version of the format. */
  nbformat_minor: number;
}

/** The text of `lines`, which nbformat stores whole or by lines. */
export function joined(lines: string | string[] | undefined): string {
  return typeof lines === "string" ? lines : (lines ?? []).join("");
}

/** A notebook for Deno's kernel with one code cell for each source. */
export function notebookOf(sources: string[]): Notebook {
  return {
    cells: sources.map((source, i) => ({
      cell_type: "code",
      id: `cell-${i}`,
      execution_count: null,
      metadata: {},
      outputs: [],
      source,
    })),
    metadata: {
      kernelspec: { name: "deno", display_name: "Deno", language: "typescript" },
      language_info: { name: "typescript" },
    },
    nbformat: 4,
    nbformat_minor: 5,
  } as Notebook;
}

/** Paths of the notebooks in `directory` in order; none if there is no such directory. */
export async function notebookPaths(directory: string): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const entry of Deno.readDir(directory)) {
      if (entry.isFile && entry.name.endsWith(".ipynb")) found.push(`${directory}/${entry.name}`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.sort();
}
