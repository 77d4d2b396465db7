import { type Count, count as counts, DictColumn, Frame, type Ns, ns } from "../../frame/mod.ts";
import { type HwlatSample, readHwlatLine } from "./hwlat_line.ts";

/** Columns of the samples of the kernel's hwlat tracer: a row for each of its lines. */
export type HwlatColumns = {
  /** The guest that the line is from; the same for each row of one text. */
  vm: DictColumn<string>;
  /** CPU that was sampled. */
  cpu: Int32Array;
  /**
   * When the sample ended, by the trace's clock; by default that counts from the boot of the guest. NaN where that clock has no
   * seconds (`counter`, `x86-tsc`).
   */
  ts: Ns;
  /** Longest time between the two readings of the clock inside the loop (`duration`); 0 where it is less than 1 us. */
  inner: Ns;
  /** Longest time between the last reading of a round and the first of the next (`outer_duration`). */
  outer: Ns;
  /** How often one of the two was over the threshold in this sample; NaN where the kernel does not tell (before 5.7) or the line was cut. */
  count: Count;
  /** Number of the sample since the tracer's start; the kernel counts those alone that were over the threshold. */
  seq: Float64Array;
  /** Time in non-maskable interrupts during the sample; NaN where there were some and the kernel does not tell. */
  nmi_total: Ns;
  /** Non-maskable interrupts during the sample; NaN where the line was cut before it could tell. */
  nmi_count: Count;
  /**
   * Wall clock of the guest, ns since 1970: the first time the threshold was passed in the sample (since 5.7), before that
   * the end of the sample.
   */
  time: BigInt64Array;
  /** Kernel id of the tracer's thread. */
  tid: Int32Array;
  /** Name of the tracer's thread, `<...>` where the trace has none. */
  comm: DictColumn<string>;
  /** Events of this CPU that the trace says were lost right before this row; NaN where it does not tell how many. */
  lost: Count;
};

/** Options of {@linkcode parseHwlat}. */
export interface ParseHwlatOptions {
  /** Name of the guest, for column `vm`. Default empty. */
  vm?: string;
  /** Is told each line that is no sample: what the console says, heads of the trace, pieces of lines that were mixed up. */
  onOther?(line: string): void;
}

const LOST = /^CPU:(\d+) \[LOST (?:(\d+) )?EVENTS\]$/;

/**
 * The samples that the kernel's hwlat tracer has put into a trace, out of its text: `trace` or `trace_pipe` of tracefs, or a
 * console on which that was printed between other lines. Reads what each kernel since 4.9 writes (trace_hwlat_print() in
 * kernel/trace/trace_output.c): with and without `count:`, `nmi-total:` and `nmi-count:`, and with letters for the flags or not.
 *
 * Microseconds become nanoseconds. A line that is not whole is left out, and a number that touches the end of a text without a
 * line's end is unknown, since it may be cut.
 *
 * @example
 * ```ts
 * import { parseHwlat } from "@schedscope/schedscope/vm";
 * import assert from "node:assert/strict";
 *
 * const samples = parseHwlat(
 *   "    <...>-105   [001] d...     3.630702: #1     inner/outer(us): 32522/48575 ts:1598486359.129995457\n",
 * );
 * assert.deepEqual([...samples.column("outer")], [48_575_000]);
 * ```
 */
export function parseHwlat(
  text: string | Uint8Array,
  options: ParseHwlatOptions = {},
): Frame<HwlatColumns> {
  const { vm = "", onOther } = options;
  const whole = typeof text === "string" ? text : new TextDecoder().decode(text);
  const rows: LossySample[] = [];
  const lost = new Map<number, number>();
  const end = whole.lastIndexOf("\n");
  let from = 0;
  while (from < whole.length) {
    const to = from <= end ? whole.indexOf("\n", from) : whole.length;
    const raw = whole.slice(from, to);
    const line = raw.replace(/\r+$/, "");
    const row = readHwlatLine(line, to === whole.length && line === raw);
    if (row !== undefined) {
      rows.push({ ...row, lost: lost.get(row.cpu) ?? 0 });
      lost.delete(row.cpu);
    } else {
      const found = LOST.exec(line);
      if (found !== null) {
        const cpu = Number(found[1]);
        lost.set(cpu, (lost.get(cpu) ?? 0) + Number(found[2] ?? NaN));
      } else if (line !== "") onOther?.(line);
    }
    from = to + 1;
  }
  return frameOf(rows, vm);
}

interface LossySample extends HwlatSample {
  lost: number;
}

function frameOf(rows: readonly LossySample[], vm: string): Frame<HwlatColumns> {
  return new Frame<HwlatColumns>({
    vm: new DictColumn(new Uint8Array(rows.length), [vm]),
    cpu: Int32Array.from(rows, (row) => row.cpu),
    ts: ns(Float64Array.from(rows, (row) => row.ts)),
    inner: ns(Float64Array.from(rows, (row) => row.inner)),
    outer: ns(Float64Array.from(rows, (row) => row.outer)),
    count: counts(Float64Array.from(rows, (row) => row.count)),
    seq: Float64Array.from(rows, (row) => row.seq),
    nmi_total: ns(Float64Array.from(rows, (row) => row.nmiTotal)),
    nmi_count: counts(Float64Array.from(rows, (row) => row.nmiCount)),
    time: BigInt64Array.from(rows.map((row) => row.time)),
    tid: Int32Array.from(rows, (row) => row.tid),
    comm: DictColumn.from(rows.map((row) => row.comm)),
    lost: counts(Float64Array.from(rows, (row) => row.lost)),
  });
}
