import { DictColumn } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import { SOFTIRQ_NAMES } from "../trace/softirq_names.ts";
import type { Trace } from "../trace/trace.ts";

/** Columns of {@linkcode interrupts}. */
export type InterruptSliceColumns = {
  /** Start, ns since the epoch. */
  ts: Float64Array;
  /** ns from entry to exit. */
  dur: Float64Array;
  cpu: Uint16Array;
  kind: DictColumn<"irq" | "softirq">;
  /** The device's name, the vector (`local_timer`), or the softirq (`TIMER`). */
  name: DictColumn;
};

/**
 * The time that interrupts took, from the entry and exit events of `irq:irq_handler`, `irq:softirq` and the x86 vectors
 * (`irq_vectors:*`), whichever were recorded; rows sorted by CPU, then start. An entry without exit gives no row.
 */
export function interrupts(trace: Trace): Frame<InterruptSliceColumns> {
  const starts: number[] = [];
  const lengths: number[] = [];
  const cpus: number[] = [];
  const kinds: ("irq" | "softirq")[] = [];
  const names: string[] = [];
  for (const entry of trace.counts.keys()) {
    const match = /^(irq:irq_handler|irq:softirq|irq_vectors:(\w+))_entry$/.exec(entry);
    const exit = entry.replace(/_entry$/, "_exit");
    if (match === null || !trace.has(entry) || !trace.has(exit)) continue;
    const kind = match[1] === "irq:softirq" ? "softirq" : "irq";
    const begin = trace.event(entry);
    const end = trace.event(exit);
    const name = kind === "softirq"
      ? (row: number) => SOFTIRQ_NAMES[Number(begin.row(row)["vec"])] ?? "?"
      : match[2] === undefined
      ? (row: number) => String(begin.row(row)["name"])
      : () => match[2]!;
    pairUp(
      begin.column("ts"),
      begin.column("cpu"),
      end.column("ts"),
      end.column("cpu"),
      (row, from, to, cpu) => {
        starts.push(from);
        lengths.push(to - from);
        cpus.push(cpu);
        kinds.push(kind);
        names.push(name(row));
      },
    );
  }
  const order = Uint32Array.from(starts.keys()).sort((x, y) =>
    cpus[x]! - cpus[y]! || starts[x]! - starts[y]!
  );
  const arranged = <T>(values: T[]): T[] => Array.from(order, (i) => values[i]!);
  return new Frame<InterruptSliceColumns>({
    ts: Float64Array.from(arranged(starts)),
    dur: Float64Array.from(arranged(lengths)),
    cpu: Uint16Array.from(arranged(cpus)),
    kind: DictColumn.from(arranged(kinds)),
    name: DictColumn.from(arranged(names)),
  });
}

/** Calls `take` for each entry that is followed by an exit on its CPU. */
function pairUp(
  beginTs: unknown,
  beginCpu: unknown,
  endTs: unknown,
  endCpu: unknown,
  take: (row: number, from: number, to: number, cpu: number) => void,
): void {
  const from = beginTs as Float64Array;
  const fromCpu = beginCpu as Uint16Array;
  const to = endTs as Float64Array;
  const toCpu = endCpu as Uint16Array;
  const open = new Map<number, number>();
  for (let i = 0, j = 0; j < to.length; j++) {
    for (; i < from.length && from[i]! < to[j]!; i++) open.set(fromCpu[i]!, i);
    const row = open.get(toCpu[j]!);
    if (row === undefined) continue;
    take(row, from[row]!, to[j]!, toCpu[j]!);
    open.delete(toCpu[j]!);
  }
}
