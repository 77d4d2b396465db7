import type { CompareResultsColumns } from "../bench/suite/compare_results.ts";
import { intervalOf, type SuiteResult } from "../bench/suite/suite_result.ts";
import type { Frame } from "../frame/frame.ts";
import { textWidth } from "../frame/text_width.ts";
import { visibleText } from "../frame/visible_text.ts";
import { metricText } from "../sched/compare/metric_text.ts";

/** What each case gave, as lines. */
export function resultTable(result: SuiteResult): string {
  const rows = result.cases.flatMap((each) => {
    if (each.verdict === "not here" || each.verdict === "failed") {
      return [[each.name, `${each.verdict}: ${each.why}`, "", "", "", ""]];
    }
    return Object.keys(each.metrics).map((metric, at) => {
      const { mean, interval: [low, high], relative } = intervalOf(each, metric, result.options.confidence);
      const show = (value: number) => metricText(metric, value);
      return [
        at === 0 ? each.name : "",
        metric,
        show(mean),
        Number.isNaN(low) ? "–" : `${show(low)} to ${show(high)}`,
        Number.isNaN(relative) ? "–" : `${(relative * 100).toFixed(1)} %`,
        at === 0 ? `${each.runs.length} ${each.verdict}` : "",
      ];
    });
  });
  const percent = +(result.options.confidence * 100).toPrecision(4);
  const text = table(["case", "metric", "mean", `${percent} % interval`, "±", "runs"], rows, 2);
  return result.cases.some(({ verdict }) => verdict === "FRC")
    ? `${text}\nFRC: after ${result.options.maxRuns} runs the mean was not known to ± ${+(result.options
      .width * 100).toPrecision(3)} %.`
    : text;
}

/** What can be said of two results, as lines. */
export function comparisonTable(rows: Frame<CompareResultsColumns>, confidence: number): string {
  let last = "";
  const lines = Array.from(rows.rows(), (row) => {
    const show = (value: number) => metricText(row.metric, value);
    const name = row.case === last ? "" : row.case;
    last = row.case;
    return [
      name,
      row.metric,
      row.verdict,
      show(row.a),
      show(row.b),
      Number.isNaN(row.change) ? "–" : `${row.change >= 0 ? "+" : ""}${(row.change * 100).toFixed(1)} %`,
      Number.isNaN(row.low) ? "–" : `${show(row.low)} to ${show(row.high)}`,
      show(row.noise),
      row.hedges_g.toFixed(1),
    ];
  });
  const percent = +((1 - confidence) * 100).toPrecision(3);
  const n = rows.length;
  return table(
    ["case", "metric", "verdict", "before", "now", "change", "difference, interval", "A/A", "g"],
    lines,
    3,
  ) + `\nOf like results, any of these ${n} metrics is said to differ in ${percent} of 100 cases at most.`;
}

/** Lines with aligned cells, the first `left` of them to the left. */
function table(head: readonly string[], rows: readonly string[][], left: number): string {
  const shown = rows.map((row) => row.map(visibleText));
  // A cell with nothing beside it may be as long as it likes.
  const counted = [head, ...shown.filter((row) => row.some((cell, i) => i > 1 && cell !== ""))];
  const widths = head.map((_, i) => Math.max(...counted.map((row) => textWidth(row[i]!))));
  const pad = (cell: string, i: number) => {
    const space = " ".repeat(Math.max(0, widths[i]! - textWidth(cell)));
    return i < left ? cell + space : space + cell;
  };
  return [head, widths.map((width) => "─".repeat(width)), ...shown].map((row) =>
    row.map(pad).join("  ").trimEnd()
  ).join("\n");
}
