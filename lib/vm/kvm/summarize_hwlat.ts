import { type Count, count, DictColumn, Frame, type Ns, ns } from "../../frame/mod.ts";
import type { HwlatColumns } from "./parse_hwlat.ts";

/** Columns of {@linkcode summarizeHwlat}: a row for each guest. */
export type HwlatSummaryColumns = {
  /** The guest. */
  vm: DictColumn<string>;
  /** Its samples. */
  samples: Count;
  /** Mean of their gaps; NaN without samples. */
  mean: Ns;
  /** Median of their gaps; NaN without samples. */
  median: Ns;
  /** Longest gap; NaN without samples. */
  max: Ns;
  /** Gaps over the limit. */
  over: Count;
};

/** Options of {@linkcode summarizeHwlat}. */
export interface SummarizeHwlatOptions {
  /** Gaps longer than this are counted, ns. Default 100 ms. */
  over?: number;
  /** Guests in the order wanted, those without samples too. Default: those that the samples name, as they come. */
  vms?: readonly string[];
}

/**
 * How long the gaps of each guest were. The gap of a sample is the longer of `inner` and `outer`: the kernel's own measure
 * (get_sample() in kernel/trace/trace_hwlat.c). A sample without a gap over the tracer's threshold writes no line, so that means and
 * medians are of the samples that had one.
 */
export function summarizeHwlat(
  samples: Frame<HwlatColumns>,
  options: SummarizeHwlatOptions = {},
): Frame<HwlatSummaryColumns> {
  const { over = 100e6 } = options;
  const gapsOf = new Map<string, number[]>((options.vms ?? []).map((vm) => [vm, []]));
  const vm = samples.column("vm");
  const inner = samples.column("inner");
  const outer = samples.column("outer");
  for (let row = 0; row < samples.length; row++) {
    const name = vm.at(row);
    let gaps = gapsOf.get(name);
    if (gaps === undefined) gapsOf.set(name, gaps = []);
    gaps.push(Math.max(inner[row]!, outer[row]!));
  }
  const rows = [...gapsOf.values()].map((gaps) => gaps.sort((a, b) => a - b));
  return new Frame<HwlatSummaryColumns>({
    vm: DictColumn.from(gapsOf.keys()),
    samples: count(Float64Array.from(rows, (gaps) => gaps.length)),
    mean: ns(Float64Array.from(rows, (gaps) => gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length)),
    median: ns(Float64Array.from(rows, median)),
    max: ns(Float64Array.from(rows, (gaps) => gaps.at(-1) ?? NaN)),
    over: count(Float64Array.from(rows, (gaps) => gaps.filter((gap) => gap > over).length)),
  });
}

function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
