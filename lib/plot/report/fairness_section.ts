import { formatNs } from "../../frame/format_ns.ts";
import { fairness } from "../../sched/fairness/fairness.ts";
import { jain } from "../../sched/fairness/jain.ts";
import { lag } from "../../sched/fairness/lag.ts";
import { starvation } from "../../sched/fairness/starvation.ts";
import { plotJain } from "../plot_jain.ts";
import { plotLag } from "../plot_lag.ts";
import type { PageSection } from "../render_page.ts";
import { grouped, linked, type Story } from "./story.ts";

const COLUMNS = [
  "name",
  "weight",
  "demand",
  "service",
  "entitled",
  "error",
  "max_lag",
  "worst",
] as const;
const JAIN_COLUMNS = ["window", "windows", "jain", "jain_p10", "jain_min", "coverage"] as const;
/** A wait that is called starvation, ns. */
const STARVED = 100e6;

/** Who got less than what it was entitled to, at what length of window it is fair, and who waited very long. */
export function fairnessSection(story: Story): PageSection {
  const { trace, figures, rows } = story;
  const all = fairness(trace);
  const owed = all.sort("max_lag", { descending: true }).head(rows);
  const curve = jain(trace);
  const starved = starvation(trace, { threshold: STARVED });
  // A wait that is not told whole may be no wait at all where a hole hides that the thread ran.
  const whole = starved.filter((row) => row.censored === 0);
  const longest = whole.length === 0 ? undefined : whole.column("dur")[0]!;
  figures["fairness"] = {
    competed: all.length,
    owed: owed.toJSON(),
    jain: curve.toJSON(),
    starved: starved.length,
    longest_wait: longest ?? null,
  };
  const [from, to, tid] = [owed.column("worst_from"), owed.column("worst_to"), owed.column("tid")];
  return {
    heading: "Fairness",
    prose: [
      `${
        grouped(all.length)
      } threads competed. entitled is what the fluid of weights would have given each while it was runnable, ` +
      "error what it got beside that, max_lag the most that it was owed at any time (who was owed most comes first), worst the " +
      "most that it missed in any window.",
      "Affinities and weights of cgroups are not in a trace: who is pinned to a CPU, or in a cgroup with a weight, is judged as if it " +
      "were not.",
      "Jain's index is 1 where everybody got what it was entitled to; the length of the window at which it nears 1 is how long one has " +
      "to look until the schedule is fair.",
    ],
    facts: {
      [`waits of more than ${formatNs(STARVED)}`]: longest === undefined
        ? grouped(starved.length)
        : `${grouped(starved.length)}, the longest that is told whole ${formatNs(longest)}`,
    },
    figures: [plotLag(lag(trace, { limit: 8 })), plotJain(curve)],
    frames: [
      linked(owed.select(...COLUMNS), story, (row) => ({
        ts: from[row]!,
        dur: to[row]! - from[row]!,
        ...(tid[row]! < 0 ? {} : { tid: tid[row]! }),
      })),
      curve.select(...JAIN_COLUMNS),
    ],
    limit: rows,
  };
}
