/**
 * The longest gaps of a recording, each with its cause and culprit.
 *
 *     deno run --allow-read examples/longest_gaps.ts perf.data
 */
import { formatNs, gaps, openTrace } from "@schedscope/schedscope";

const trace = await openTrace(Deno.args[0] ?? "perf.data");
const ledger = gaps(trace, { threshold: 1e6 });

console.log(
  `${ledger.total} gaps over 1 ms; ${(trace.quality.share * 100).toFixed(1)} % of CPU-time covered`,
);
for (const gap of ledger.gaps.sort("dur", { descending: true }).head(10).rows()) {
  console.log(`${gap.comm}[${gap.tid}] stood still for ${formatNs(gap.dur)}: ${gap.cause} ${gap.culprit}`);
}
