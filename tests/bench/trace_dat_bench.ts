/**
 * Compares the process `schedscope info FILE` with `trace-cmd report -i FILE >/dev/null`, side by side in one run, for each
 * kind of trace.dat that trace-cmd makes here, and says how many events a second a warm reader opens, with and without the
 * stream of all of them, and scans. Prints; never fails by time.
 *
 * deno run -A tests/bench/trace_dat_bench.ts [trace.dat]
 */
import { startTracefs } from "../../lib/trace/record/tracefs.ts";
import { openTrace } from "../../lib/trace/open.ts";
import { scanTrace } from "../../lib/trace/scan.ts";
import { writeTraceDat } from "../../lib/trace/trace_dat/mod.ts";
import { addToTable } from "./closing_table.ts";

const MAIN = new URL("../../lib/cli/main.ts", import.meta.url).pathname;
const SAMPLES = 1_500_000;
const ROUNDS = 5;

async function wall(program: string, args: string[]): Promise<number> {
  const start = performance.now();
  const { success } = await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output();
  if (!success) throw new Error(`${program} ${args.join(" ")} failed`);
  return performance.now() - start;
}

/** Records until there are enough events; the path of a trace.dat of version 6. */
async function makeRecording(directory: string): Promise<string> {
  const path = `${directory}/v6.dat`;
  for (let loops = 4000;; loops *= 2) {
    await using recorder = await startTracefs({ output: `${directory}/bench.tracefs`, bufferKb: 65536 });
    const args = ["bench", "sched", "messaging", "-g", "10", "-l", String(loops)];
    await new Deno.Command("perf", { args, stdout: "null", stderr: "null" }).output();
    const capture = await recorder.stop();
    if (capture.events < SAMPLES) continue;
    await writeTraceDat(capture.path, path);
    await Deno.remove(capture.path, { recursive: true });
    return path;
  }
}

async function converted(directory: string, from: string, packing: string): Promise<string> {
  const path = `${directory}/v7-${packing}.dat`;
  await wall("trace-cmd", [
    "convert",
    "-i",
    from,
    "-o",
    path,
    "--file-version",
    "7",
    "--compression",
    packing,
  ]);
  return path;
}

/** Milliseconds that `work` takes when it was done before, a median. */
async function warm(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const start = performance.now();
    await work();
    if (round > 0) times.push(performance.now() - start);
  }
  return median(times);
}

async function countRows(path: string): Promise<number> {
  let rows = 0;
  for await (const batch of scanTrace(path, { event: "sched:sched_switch" })) rows += batch.length;
  return rows;
}

const median = (times: number[]) => times.toSorted((x, y) => x - y)[times.length >> 1]!;
const ms = (time: number) => `${time.toFixed(0)} ms`;

const directory = await Deno.makeTempDir();
try {
  const files: string[] = [];
  if (Deno.args[0] !== undefined) files.push(Deno.args[0]);
  else {
    const linear = await makeRecording(directory);
    files.push(
      linear,
      await converted(directory, linear, "none"),
      await converted(directory, linear, "zstd"),
    );
  }
  for (const path of files) {
    const { counts } = await openTrace(path);
    const events = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const { size } = await Deno.stat(path);
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      theirs.push(await wall("trace-cmd", ["report", "-i", path]));
      ours.push(await wall(Deno.execPath(), ["run", "-A", MAIN, "info", path]));
    }
    addToTable({
      work: `schedscope info ${path.slice(path.lastIndexOf("/") + 1)}`,
      peer: "trace-cmd report",
      theirs: median(theirs),
      ours: median(ours),
      unit: "ms",
    });
    console.log(
      `${path.slice(path.lastIndexOf("/") + 1)}: ${events} events, ${(size / 1e6).toFixed(0)} MB: ` +
        `trace-cmd report ${ms(median(theirs))}, schedscope info ${ms(median(ours))}, ratio ${
          (median(theirs) / median(ours)).toFixed(1)
        } (at least 15 is the aim)`,
    );
    const rate = (time: number) => `${(events / time / 1000).toFixed(1)} M events/s`;
    console.log(
      `  warm: openTrace ${rate(await warm(() => openTrace(path)))}, with its stream ${
        rate(await warm(async () => (await openTrace(path)).stream))
      }, scan of every switch ${rate(await warm(() => countRows(path)))}`,
    );
  }
} finally {
  await Deno.remove(directory, { recursive: true });
}
