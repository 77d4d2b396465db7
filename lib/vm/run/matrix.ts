import { formatNs } from "../../frame/format_ns.ts";
import { visibleText } from "../../frame/visible_text.ts";
import { defaultSignal } from "../../trace/default_signal.ts";
import { cacheKey } from "../cache.ts";
import { LackingError, VmError } from "../errors.ts";
import { fileKey } from "./file_key.ts";
import { Journal } from "./journal.ts";
import { cellOrder, type FinishedCell, type MatrixCell, type MatrixSetting } from "./matrix_cell.ts";
import type { CellRun, MatrixOptions } from "./matrix_options.ts";
import { VmMatrix } from "./vm_matrix.ts";
import type { VmRunResult, VmTarget } from "./vm_run.ts";

/**
 * Runs every kernel with every isolation, again and again, in the order A B C, C B A, ...: what changes with time on the machine meets all of them
 * alike.
 *
 * A run that fails is in the result with what was wrong, and the others go on; of a setting that this machine or the kernel lacks something for,
 * the further repeats are not tried. With a `journal` each finished run is kept as it ends, under a key made of the kernel's content, the setting
 * and the options: a matrix that was interrupted, called again, does only what is missing. What failed is tried again then; what is damaged
 * is done again, and said.
 *
 * Where the signal is aborted, the run in progress is dropped, and what is finished is the result. Throws a RangeError for options that
 * make no sense, and a `VmError` where a kernel's file cannot be read.
 */
export async function matrix(options: MatrixOptions): Promise<VmMatrix> {
  const { isolations = ["none", "cookies"], targets = ["user"], repeats = 4, seconds = 10 } = options;
  const { signal = defaultSignal(), journal: directory, onNote, options: more = {} } = options;
  if (!Number.isSafeInteger(repeats) || repeats < 1) {
    throw new RangeError(`Expected repeats to be a whole number from 1 but found ${repeats}`);
  }
  if (!(seconds > 0)) throw new RangeError(`Expected seconds above 0 but found ${seconds}`);
  if (options.traces && directory === undefined) {
    throw new RangeError("Traces are kept in the journal: name a journal directory, or leave traces out");
  }
  const kernels = kernelNames(options.kernels);
  for (const list of [[...kernels.keys()], isolations, targets]) {
    if (list.length === 0) throw new RangeError("Expected at least one kernel, one isolation and one target");
    if (new Set(list).size < list.length) {
      throw new RangeError(`Expected each once but found ${list.join(", ")}`);
    }
  }
  const content = new Map<string, string>();
  for (const [name, path] of kernels) content.set(name, await fileKey(path));
  const settings = targets.flatMap((target) =>
    [...kernels].flatMap(([kernel, path]) =>
      isolations.map((isolation): MatrixSetting => ({ kernel, path, target, isolation }))
    )
  );
  const cells = cellOrder(settings, repeats);
  const notes: string[] = [];
  const note = (text: string) => {
    notes.push(text);
    onNote?.(text);
  };
  const journal = new Journal(directory);
  const keyOf = (cell: MatrixCell) =>
    cacheKey(
      "vm-matrix-cell/1",
      content.get(cell.kernel)!,
      JSON.stringify([cell.target, cell.isolation, cell.repeat, seconds, sorted(more)]),
    );
  const known = new Map<MatrixCell, FinishedCell>();
  for (const cell of cells) {
    const entry = await journal.read(keyOf(cell), note) as FinishedCell | undefined;
    if (entry !== undefined) known.set(cell, { ...entry, ...cell, resumed: true });
  }
  if (known.size > 0) note(`${known.size} of ${cells.length} runs are in the journal already`);
  const run = options.run ?? (async (cell, how) => {
    const { runVm } = await import("./run_vm.ts"); // all that drives guests, only where guests are driven
    return await runVm<VmTarget>({
      ...(cell.target === "user" ? { maxGap: 0 } : {}),
      ...more,
      kernel: cell.path,
      target: cell.target,
      isolation: cell.isolation,
      seconds: how.seconds,
      ...(how.output === undefined ? {} : { output: how.output }),
      ...(how.signal === undefined ? {} : { signal: how.signal }),
      ...(how.onProgress === undefined ? {} : { onProgress: how.onProgress }),
    });
  });
  const finished: FinishedCell[] = [];
  const lacking = new Map<string, string>();
  for (const cell of cells) {
    const old = known.get(cell);
    if (old !== undefined) {
      finished.push(old);
      options.onCell?.(old);
      continue;
    }
    if (signal?.aborted) break;
    const ran = new Set([...known.values(), ...finished]);
    const left = timeLeft(cells, [...ran], finished.length, known, seconds);
    options.onProgress?.({
      done: finished.length,
      total: cells.length,
      cell,
      left,
      text: `${finished.length + 1}/${cells.length} ${
        visibleText(cell.kernel)
      } ${cell.target} ${cell.isolation}, ${formatNs(left)} left`,
    });
    const lack = lacking.get(settingKey(cell));
    const done = lack === undefined
      ? await runCell(cell, run, {
        seconds,
        signal,
        onProgress: onNote,
        output: outputOf(options, keyOf(cell)),
      })
      : failed(cell, `not tried again: ${lack}`);
    if (done === undefined) break; // interrupted
    if (done.error instanceof LackingError) lacking.set(settingKey(cell), done.error.message);
    if (done.cell.failure === null) await journal.write(keyOf(cell), done.cell);
    finished.push(done.cell);
    options.onCell?.(done.cell);
  }
  return new VmMatrix(finished, cells.length, notes);
}

