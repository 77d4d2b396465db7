import { formatNs } from "../../frame/format_ns.ts";
import { load } from "../../sched/load/cpu_load.ts";
import { idleWhileOverloaded } from "../../sched/load/idle_while_overloaded.ts";
import { runqueueDepth } from "../../sched/load/runqueue_depth.ts";
import { plotRunqueueDepth } from "../plot_runqueue_depth.ts";
import type { PageSection } from "../render_page.ts";
import type { Story } from "./story.ts";

const COLUMNS = [
  "cpu",
  "busy",
  "unknown",
  "utilization",
  "switches_per_s",
  "waited",
  "mean_depth",
  "max_depth",
] as const;

/** What the CPUs did, and whether they lay idle while threads waited. */
export function loadSection({ trace, figures, rows }: Story): PageSection {
  const cpus = load(trace);
  const idle = idleWhileOverloaded(trace).row(0);
  figures["load"] = { cpus: cpus.toJSON(), idle_while_overloaded: idle };
  return {
    heading: "Load",
    prose:
      "What each CPU did. waited is the time that threads stood in its queue, depth the number of threads that it had to run.",
    facts: {
      "a CPU idle while another had a queue": formatNs(idle.wall_time),
      "the same, CPUs added up": formatNs(idle.per_cpu_time),
      "the same, waiting threads added up": formatNs(idle.per_thread_time),
    },
    figures: [plotRunqueueDepth(runqueueDepth(trace))],
    frames: [cpus.select(...COLUMNS)],
    limit: Math.max(rows, 64),
  };
}
