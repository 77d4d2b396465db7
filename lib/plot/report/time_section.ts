import { summary } from "../../sched/summary.ts";
import { plotStateShare } from "../plot_state_share.ts";
import type { PageSection } from "../render_page.ts";
import { grouped, type Story } from "./story.ts";

const COLUMNS = [
  "comm",
  "threads",
  "run",
  "share",
  "wait",
  "sleeping",
  "blocked",
  "unknown",
] as const;

/** What threads did with their time. */
export function timeSection({ trace, figures, rows }: Story): PageSection {
  const all = summary(trace, { by: "comm" });
  const most = all.head(rows);
  figures["time"] = { groups: all.length, most: most.toJSON() };
  const threads = all.column("threads").reduce((sum, count) => sum + count, 0);
  return {
    heading: "Where the time went",
    prose:
      `What ${
        grouped(threads)
      } threads did with their time, by name; those that ran most first. run, wait, sleep, blocked and ` +
      "unknown are sums over the threads of the name; share is run as a share of the wall time (1 is one CPU all the time).",
    figures: [plotStateShare(all, { limit: 12 })],
    frames: [most.select(...COLUMNS)],
    limit: rows,
  };
}
