/**
 * How fast `perf script` text is read, in MB/s, beside programs that only look at its lines, in one run. Prints; never fails by
 * time.
 *
 * deno run -A tests/bench/text_bench.ts [perf script text]
 */
import { openTrace } from "../../lib/trace/open.ts";

const MAIN = new URL("../../lib/cli/main.ts", import.meta.url).pathname;
const EVENTS = ["switch", "waking", "wakeup_new", "migrate_task"].map((name) => `sched:sched_${name}`).join(
  ",",
);
const SAMPLES = 1_500_000;
const ROUNDS = 5;

async function run(program: string, args: string[], stdout: "null" | "piped" = "null"): Promise<Uint8Array> {
  const { success, stdout: out } = await new Deno.Command(program, { args, stdout: "piped", stderr: "null" })
    .output();
  if (!success) throw new Error(`${program} ${args.join(" ")} failed`);
  return stdout === "null" ? new Uint8Array() : out;
}

async function makeText(path: string): Promise<void> {
  const data = `${path}.data`;
  try {
    for (let loops = 4000;; loops *= 2) {
      const program = ["perf", "bench", "sched", "messaging", "-g", "10", "-l", String(loops)];
      await run("perf", ["record", "-q", "-a", "-m", "16384", "-e", EVENTS, "-o", data, "--", ...program]);
      if ((await openTrace(data)).stream.length >= SAMPLES) break;
    }
    await run("sh", ["-c", 'perf script -i "$0" > "$1"', data, path]);
  } finally {
    await Deno.remove(data).catch(() => {});
  }
}

const made = Deno.args[0] === undefined ? await Deno.makeTempFile({ suffix: ".txt" }) : undefined;
const path = Deno.args[0] ?? made!;
try {
  if (made !== undefined) await makeText(made);
  const { size } = await Deno.stat(path);
  const rows = (await openTrace(path)).stream.length;
  console.log(`${rows} rows, ${(size / 1e6).toFixed(0)} MB, medians of ${ROUNDS} rounds side by side`);
  const works: Record<string, () => Promise<unknown>> = {
    "openTrace, warm": () => openTrace(path),
    "schedscope info": () => run(Deno.execPath(), ["run", "-A", MAIN, "info", path]),
    "wc -l": () => run("wc", ["-l", path]),
    "grep -c sched_switch": () => run("grep", ["-c", "sched_switch", path]),
    "mawk, sum of one field": () => run("mawk", ["{ n += $2 } END { print n }", path]),
  };
  const times: Record<string, number[]> = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, work] of Object.entries(works)) {
      const start = performance.now();
      await work();
      (times[name] ??= []).push(performance.now() - start);
    }
  }
  const median = (values: number[]) => values.toSorted((x, y) => x - y)[values.length >> 1]!;
  const ours = median(times["openTrace, warm"]!);
  for (const [name, values] of Object.entries(times)) {
    const time = median(values);
    const rate = `${(size / time / 1000).toFixed(0)} MB/s`;
    console.log(
      `${name.padEnd(24)} ${time.toFixed(0).padStart(6)} ms  ${rate.padStart(9)}  ${
        (time / ours).toFixed(2)
      } of openTrace's time` + (name.startsWith("openTrace") ? " (300 MB/s is the aim)" : ""),
    );
  }
} finally {
  if (made !== undefined) await Deno.remove(made);
}
