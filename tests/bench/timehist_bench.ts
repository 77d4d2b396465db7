/**
 * Compares `schedscope timehist -s` with `perf sched timehist -s`, and both with all rows printed (to /dev/null), as whole
 * processes side by side in one run, and tells how fast a warm process opens and analyses. Prints; never fails by time.
 *
 * deno run -A tests/bench/timehist_bench.ts [perf.data]
 */
import { openTrace } from "../../lib/trace/open.ts";
import { timehist } from "../../lib/sched/timehist/timehist.ts";
import { summarizeFile } from "../../lib/sched/timehist/summarize_file.ts";

import { makeMessagingRecording } from "./messaging_recording.ts";
import { printTimings, sideBySide } from "./side_by_side.ts";
import { addToTable } from "./closing_table.ts";

const MAIN = new URL("../../lib/cli/main.ts", import.meta.url).pathname;
const ROUNDS = 9;

async function wall(program: string, args: string[]): Promise<number> {
  const start = performance.now();
  const { success } = await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output();
  if (!success) throw new Error(`${program} ${args.join(" ")} failed`);
  return performance.now() - start;
}

const median = (times: number[]) => times.toSorted((x, y) => x - y)[times.length >> 1]!;
const ms = (time: number) => `${time.toFixed(0)} ms`;

const made = Deno.args[0] === undefined ? await Deno.makeTempFile({ suffix: ".perf.data" }) : undefined;
const path = Deno.args[0] ?? made!;
try {
  if (made !== undefined) await makeMessagingRecording(made);
  const { length } = (await openTrace(path)).stream;
  const { size } = await Deno.stat(path);
  console.log(`${length} rows, ${(size / 1e6).toFixed(0)} MB, ${ROUNDS} rounds side by side`);

  const perf: number[] = [];
  const ours: number[] = [];
  const compat: number[] = [];
  const command = ["run", "-A", MAIN, "timehist", "-s"];
  for (let round = 0; round < ROUNDS; round++) {
    perf.push(await wall("perf", ["sched", "timehist", "-s", "-i", path]));
    ours.push(await wall(Deno.execPath(), [...command, path]));
    compat.push(await wall(Deno.execPath(), [...command, "--rules", "perf-6.1", path]));
  }
  const ratio = (times: number[]) => (median(times.map((time, i) => time / perf[i]!))).toFixed(2);
  addToTable({
    work: "schedscope timehist -s",
    peer: "perf sched timehist -s",
    theirs: median(perf),
    ours: median(ours),
    unit: "ms",
  });
  console.log(
    `perf sched timehist -s               median ${ms(median(perf))}, best ${ms(Math.min(...perf))}`,
  );
  console.log(
    `schedscope timehist -s               median ${ms(median(ours))}, best ${ms(Math.min(...ours))}, ` +
      `ratio ${ratio(ours)} (at most 0.50 is the aim)`,
  );
  console.log(
    `schedscope timehist -s, perf's rules median ${ms(median(compat))}, best ${ms(Math.min(...compat))}, ` +
      `ratio ${ratio(compat)}`,
  );

  const full = await sideBySide([
    { name: "perf sched timehist", program: "perf", args: ["sched", "timehist", "-i", path] },
    { name: "schedscope timehist", program: Deno.execPath(), args: ["run", "-A", MAIN, "timehist", path] },
  ]);
  printTimings(full, "2 x is the aim");

  for (
    const [name, work] of [
      ["openTrace + timehist", async () => void timehist(await openTrace(path))],
      ["summarizeFile", async () => void await summarizeFile(path)],
    ] as const
  ) {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const start = performance.now();
      await work();
      times.push(performance.now() - start);
    }
    const rate = (time: number) => `${(length / time / 1000).toFixed(1)} M/s`;
    console.log(
      `warm ${name}: median ${rate(median(times))}, best ${rate(Math.min(...times))} (10 M/s is the aim)`,
    );
  }
} finally {
  if (made !== undefined) await Deno.remove(made);
}
