import { latency } from "../../sched/latency/latency.ts";
import { waits } from "../../sched/latency/waits.ts";
import { plotWaitDistribution } from "../plot_wait_distribution.ts";
import type { PageSection } from "../render_page.ts";
import { linked, type Story } from "./story.ts";

const COLUMNS = [
  "comm",
  "threads",
  "run",
  "count",
  "p50_delay",
  "p99_delay",
  "max_delay",
  "max_from",
  "censored",
] as const;

/** How long the threads of each name waited for a CPU once they wanted one. */
export function latencySection(story: Story): PageSection {
  const { trace, figures, rows } = story;
  const all = latency(trace, { by: "comm" });
  const worst = all.head(rows);
  figures["latency"] = { tasks: all.length, worst: worst.toJSON() };
  const [from, dur] = [worst.column("max_from"), worst.column("max_delay")];
  return {
    heading: "Latency by task",
    prose:
      "How long threads waited for a CPU once they wanted one, by name; the longest single delay first, with when it began. " +
      "A delay begins when the thread is woken or loses its CPU while runnable, and ends when it runs; percentiles are exact.",
    figures: [plotWaitDistribution(waits(trace))],
    frames: [linked(worst.select(...COLUMNS), story, (row) => ({ ts: from[row]!, dur: dur[row]! }))],
    limit: rows,
  };
}
