import type { ByteWriter } from "./byte_writer.ts";
import type { TimehistPrintOptions } from "./options.ts";
import type { TimehistSummary } from "./summary.ts";
import { printable } from "./utf8.ts";

const TASK = 30;
const DASH = "-";

/** Prints a summary in the layout of `perf sched timehist -s`; what is not known is shown as `?`. */
export function printSummary(out: ByteWriter, summary: TimehistSummary, options: TimehistPrintOptions): void {
  if (options.idleOnly !== true) printThreads(out, summary, options.state === true);
  printIdle(out, summary);
  const { threads } = summary;
  let run = 0;
  for (const time of threads.column("run")) run += time;
  out.text(`\n    Total number of unique tasks: ${threads.length}\n`);
  out.text(`Total number of context switches: ${summary.runs}\n`);
  out.text("           Total run time (msec): ");
  out.milliseconds(run, 2);
  out.text("\n    Total scheduling time (msec): ");
  out.milliseconds(summary.span, 2);
  out.text(` (x ${summary.cpus.length})\n`);
}

function printThreads(out: ByteWriter, summary: TimehistSummary, state: boolean): void {
  const columns = state
    ? ["run-time", "sleep", "iowait", "preempted", "wake-delay", "max-delay"]
    : ["run-time", "min-run", "avg-run", "max-run", "stddev", "stderr"];
  out.text(`\n${state ? "Wait-time" : "Runtime"} summary\n`);
  out.right("comm", TASK);
  out.text("  parent      runs");
  for (const column of columns) out.right(column, 12);
  out.text(state ? "  censored\n" : "  migrations  censored\n");
  out.blanks(TASK);
  out.text("           (count)");
  for (let i = 0; i < columns.length; i++) out.text("      (msec)");
  out.text(`\n${DASH.repeat(state ? 130 : 142)}\n`);
  const ended = summary.threads.column("ended");
  printSection(out, summary, state, (row) => ended[row] === 0, "<no still running tasks>\n");
  out.text("\nTerminated tasks:\n");
  printSection(out, summary, state, (row) => ended[row] === 1, "<no terminated tasks>\n");
}

function printSection(
  out: ByteWriter,
  summary: TimehistSummary,
  state: boolean,
  wanted: (row: number) => boolean,
  none: string,
): void {
  const { threads } = summary;
  const comm = threads.column("comm");
  const names = comm.dictionary.map(printable);
  const tid = threads.column("tid");
  const pid = threads.column("pid");
  const parent = threads.column("parent_tid");
  const runs = threads.column("runs");
  const migrations = threads.column("migrations");
  const censored = threads.column("censored");
  const times =
    (state
      ? ["run", "sleep", "iowait", "preempt", "wake_delay", "wake_delay_max"] as const
      : ["run", "run_min", "run_mean", "run_max", "run_stddev", "run_stderr"] as const)
      .map((name) => threads.column(name));
  let printed = 0;
  for (let row = 0; row < threads.length; row++) {
    if (!wanted(row)) continue;
    printed++;
    const own = tid[row]!;
    const process = pid[row]!;
    out.right(
      `${names[comm.codes[row]!]!}[${process < 0 || process === own ? own : `${own}/${process}`}]`,
      TASK,
    );
    out.right(parent[row]! < 0 ? "?" : String(parent[row]), 8);
    out.integer(runs[row]!, 10);
    for (const time of times) printTime(out, time[row]!);
    if (!state) {
      if (Number.isNaN(migrations[row]!)) out.right("?", 12);
      else out.integer(migrations[row]!, 12);
    }
    out.integer(censored[row]!, 10);
    out.byte(0x0a);
  }
  if (printed === 0) out.text(none);
}

function printIdle(out: ByteWriter, summary: TimehistSummary): void {
  out.text("\nIdle stats:\n");
  const { cpus } = summary;
  const idle = cpus.column("idle");
  for (let row = 0; row < cpus.length; row++) {
    out.text("    CPU ");
    out.integer(cpus.column("cpu")[row]!, 2);
    if (Number.isNaN(idle[row]!)) {
      out.text(" unknown: no switch was recorded on it\n");
      continue;
    }
    out.text(" idle for ");
    out.milliseconds(idle[row]!, 6);
    const share = percent(cpus.column("idle_share")[row]!);
    const known = percent(cpus.column("share")[row]!);
    out.text(` msec  (${share}% of the ${known}% of its time that is known)\n`);
  }
}

function percent(share: number): string {
  return Number.isNaN(share) ? "     ?" : (100 * share).toFixed(2).padStart(6);
}

function printTime(out: ByteWriter, ns: number): void {
  if (Number.isNaN(ns)) out.right("?", 12);
  else out.milliseconds(ns, 8);
}
