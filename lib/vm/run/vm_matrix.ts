import { fingerprintDifferences } from "../../bench/suite/fingerprint_differences.ts";
import { DictColumn } from "../../frame/column.ts";
import { formatNs } from "../../frame/format_ns.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns } from "../../frame/units.ts";
import { visibleText } from "../../frame/visible_text.ts";
import { compare, type CompareColumns, type CompareOptions } from "../../sched/compare/compare.ts";
import { VmError } from "../errors.ts";
import type { FinishedCell, MatrixSetting } from "./matrix_cell.ts";

/** Columns of {@linkcode VmMatrix.runs}; behind them one for each metric, named like it, NaN where a run has none. */
export type MatrixRunColumns = {
  /** The kernel's name in the matrix. */
  kernel: DictColumn;
  target: DictColumn;
  /** The isolation that was asked for. */
  isolation: DictColumn;
  /** That it had; empty where it failed. */
  actual: DictColumn;
  /** From 0 on. */
  repeat: Int32Array;
  /** `ok`; `journal`: taken from the journal; `failed`. */
  state: DictColumn<"ok" | "journal" | "failed">;
  /** What went wrong; empty where nothing did. */
  failure: DictColumn;
  /** How long the run took, ns. */
  took: Ns;
};

/** Which runs of a matrix are meant: all that have what is given. */
export type MatrixSide = Partial<Omit<MatrixSetting, "path">>;

/** Options of {@linkcode VmMatrix.compare}. */
export interface CompareSidesOptions extends CompareOptions {
  /** Only these metrics. Default: all that both sides have. */
  metrics?: readonly string[];
  /** Compare runs of unlike machines, too. Default: false. */
  unlike?: boolean;
}

/** What a matrix of runs gave. */
export class VmMatrix {
  /** What became of each cell, in the order in which they were to run. */
  readonly cells: readonly FinishedCell[];
  /** How many there were to be. */
  readonly total: number;
  /** What was noticed meanwhile, in sentences. */
  readonly notes: readonly string[];

  /** Takes the finished cells of `total`. */
  constructor(cells: readonly FinishedCell[], total: number, notes: readonly string[]) {
    this.cells = cells;
    this.total = total;
    this.notes = notes;
  }

  /** Whether every cell was run, and none failed. */
  get complete(): boolean {
    return this.cells.length === this.total && this.failures.length === 0;
  }

  /** The cells that failed. */
  get failures(): readonly FinishedCell[] {
    return this.cells.filter(({ failure }) => failure !== null);
  }

  /** Names of all metrics, in the order in which they came. */
  get metrics(): readonly string[] {
    return [...new Set(this.cells.flatMap(({ metrics }) => Object.keys(metrics)))];
  }

  /** A row for each run, in the order in which they were to run, with its metrics. */
  get runs(): Frame<MatrixRunColumns & Record<string, DictColumn | Int32Array | Float64Array>> {
    const { cells } = this;
    const text = (value: (cell: FinishedCell) => string) => DictColumn.from(cells.map(value));
    return new Frame<MatrixRunColumns & Record<string, DictColumn | Int32Array | Float64Array>>({
      kernel: text(({ kernel }) => kernel),
      target: text(({ target }) => target),
      isolation: text(({ isolation }) => isolation),
      actual: text(({ actual }) => actual),
      repeat: Int32Array.from(cells, ({ repeat }) => repeat),
      state: DictColumn.from(
        cells.map(({ failure, resumed }) => failure !== null ? "failed" : resumed ? "journal" : "ok"),
      ),
      failure: text(({ failure }) => failure ?? ""),
      took: ns(Float64Array.from(cells, ({ took }) => took)),
      ...Object.fromEntries(
        this.metrics.map((name) => {
          const values = Float64Array.from(cells, ({ metrics }) => metrics[name] ?? NaN);
          return [name, /_(?:gap|wait|latency)$/.test(name) ? ns(values) : values];
        }),
      ),
    });
  }

  /**
   * Compares the runs of side `b` with those of side `a`, metric by metric, as `compare` has it: the difference with its interval, how large it
   * is, and how much side `a` differs from itself (A/A) beside it.
   *
   * Throws a `VmError` where a side has no run that ended well, or where the runs were made on machines that differ in anything but what the
   * sides are about (`unlike: true` compares them nevertheless).
   */
  compare(a: MatrixSide, b: MatrixSide, options: CompareSidesOptions = {}): Frame<CompareColumns> {
    const { metrics: only, unlike = false, ...rest } = options;
    const [first, second] = [this.#side(a), this.#side(b)];
    if (!unlike) likeOnly([...first, ...second]);
    const names = only ?? this.metrics;
    const of = (cells: readonly FinishedCell[]) =>
      Object.fromEntries(
        names.filter((name) => cells.some(({ metrics }) => !Number.isNaN(metrics[name] ?? NaN)))
          .map((name) => [name, cells.map(({ metrics }) => metrics[name] ?? NaN)]),
      );
    return compare(of(first), of(second), rest);
  }

  #side(side: MatrixSide): FinishedCell[] {
    const wanted = Object.entries(side) as [keyof MatrixSide, string][];
    const cells = this.cells.filter((cell) =>
      cell.failure === null && wanted.every(([name, value]) => cell[name] === value)
    );
    if (cells.length === 0) {
      const asked = wanted.map(([name, value]) => `${name} ${visibleText(value)}`).join(", ") || "anything";
      const failure = this.failures.find((cell) => wanted.every(([name, value]) => cell[name] === value));
      throw new VmError(
        `The matrix has no run with ${asked} that ended well${
          failure === undefined ? "" : `; one failed: ${failure.failure}`
        }`,
      );
    }
    return cells;
  }

  /** How it went, a line for each setting that failed or was not reached. */
  toString(): string {
    const { cells, total, failures, notes } = this;
    const took = cells.reduce((sum, cell) => sum + (cell.resumed ? 0 : cell.took), 0);
    const why = new Set(
      failures.map(({ kernel, target, isolation, failure }) =>
        `${visibleText(kernel)} ${target} ${isolation}: ${failure}`
      ),
    );
    return [
      `matrix: ${cells.length} of ${total} runs, ${failures.length} failed, ${formatNs(took)}`,
      ...why,
      ...notes,
    ].join("\n");
  }

  /** Everything, for a file. */
  toJSON(): Record<string, unknown> {
    const { cells, total, notes } = this;
    return { schema: "schedscope-vm-matrix/1", total, cells, notes };
  }
}

/** What of the host may differ between runs: the guest is pinned, and nothing of it is measured there. */
const FREE = ["cpus_allowed", "cpu_quota"];

function likeOnly(cells: readonly FinishedCell[]): void {
  const machine = cells[0]!.fingerprint!;
  for (const { fingerprint } of cells.slice(1)) {
    const differences = fingerprintDifferences(machine.host, fingerprint!.host, FREE);
    if (machine.accelerator !== fingerprint!.accelerator) {
      differences.push({
        field: "accelerator",
        a: String(machine.accelerator),
        b: String(fingerprint!.accelerator),
      });
    }
    if (differences.length === 0) continue;
    throw new VmError(
      `The runs were made on machines that differ: ${
        differences.map(({ field, a, b }) => `${field} (${visibleText(a)} and ${visibleText(b)})`).join("; ")
      }; run them on one machine, or compare with unlike: true`,
    );
  }
}
