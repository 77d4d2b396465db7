import { escapeHtml } from "../../frame/escape_html.ts";
import type { Frame } from "../../frame/frame.ts";
import { metricText } from "../../sched/compare/metric_text.ts";
import type { CompareResultsColumns } from "./compare_results.ts";
import { intervalOf, type SuiteResult } from "./suite_result.ts";

/**
 * A result of the suite as a JUnit report, for gates of a CI: a test for each metric of each case. It fails where the metric is `worse` than
 * the baseline by `comparison`; a case that failed is an error, and one that cannot run here is skipped.
 */
export function junitReport(result: SuiteResult, comparison?: Frame<CompareResultsColumns>): string {
  const rows = Array.from(comparison?.rows() ?? []);
  let failures = 0, errors = 0, skipped = 0;
  const tests = result.cases.flatMap((each) => {
    const test = (name: string, inside: string) =>
      `    <testcase classname="${escapeHtml(`schedscope.bench.${each.name}`)}" name="${escapeHtml(name)}"` +
      (inside === "" ? "/>" : `>\n      ${inside}\n    </testcase>`);
    const why = escapeHtml(each.why ?? "");
    if (each.verdict === "failed") {
      errors++;
      return [test(each.name, `<error message="${why}"/>`)];
    }
    if (each.verdict === "not here" || each.runs.length === 0) {
      skipped++;
      return [test(each.name, `<skipped message="${why || "ended before its first run"}"/>`)];
    }
    return Object.keys(each.metrics).map((metric) => {
      const show = (value: number) => metricText(metric, value);
      const { mean, interval: [low, high] } = intervalOf(each, metric);
      const row = rows.find((row) => row.case === each.name && row.metric === metric);
      const now = `${show(mean)} (${show(low)} to ${show(high)})`;
      if (row === undefined) return test(metric, `<system-out>${escapeHtml(now)}</system-out>`);
      const text = `${row.verdict}: ${show(row.a)} before, ${now} now; difference ${show(row.low)} to ${
        show(row.high)
      }, A/A ${show(row.noise)}`;
      if (row.verdict !== "worse") return test(metric, `<system-out>${escapeHtml(text)}</system-out>`);
      failures++;
      return test(metric, `<failure message="${escapeHtml(text)}"/>`);
    });
  });
  const seconds = (Date.parse(result.ended) - Date.parse(result.started)) / 1000;
  const counts = `tests="${tests.length}" failures="${failures}" errors="${errors}" skipped="${skipped}" ` +
    `time="${seconds.toFixed(3)}"`;
  return [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<testsuites name="schedscope bench" ${counts}>`,
    `  <testsuite name="schedscope bench" timestamp="${
      escapeHtml(result.started.replace(/\.\d+Z$/, ""))
    }" ${counts}>`,
    ...tests,
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}
