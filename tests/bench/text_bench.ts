/**
 * How fast texts of `perf script`, ftrace and `trace-cmd report` are read, in MB/s, beside programs that only look at its lines, in one run. Prints; never fails by
 * time.
 *
 * deno run -A tests/bench/text_bench.ts [text]
 */
import { openTrace } from "../../lib/trace/open.ts";
import { startTracefs } from "../../lib/trace/record/tracefs.ts";
import { writeTraceDat } from "../../lib/trace/trace_dat/mod.ts";

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

/** What ftrace prints of a recording by tracefs, and what `trace-cmd report` does; the paths. */
async function makeFtraceTexts(directory: string): Promise<[string, string]> {
  for (let loops = 2000;; loops *= 2) {
    await using recorder = await startTracefs({
      output: `${directory}/t.tracefs`,
      bufferKb: 131072,
      drainEvery: 0,
    });
    await run("perf", ["bench", "sched", "messaging", "-g", "10", "-l", String(loops)]);
    await Deno.writeTextFile(`${recorder.instanceDir}/tracing_on`, "0");
    await run("sh", ["-c", 'cat "$0" > "$1"', `${recorder.instanceDir}/trace`, `${directory}/ftrace.txt`]);
    const capture = await recorder.stop();
    if (capture.events < SAMPLES / 3) continue;
    await writeTraceDat(capture.path, `${directory}/t.dat`);
    await run("sh", [
      "-c",
      'trace-cmd report -i "$0" > "$1"',
      `${directory}/t.dat`,
      `${directory}/report.txt`,
    ]);
    return [`${directory}/ftrace.txt`, `${directory}/report.txt`];
  }
}

async function compare(what: string, path: string): Promise<void> {
  const { size } = await Deno.stat(path);
  const rows = (await openTrace(path)).stream.length;
  console.log(
    `${what}: ${rows} rows, ${(size / 1e6).toFixed(0)} MB, medians of ${ROUNDS} rounds side by side`,
  );
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
      } of openTrace's time` + (/^openTrace|info/.test(name) ? " (300 MB/s is the aim)" : ""),
    );
  }
}

if (Deno.args[0] !== undefined) await compare(Deno.args[0], Deno.args[0]);
else {
  const directory = await Deno.makeTempDir();
  try {
    const script = `${directory}/script.txt`;
    await makeText(script);
    await compare("perf script", script);
    await Deno.remove(script);
    const [ftrace, report] = await makeFtraceTexts(directory);
    await compare("ftrace's trace", ftrace);
    await compare("trace-cmd report", report);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
