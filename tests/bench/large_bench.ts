/**
 * What large recordings cost: the time and the peak memory of a full open by one and by several threads, of a window, of a scan
 * and of the commands, each in a process of its own, beside a process that does nothing. Prints; never fails by time.
 *
 * deno run -A tests/bench/large_bench.ts [perf.data | megabytes]    default: 500 MB are made
 */
import { makePerfData } from "./make_perf_data.ts";
import { median } from "./side_by_side.ts";

const ROUNDS = 5;
const OPEN = new URL("../../lib/trace/open.ts", import.meta.url).href;
const SCAN = new URL("../../lib/trace/scan.ts", import.meta.url).href;
const MAIN = new URL("../../lib/cli/main.ts", import.meta.url).pathname;

const size = Number(Deno.args[0] ?? 500);
const made = Number.isNaN(size) ? undefined : await Deno.makeTempFile({ suffix: ".perf.data" });
const path = made ?? Deno.args[0]!;

/** Programs; each gets the path as its argument. */
const programs: Readonly<Record<string, string>> = {
  "nothing": "",
  "openTrace, 1 thread": `const { openTrace } = await import("${OPEN}");
    (await openTrace(Deno.args[0], { workers: 1 })).stream.length;`,
  "openTrace, 2 threads": `const { openTrace } = await import("${OPEN}");
    (await openTrace(Deno.args[0], { workers: 2 })).stream.length;`,
  "openTrace, a window of 100 ms": `const { openTrace } = await import("${OPEN}");
    const lazy = { window: { from: 2e9, to: 2.1e9 } };
    (await openTrace(Deno.args[0], lazy)).switches.length;`,
  "scanTrace, all columns": `const { scanTrace } = await import("${SCAN}");
    let rows = 0;
    for await (const batch of scanTrace(Deno.args[0], { event: "sched:sched_switch" })) rows += batch.length;`,
};

/** Wall time (ms) and peak memory (MiB) of one process. */
async function run(args: string[]): Promise<{ time: number; peak: number }> {
  const start = performance.now();
  const { success, stderr } = await new Deno.Command("/usr/bin/time", {
    args: ["-f", "%M", ...args],
    stdout: "null",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stderr).trim();
  if (!success) throw new Error(`${args.join(" ")} failed: ${text}`);
  return { time: performance.now() - start, peak: Number(text.split("\n").at(-1)) / 1024 };
}

const dir = await Deno.makeTempDir();
try {
  if (made !== undefined) console.log(await makePerfData(made, size * 1e6));
  const commands: Record<string, string[]> = {};
  for (const [name, code] of Object.entries(programs)) {
    const file = `${dir}/${Object.keys(commands).length}.ts`;
    await Deno.writeTextFile(file, code);
    commands[name] = [Deno.execPath(), "run", "-A", "--no-check", file, path];
  }
  for (const command of [["info"], ["timehist", "-s"], ["timehist"]]) {
    commands[`schedscope ${command.join(" ")}`] = [Deno.execPath(), "run", "-A", MAIN, ...command, path];
  }
  const bytes = Deno.statSync(path).size;
  console.log(`${(bytes / 1e6).toFixed(0)} MB, medians of ${ROUNDS}`);
  for (const [name, args] of Object.entries(commands)) {
    const rounds: { time: number; peak: number }[] = [];
    for (let round = 0; round < ROUNDS; round++) rounds.push(await run(args));
    const time = median(rounds.map((round) => round.time));
    const peak = Math.max(...rounds.map((round) => round.peak));
    console.log(
      `${name.padEnd(32)} ${time.toFixed(0).padStart(6)} ms, peak ${peak.toFixed(0).padStart(5)} MiB = ` +
        `${(peak * 2 ** 20 / bytes).toFixed(2)} x the file`,
    );
  }
} finally {
  await Deno.remove(dir, { recursive: true });
  if (made !== undefined) await Deno.remove(made);
}
