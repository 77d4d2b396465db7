/**
 * How long each analysis takes on a recording of at least 1.5 M samples, beside `perf sched latency` on the same file. Prints; never
 * fails by time.
 *
 * `fresh`: the runtime is warm, and of the trace nothing is kept but its events. `again`: what analyses share (who did what when) was made by
 * an earlier one, as in a notebook. Medians of five.
 *
 *     deno run -A tests/bench/analyses_bench.ts [perf.data]
 */
import * as sched from "../../lib/sched/mod.ts";
import { openTrace } from "../../lib/trace/open.ts";
import type { Trace } from "../../lib/trace/trace.ts";
import { makeMessagingRecording } from "./messaging_recording.ts";
import { sideBySide } from "./side_by_side.ts";

const ROUNDS = 5;

const busiest = (trace: Trace) => sched.latency(trace).sort("run", { descending: true }).row(0).tid;
let tid = -1;

const ANALYSES: Readonly<Record<string, (trace: Trace) => unknown>> = {
  "states + gaps": (trace) => [sched.states(trace), sched.gaps(trace)],
  "states": sched.states,
  "gaps (>= 1 ms, the longest 10,000 explained)": (trace) => sched.gaps(trace),
  "ledger": (trace) => sched.ledger(trace),
  "runs": (trace) => sched.runs(trace),
  "summary": (trace) => sched.summary(trace),
  "latency": (trace) => sched.latency(trace),
  "delayHistogram": (trace) => sched.delayHistogram(trace),
  "wakeupDelays": (trace) => sched.wakeupDelays(trace),
  "criticalPath": (trace) => sched.criticalPath(trace, tid, trace.span.from, trace.span.to),
  "load": (trace) => sched.load(trace),
  "runqueueDepth": (trace) => sched.runqueueDepth(trace),
  "idleWhileOverloaded": (trace) => sched.idleWhileOverloaded(trace),
  "workConservation": (trace) => sched.workConservation(trace),
  "migrations": (trace) => sched.migrations(trace),
  "fairness": (trace) => sched.fairness(trace),
  "lag": (trace) => sched.lag(trace),
  "jain": (trace) => sched.jain(trace),
  "starvation": (trace) => sched.starvation(trace),
  "exposure (by process, cores 0,1)": (trace) =>
    sched.exposure(trace, { groups: "process", cores: [[0, 1]] }),
  "forcedIdle (by process, cores 0,1)": (trace) =>
    sched.forcedIdle(trace, { groups: "process", cores: [[0, 1]] }),
};

const median = (times: readonly number[]) => times.toSorted((x, y) => x - y)[times.length >> 1]!;
const ms = (time: number) => `${time.toFixed(0)} ms`.padStart(8);

/** The trace with all that every analysis reads, and nothing that one made. */
async function opened(path: string): Promise<Trace> {
  const trace = await openTrace(path);
  trace.quality;
  const { switches } = trace;
  for (const name of switches.names) switches.column(name);
  return trace;
}

const made = Deno.args[0] === undefined ? await Deno.makeTempFile({ suffix: ".perf.data" }) : undefined;
const path = Deno.args[0] ?? made!;
try {
  if (made !== undefined) await makeMessagingRecording(made);
  const kept = await opened(path);
  const { length } = kept.stream;
  tid = busiest(kept);
  const [perf] = await sideBySide([{
    name: "perf",
    program: "perf",
    args: ["sched", "latency", "-i", path],
  }]);
  console.log(`${length} samples, ${(Deno.statSync(path).size / 1e6).toFixed(0)} MB`);
  console.log(`${ms(perf!.median)}           perf sched latency, the whole process`);
  console.log("   fresh     again");
  for (const [name, analyse] of Object.entries(ANALYSES)) {
    const fresh: number[] = [];
    const again: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const trace = await opened(path);
      for (const [into, of] of [[fresh, trace], [again, kept]] as const) {
        const start = performance.now();
        analyse(of);
        into.push(performance.now() - start);
      }
    }
    const aim = name === "states + gaps" ? "1 s is the aim" : "0.5 s";
    console.log(`${ms(median(fresh))}  ${ms(median(again))}  ${name} (${aim})`);
  }
} finally {
  if (made !== undefined) await Deno.remove(made);
}
