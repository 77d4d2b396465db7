import type { Report } from "./child.ts";

/** What came of the cases of one format. */
interface Row {
  cases: number;
  opened: number;
  partial: number;
  refused: number;
  failed: number;
  bytes: number;
  slowest: Report | undefined;
  largest: Report | undefined;
}

/** Adds up what came of the cases. */
export class Tally {
  /** By format. */
  readonly rows = new Map<string, Row>();
  /** How often each cause of failure was seen. */
  readonly causes = new Map<string, number>();

  /** What tells one cause of failure from others: its message without numbers, and where in the library it came from. */
  static cause({ why = "", format }: Report): string {
    const [first = "", ...rest] = why.split("\n");
    const from = rest.find((line) => line.includes("/lib/"))?.trim() ??
      rest.find((line) => line.includes("/check.ts"))?.trim() ?? "";
    return `${format}: ${first.replace(/input-\d+/g, "").replace(/-?\d[\d.e+]*/g, "N").slice(0, 110)} ${
      from.replace(/.*\/(lib|tests)\//, "$1/")
    }`;
  }

  /** Takes one case. */
  add(report: Report): void {
    const row = this.rows.get(report.format) ??
      {
        cases: 0,
        opened: 0,
        partial: 0,
        refused: 0,
        failed: 0,
        bytes: 0,
        slowest: undefined,
        largest: undefined,
      };
    this.rows.set(report.format, row);
    row.cases++;
    row[report.outcome]++;
    row.bytes += report.size;
    if (report.cpu > (row.slowest?.cpu ?? 0)) row.slowest = report;
    if (report.memory > (row.largest?.memory ?? 0)) row.largest = report;
    if (report.outcome !== "failed") return;
    const cause = Tally.cause(report);
    this.causes.set(cause, (this.causes.get(cause) ?? 0) + 1);
  }

  /** Cases that were run. */
  get cases(): number {
    return [...this.rows.values()].reduce((sum, row) => sum + row.cases, 0);
  }

  /** Cases that failed. */
  get failed(): number {
    return [...this.rows.values()].reduce((sum, row) => sum + row.failed, 0);
  }

  /** A table of all, and the causes of what failed. */
  toString(): string {
    const share = (part: number, row: Row) => `${(100 * part / row.cases).toFixed(1)}%`.padStart(8);
    const lines = [
      "format                  cases   opened  partial  refused  failed  slowest (ms of CPU)  largest (MiB)",
    ];
    for (const [format, row] of [...this.rows].sort()) {
      const { cases, opened, partial, refused, failed, slowest, largest } = row;
      lines.push([
        format.padEnd(20),
        String(cases).padStart(9),
        share(opened, row),
        share(partial, row),
        share(refused, row),
        String(failed).padStart(7),
        `${(slowest?.cpu ?? 0).toFixed(0).padStart(8)} of ${((slowest?.size ?? 0) / 1e6).toFixed(2)} MB`,
        `${((largest?.memory ?? 0) / 2 ** 20).toFixed(0).padStart(8)}`,
      ].join(" "));
    }
    lines.push(`${this.cases} cases, ${this.failed} failed`);
    for (const [cause, times] of [...this.causes].sort((x, y) => y[1] - x[1])) {
      lines.push(`${times} times: ${cause}`);
    }
    return lines.join("\n");
  }
}
