import {
  plotCauseShare,
  plotGapHistogram,
  plotSurvival,
  plotTimeline,
  renderPage,
} from "../../lib/plot/mod.ts";
import { EXAMPLE_GAP, exampleGaps, exampleSlices, exampleStates, HOSTILE } from "./example_gaps.ts";

/** All figures and tables on one page, with a hostile name wherever text goes in. */
export function examplePage(): string {
  const gaps = exampleGaps();
  return renderPage({
    title: `Gaps of ${HOSTILE}`,
    summary: `The longest gap was 47.1 ms: spin (4007) was queued behind fifo-hog (99) on CPU 1. ${HOSTILE}`,
    facts: { kernel: "6.12.0", [HOSTILE]: HOSTILE, recorded: "10 s by perf, clock mono" },
    sections: [
      {
        heading: "Longest gaps",
        prose: `Each with its cause. ${HOSTILE}`,
        frames: [gaps.sort("dur", { descending: true }).head(15)],
      },
      {
        heading: "Around the worst gap",
        figures: [plotTimeline(exampleSlices(), {
          highlight: EXAMPLE_GAP,
          culprit: 99,
          states: exampleStates(),
          markers: [{ ts: EXAMPLE_GAP.to + 5e6, label: `marker ${HOSTILE}` }],
        })],
      },
      { heading: "How long the gaps are", figures: [plotGapHistogram(gaps), plotSurvival(gaps)] },
      { heading: "What took the time", figures: [plotCauseShare(gaps)] },
      {
        heading: `Audit ${HOSTILE}`,
        text: `wall 10 s\n  ${HOSTILE}\n  residual 0.3 %`,
        facts: { residual: "0.3 %" },
      },
    ],
  });
}
