import { formatNs } from "../../frame/format_ns.ts";
import type { PageSection } from "../render_page.ts";
import { grouped, percent, type Story } from "./story.ts";

/** What is missing from the trace: first, because every other number is only as good. */
export function qualitySection({ trace, figures, rows }: Story): PageSection {
  const { quality, clock } = trace;
  const { holes, coverage, share, lost } = quality;
  const [from, to, cpu] = [holes.column("from"), holes.column("to"), holes.column("cpu")];
  let longest = 0;
  let chain = 0;
  for (let row = 0; row < holes.length; row++) {
    if (holes.column("kind").at(row) === "chain") chain++;
    // What was lost on nobody knows which CPU was lost somewhere between its two stamps.
    if (cpu[row]! >= 0) longest = Math.max(longest, to[row]! - from[row]!);
  }
  figures["quality"] = {
    share,
    lost,
    holes: holes.length,
    chain_breaks: chain,
    longest_hole: longest,
    cpus: coverage.toJSON(),
  };
  const verdict = holes.length === 0 && lost === 0
    ? "Nothing is missing: every CPU's switches follow one another, and the recorder lost nothing."
    : `${
      percent(1 - share)
    } of CPU-time is not covered. What touches a hole is marked as censored in the tables, ` +
      "and is in no percentile.";
  return {
    heading: "How good the trace is",
    prose: verdict,
    facts: {
      "CPU-time covered": percent(share),
      "events lost by the recorder": grouped(lost),
      "holes": grouped(holes.length),
      ...(chain === 0 ? {} : {
        "of these breaks of the switch chain": `${
          grouped(chain)
        } (a switch whose prev is not who ran: records are missing though none was told lost)`,
      }),
      ...(longest === 0 ? {} : { "longest hole": formatNs(longest) }),
      clock: `${clock.name}${clock.hz === undefined ? "" : ` at ${(clock.hz / 1e6).toFixed(3)} MHz`}${
        clock.resolution === undefined ? "" : `, in steps of ${formatNs(clock.resolution)}`
      }`,
    },
    frames: [coverage],
    limit: Math.max(rows, 16),
  };
}
