/**
 * Measures what other programs measure, on the same CPU in turn: gaps against oslat, wake-ups against cyclictest, handing a token on against
 * perf bench sched pipe. Prints; never fails by figures.
 *
 *     deno run -A tests/bench/peers_bench.ts [rounds]
 */
import { allowedCpus } from "../../lib/bench/allowed_cpus.ts";
import { reflexSettings } from "../../lib/bench/reflex/reflex_options.ts";
import { reflexRun } from "../../lib/bench/reflex/reflex_run.ts";
import { spin } from "../../lib/bench/spin.ts";
import { findProgram } from "../../lib/tools/apt.ts";
import { addToTable } from "./closing_table.ts";
import { median } from "./side_by_side.ts";

const rounds = Number(Deno.args[0] ?? "5");
const cpu = allowedCpus().at(-1)!;

/** What a program prints, or writes to `@` in its arguments. */
async function printed(program: string, ...args: string[]): Promise<string> {
  const file = await Deno.makeTempFile();
  try {
    const { stdout } = await new Deno.Command(program, {
      args: args.map((arg) => arg.replace("@", file)),
      stdin: "null",
      stderr: "null",
    }).output();
    return args.some((arg) => arg.includes("@"))
      ? await Deno.readTextFile(file)
      : new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(file);
  }
}

/** A histogram of whole us, as the programs of rt-tests write it: `{"histogram": {"12": 3, ...}}`. */
function histogramOf(json: string): [us: number, count: number][] {
  const thread = Object.values(JSON.parse(json).thread)[0] as { histogram: Record<string, number> };
  return Object.entries(thread.histogram).map(([us, count]) => [Number(us), count]);
}

async function oslatGaps(): Promise<number> {
  const json = await printed("oslat", "-q", "-c", String(cpu), "-D", "1", "-b", "1024", "--json=@");
  return histogramOf(json).reduce((sum, [us, count]) => us >= 10 ? sum + count : sum, 0);
}

async function spinGaps(): Promise<number> {
  const result = await spin({
    threads: 1,
    cpus: [cpu],
    pin: true,
    burst: 1e9,
    maxSleep: 0,
    duration: 1e9,
    threshold: 10_000,
    maxGap: 0,
    brackets: 1,
    bracket: 20e6,
  });
  return result.threads.column("run_gaps")[0]!;
}

async function cyclictestWake(): Promise<number> {
  const args = [
    // Leaves /dev/cpu_dma_latency alone, as spin does: at 0 idle CPUs poll, and wake-ups take a third of the time.
    "--laptop",
    "-q",
    "-D",
    "1",
    "-t",
    "1",
    "-a",
    String(cpu),
    "-i",
    "1000",
    "-h",
    "2000",
    "--policy",
    "fifo",
    "-p",
    "1",
  ];
  const rows = histogramOf(await printed("cyclictest", ...args, "--json=@")).sort(([x], [y]) => x - y);
  let left = rows.reduce((sum, [, count]) => sum + count, 0) / 2;
  return rows.find(([, count]) => (left -= count) <= 0)?.[0] ?? NaN;
}

async function sleeper(maxSleep: number, duration: number) {
  return await spin({
    threads: 1,
    cpus: [cpu],
    pin: true,
    policy: "fifo:1", // as cyclictest: other policies have the timer's slack of 50 us on top
    burst: 1000,
    maxSleep,
    duration,
    maxGap: 0,
    brackets: 1,
    bracket: 20e6,
  });
}

async function spinWake(): Promise<number> {
  // A thread draws its sleep once. As long as cyclictest's: who sleeps longer is in a deeper sleep, of the machine or of its host.
  const drawn = (await sleeper(2e6, 20e6)).threads.column("sleep")[0]!;
  const result = await sleeper(Math.round(1e6 * 2e6 / drawn), 1e9);
  return result.histogram.wake.percentile(0.5) / 1000;
}

async function perfPipe(): Promise<number> {
  // The time of so many messages there and back, in s: two hand-overs each.
  const bench = ["perf", "bench", "-f", "simple", "sched", "pipe", "-l", "50000"];
  const seconds = await printed("taskset", "-c", String(cpu), ...bench);
  return Number(seconds.trim()) * 1e6 / 100_000;
}

async function reflexPipe(): Promise<number> {
  const run = await reflexRun(
    reflexSettings({ children: 2, active: 1, weight: 100, duration: 5e8, cpus: [cpu] }),
    0,
    0,
    undefined,
  );
  return run.us_per_round;
}

for (
  const [work, ours, peer, program, theirs, unit] of [
    ["spin: gaps over 10 us in a second", spinGaps, "oslat", "oslat", oslatGaps, ""],
    ["spin: median lateness of wake-ups", spinWake, "cyclictest", "cyclictest", cyclictestWake, "us"],
    ["reflex: a token handed on, one CPU", reflexPipe, "perf bench sched pipe", "perf", perfPipe, "us"],
  ] as const
) {
  const here = findProgram(program) !== undefined;
  const [own, other]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    // In turn, each first in every other round.
    if (here && round % 2 === 1) other.push(await theirs());
    own.push(await ours());
    if (here && round % 2 === 0) other.push(await theirs());
  }
  const range = (values: number[]) =>
    values.length === 0
      ? "not here"
      : `${median(values).toPrecision(3)} (${Math.min(...values).toPrecision(3)} to ${
        Math.max(...values).toPrecision(3)
      }) ${unit}`;
  console.log(`${work}: ${range(own)}; ${peer}: ${range(other)}`);
  addToTable({ work, peer, theirs: here ? median(other) : null, ours: median(own), unit });
}
