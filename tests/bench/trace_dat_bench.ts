/**
 * Compares the process `schedscope info FILE` with `trace-cmd report -i FILE >/dev/null`, side by side in one run, for each
 * kind of trace.dat that trace-cmd makes here. Prints; never fails by time.
 *
 * deno run -A tests/bench/trace_dat_bench.ts [trace.dat]
 */
import { startTracefs } from "../../lib/trace/record/tracefs.ts";
import { openTrace } from "../../lib/trace/open.ts";
import { writeTraceDat } from "../../lib/trace/trace_dat/mod.ts";

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
    console.log(
      `${path.slice(path.lastIndexOf("/") + 1)}: ${events} events, ${(size / 1e6).toFixed(0)} MB: ` +
        `trace-cmd report ${ms(median(theirs))}, schedscope info ${ms(median(ours))}, ratio ${
          (median(theirs) / median(ours)).toFixed(1)
        } (at least 15 is the aim)`,
    );
  }
} finally {
  await Deno.remove(directory, { recursive: true });
}
