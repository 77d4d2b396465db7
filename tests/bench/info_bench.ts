/**
 * Compares `schedscope info` with `perf script >/dev/null`, which is the usual way to learn what a recording holds, as whole
 * processes side by side. Prints; never fails by time.
 *
 * deno run -A tests/bench/info_bench.ts [perf.data]
 */
import { openTrace } from "../../lib/trace/open.ts";
import { makePerfData } from "./make_perf_data.ts";
import { printTimings, sideBySide } from "./side_by_side.ts";

const MAIN = new URL("../../lib/cli/main.ts", import.meta.url).pathname;

const made = Deno.args[0] === undefined ? await Deno.makeTempFile({ suffix: ".perf.data" }) : undefined;
const path = Deno.args[0] ?? made!;
try {
  if (made !== undefined) await makePerfData(made, 200e6);
  const { counts } = await openTrace(path, { lazy: true });
  const samples = [...counts.values()].reduce((sum, count) => sum + count, 0);
  console.log(`${samples} samples, ${(Deno.statSync(path).size / 1e6).toFixed(0)} MB, 5 rounds side by side`);
  const timings = await sideBySide([
    { name: "perf script", program: "perf", args: ["script", "-i", path] },
    { name: "schedscope info", program: Deno.execPath(), args: ["run", "-A", MAIN, "info", path] },
  ]);
  printTimings(timings, "15 x is the aim");
} finally {
  if (made !== undefined) await Deno.remove(made);
}
