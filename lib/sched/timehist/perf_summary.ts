import type { ByteWriter } from "./byte_writer.ts";
import { fixed2 } from "./fixed2.ts";
import type { TimehistPrintOptions } from "./options.ts";
import { dashes, type PerfPrinter } from "./perf_print.ts";
import type { PerfThread } from "./perf_threads.ts";

/** What is summed up. */
export interface PerfTotals {
  /** Threads that the filters let through, in perf's order. */
  readonly threads: readonly PerfThread[];
  /** Idle threads by CPU; undefined where perf has none. */
  readonly idle: readonly (PerfThread | undefined)[];
  /** ns from the first to the last switch, modulo 2^64. */
  readonly span: bigint;
  /** Whether the filters left out samples: perf prints no idle times then. */
  readonly skipped: boolean;
}

/** Prints `timehist_print_summary` of perf 6.1. */
export function printPerfSummary(
  out: ByteWriter,
  printer: PerfPrinter,
  options: TimehistPrintOptions,
  totals: PerfTotals,
): void {
  const idleOnly = options.idleOnly === true;
  const state = options.state === true;
  const title = idleOnly ? "Idle-time" : state ? "Wait-time" : "Runtime";
  const head = idleOnly
    ? "idle-time   min-idle    avg-idle    max-idle  stddev  migrations"
    : state
    ? " run-time      sleep      iowait     preempt       delay"
    : " run-time    min-run     avg-run     max-run  stddev  migrations";
  out.text(`\n${title} summary\n`);
  out.right("comm", printer.width);
  out.text(`  parent  ${idleOnly ? "sched-out" : " sched-in"}    ${head}\n`);
  out.blanks(printer.width);
  out.text("            (count)       (msec)     (msec)      (msec)      (msec)       ");
  out.text(`${!idleOnly && state || state ? "(msec)" : "%"}\n${dashes(117)}\n`);

  const listed = totals.threads.filter((thread) => thread.timed && thread.count > 0);
  const running = listed.filter((thread) => !thread.dead);
  const ended = listed.filter((thread) => thread.dead);
  const print = state ? printWaits : printRuns;
  for (const thread of running) print(out, printer, thread);
  if (running.length === 0) out.text("<no still running tasks>\n");
  out.text("\nTerminated tasks:\n");
  for (const thread of ended) print(out, printer, thread);
  if (ended.length === 0) out.text("<no terminated tasks>\n");
  if (totals.skipped && !idleOnly) return;

  let switches = 0;
  let run = 0;
  for (const thread of listed) {
    switches += thread.count;
    run += thread.totalRun;
  }
  out.text("\nIdle stats:\n");
  totals.idle.forEach((idle, cpu) => {
    if (idle === undefined || (options.cpus !== undefined && !options.cpus.has(cpu))) return;
    out.text("    CPU ");
    out.integer(cpu, 2);
    if (idle.count === 0) {
      out.text(" idle entire time window\n");
      return;
    }
    switches += idle.count;
    out.text(" idle for ");
    out.milliseconds(idle.totalRun, 6);
    out.text("  msec  (");
    out.right(fixed2(100 * idle.totalRun / Number(totals.span)), 6);
    out.text("%)\n");
  });
  out.text(`\n    Total number of unique tasks: ${listed.length}\n`);
  out.text(`Total number of context switches: ${switches}\n`);
  out.text("           Total run time (msec): ");
  out.milliseconds(run, 2);
  out.text(" \n    Total scheduling time (msec): ");
  // May be a difference below zero modulo 2^64, so not a double.
  const us = totals.span / 1000n;
  out.right(String(us / 1000n), 2);
  out.text(`.${String(us % 1000n).padStart(3, "0")}  (x ${printer.maxCpu})\n`);
}

function printFirst(out: ByteWriter, printer: PerfPrinter, thread: PerfThread): void {
  const label = printer.label(thread);
  out.right(label, printer.width);
  out.text(`   ${String(thread.ppid).padStart(5)}  `);
  out.integer(thread.count, 9);
  out.byte(0x20);
  out.milliseconds(thread.totalRun, 8);
  out.byte(0x20);
}

function printRuns(out: ByteWriter, printer: PerfPrinter, thread: PerfThread): void {
  printFirst(out, printer, thread);
  out.milliseconds(thread.shortest, 6);
  out.text("  ");
  out.milliseconds(Math.floor(thread.mean), 6);
  out.text("  ");
  out.milliseconds(thread.longest, 6);
  out.text("   ");
  // The standard error of the mean in percent of the mean, through a float.
  const { count, m2, mean } = thread;
  const error = count < 2 ? 0 : Math.sqrt(m2 / (count - 1) / count);
  out.right(fixed2(Math.fround(mean === 0 ? 0 : 100 * error / mean)), 5);
  out.text("   ");
  out.integer(thread.migrations, 5);
  out.byte(0x0a);
}

function printWaits(out: ByteWriter, printer: PerfPrinter, thread: PerfThread): void {
  printFirst(out, printer, thread);
  out.milliseconds(thread.totalSleep, 6);
  out.text("  ");
  out.milliseconds(thread.totalIowait, 6);
  out.text("  ");
  out.milliseconds(thread.totalPreempt, 6);
  out.text("  ");
  out.milliseconds(thread.totalDelay, 6);
  out.text(" \n");
}
