import assert from "node:assert/strict";
import { type PerfLatencyOptions, writePerfLatency } from "../../../lib/sched/latency/perf_6_1.ts";
import { ByteWriter } from "../../../lib/sched/timehist/byte_writer.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { record, type RecordingPlan, recordings } from "../timehist/recordings.ts";

const PLANS: readonly RecordingPlan[] = [
  ...recordings,
  {
    name: "wakeups and run times, without sched_waking",
    perf: [
      "record",
      "-q",
      "-a",
      "-m",
      "2048",
      "-e",
      "sched:sched_switch,sched:sched_wakeup,sched:sched_wakeup_new,sched:sched_stat_runtime",
    ],
    program: ["perf", "bench", "sched", "messaging", "-g", "2", "-l", "100"],
  },
];

const CASES: readonly [args: string[], options: PerfLatencyOptions][] = [
  [[], {}],
  [["-p"], { byThread: true }],
  [["-s", "max"], { sort: ["max"] }],
  [["-p", "-s", "runtime,switch"], { byThread: true, sort: ["runtime", "switch"] }],
];

/** Threads of the same tid come in the order of their addresses in perf's memory, where nothing else tells them apart. */
const REUSED = /tid that is used again/;

for (const plan of PLANS) {
  Deno.test(`latency --rules perf-6.1 equals perf: ${plan.name}`, async () => {
    const directory = await Deno.makeTempDir();
    try {
      const path = `${directory}/perf.data`;
      await record(plan, path);
      const trace = await openTrace(path);
      for (const [args, options] of CASES) {
        const { stdout } = await new Deno.Command("perf", {
          args: ["sched", "latency", "-i", path, ...args],
          stderr: "null",
        }).output();
        const [ours, perfs] = [lines(output(trace, options)), lines(stdout)];
        if (REUSED.test(plan.name)) {
          ours.sort();
          perfs.sort();
        }
        assert.deepEqual(ours, perfs, args.join(" "));
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

function output(trace: Trace, options: PerfLatencyOptions): Uint8Array {
  const blocks: Uint8Array[] = [];
  const out = new ByteWriter((block) => blocks.push(block.slice()));
  writePerfLatency(trace, out, options);
  out.flush();
  return new Uint8Array(blocks.flatMap((block) => [...block]));
}

/** A line for each line, a character for each byte; without the one on lost events, which is documented to be left out. */
function lines(bytes: Uint8Array): string[] {
  return new TextDecoder("latin1").decode(bytes).split("\n").filter((line) => !/% lost events/.test(line));
}
