/**
 * How much faster a trace is opened the second time, out of the cache: the open alone, with all that `info` prints, and with every
 * column of the stream. Of a recording and of its text, and both packed. Prints; never fails by time.
 *
 * deno run -A tests/bench/cache_bench.ts [perf.data]
 */
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { openTrace } from "../../lib/trace/open.ts";
import type { Trace } from "../../lib/trace/trace.ts";

const EVENTS = ["switch", "waking", "wakeup_new", "migrate_task"].map((name) => `sched:sched_${name}`).join(
  ",",
);
const SAMPLES = 1_500_000;
const ROUNDS = 5;

async function run(program: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output();
  if (!success) throw new Error(`${program} ${args.join(" ")} failed`);
}

async function record(path: string): Promise<void> {
  for (let loops = 4000;; loops *= 2) {
    const program = ["perf", "bench", "sched", "messaging", "-g", "10", "-l", String(loops)];
    await run("perf", "record", "-q", "-a", "-m", "16384", "-e", EVENTS, "-o", path, "--", ...program);
    if ((await openTrace(path)).stream.length >= SAMPLES) return;
  }
}

/** What is done with an open trace; each is measured with the open before it. */
const WORKS: Readonly<Record<string, (trace: Trace) => unknown>> = {
  "open": () => undefined,
  "open and info": (
    { quality, span, counts },
  ) => [quality.lost, span, counts, quality.coverage.column("share")],
  "open and stream": ({ stream: { kind, ts, cpu, pid, tid, a, b, c } }) => [kind, ts, cpu, pid, tid, a, b, c],
  "open and switches": ({ switches }) => switches.names.map((name) => switches.column(name)),
};

async function timed(path: string, cache: string | false, work: (trace: Trace) => unknown): Promise<number> {
  const start = performance.now();
  work(await openTrace(path, { cache }));
  return performance.now() - start;
}

const median = (values: number[]) => values.toSorted((x, y) => x - y)[values.length >> 1]!;
const directory = await Deno.makeTempDir();
try {
  const data = Deno.args[0] ?? `${directory}/perf.data`;
  if (Deno.args[0] === undefined) await record(data);
  const text = `${directory}/script.txt`;
  await run("sh", "-c", 'perf script --ns -i "$0" > "$1"', data, text);
  const paths = [data, text];
  for (const path of [data, text]) {
    const bytes = await Deno.readFile(path);
    const zst = `${directory}/${path.split("/").at(-1)}.zst`;
    await Deno.writeFile(
      zst,
      zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }),
    );
    await Deno.writeFile(zst.replace(/zst$/, "gz"), gzipSync(bytes, { level: 1 }));
    paths.push(zst, zst.replace(/zst$/, "gz"));
  }
  console.log("medians in ms                        without cache  with cache  ratio (10 is the aim)");
  for (const path of paths) {
    const cache = `${directory}/cache`;
    const start = performance.now();
    const rows = (await openTrace(path, { cache })).stream.length;
    const made = performance.now() - start;
    const { size } = await Deno.stat(path);
    console.log(
      `${path.split("/").at(-1)}: ${rows} rows, ${(size / 1e6).toFixed(0)} MB; made in ${made.toFixed(0)} ms`,
    );
    for (const [name, work] of Object.entries(WORKS)) {
      const times: { plain: number[]; cached: number[] } = { plain: [], cached: [] };
      for (let round = 0; round < ROUNDS; round++) {
        times.plain.push(await timed(path, false, work));
        times.cached.push(await timed(path, cache, work));
      }
      const [plain, cached] = [median(times.plain), median(times.cached)];
      console.log(
        `  ${name.padEnd(30)} ${plain.toFixed(1).padStart(16)} ${cached.toFixed(1).padStart(11)} ${
          (plain / cached).toFixed(1).padStart(6)
        }`,
      );
    }
    await Deno.remove(cache, { recursive: true });
  }
} finally {
  await Deno.remove(directory, { recursive: true });
}