/** A run of one cell; undefined where it was interrupted. */
async function runCell(
  cell: MatrixCell,
  run: (cell: MatrixCell, how: CellRun) => Promise<VmRunResult>,
  how: CellRun,
): Promise<{ cell: FinishedCell; error?: unknown } | undefined> {
  const started = new Date().toISOString();
  const begun = performance.now();
  const own = how.output === undefined ? await Deno.makeTempDir({ prefix: "schedscope-cell-" }) : undefined;
  const took = () => (performance.now() - begun) * 1e6;
  try {
    const { isolation, metrics, fingerprint, notes } = await run(cell, {
      ...how,
      output: how.output ?? `${own}/trace`,
    });
    if (how.signal?.aborted) return undefined; // a run that was cut short is none
    return {
      cell: {
        ...cell,
        started,
        took: took(),
        resumed: false,
        failure: null,
        actual: isolation,
        metrics,
        fingerprint,
        notes,
      },
    };
  } catch (error) {
    if (how.signal?.aborted) return undefined;
    if (!(error instanceof Error)) throw error;
    const { cell: failure } = failed(cell, visibleText(error.message));
    return { cell: { ...failure, started, took: took() }, error };
  } finally {
    if (own !== undefined) await Deno.remove(own, { recursive: true }).catch(() => {});
  }
}

function failed(cell: MatrixCell, failure: string): { cell: FinishedCell; error?: unknown } {
  return {
    cell: {
      ...cell,
      started: new Date().toISOString(),
      took: 0,
      resumed: false,
      failure,
      actual: "",
      metrics: {},
      fingerprint: null,
      notes: [],
    },
  };
}

/** What the cells after the first `done` will take, ns: each as long as those of its setting, of its target, of any did. */
function timeLeft(
  cells: readonly MatrixCell[],
  finished: readonly FinishedCell[],
  done: number,
  known: ReadonlyMap<MatrixCell, FinishedCell>,
  seconds: number,
): number {
  const mean = (those: readonly FinishedCell[]) =>
    those.length === 0 ? undefined : those.reduce((sum, { took }) => sum + took, 0) / those.length;
  const ran = finished.filter(({ failure }) => failure === null);
  let left = 0;
  for (const cell of cells.slice(done)) {
    if (known.has(cell)) continue;
    left += mean(ran.filter((one) => settingKey(one) === settingKey(cell))) ??
      mean(ran.filter((one) => one.target === cell.target)) ?? mean(ran) ?? (seconds + 10) * 1e9;
  }
  return left;
}

function settingKey({ kernel, target, isolation }: MatrixSetting): string {
  return JSON.stringify([kernel, target, isolation]);
}

function outputOf({ journal, traces }: MatrixOptions, key: string): string | undefined {
  return traces ? `${journal}/${key}.trace` : undefined;
}

/** The same whatever the order in which the options were written. */
function sorted(options: Readonly<Record<string, unknown>>): unknown {
  return Object.entries(options).toSorted(([a], [b]) => a < b ? -1 : 1);
}

/** Paths by name. */
function kernelNames(kernels: MatrixOptions["kernels"]): Map<string, string> {
  if (!Array.isArray(kernels)) return new Map(Object.entries(kernels as Record<string, string>));
  const names = new Map<string, string>();
  for (const path of kernels as readonly string[]) {
    const name = path.split("/").at(-1) || path;
    if (names.has(name)) {
      throw new VmError(
        `Two kernels are called ${visibleText(name)}: give them names, as in { before: ${
          visibleText(JSON.stringify(names.get(name)))
        }, after: ${visibleText(JSON.stringify(path))} }`,
      );
    }
    names.set(name, path);
  }
  return names;
}
