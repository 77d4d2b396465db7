/**
 * Runs cases one after another until it is told to stop, or dies of one. Arguments: ingredients, scratch directory, seed,
 * number of the first case, formats (comma-separated, or empty for all).
 *
 * Before each case its number goes to SCRATCH/case, so that the parent knows of which one a child died; each line of the
 * output is a {@linkcode Report}.
 */
import process from "node:process";
import { damagedInput, runCase, sizeOf, writeInput } from "./cases.ts";
import type { Outcome } from "./check.ts";
import { memoryBound, timeBound } from "./bounds.ts";
import { loadSubjects } from "./subjects.ts";

/** What a child says of a case. */
export interface Report {
  readonly number: number;
  readonly format: string;
  readonly outcome: Outcome | "failed";
  /** Bytes of the input. */
  readonly size: number;
  /** CPU time in ms of all threads, without what made the input. */
  readonly cpu: number;
  /** Most memory in bytes that was in use more than before. */
  readonly memory: number;
  /** What failed, and where. */
  readonly why?: string;
}

const [ingredients, scratch, seedText, firstText, formatsText] = Deno.args as [
  string,
  string,
  string,
  string,
  string,
];
const seed = Number(seedText);
const formats = new Set(formatsText.split(",").filter((format) => format !== ""));
const subjects = loadSubjects(ingredients).filter(({ format }) => formats.size === 0 || formats.has(format));
const collect = (globalThis as { gc?: () => void }).gc ?? (() => {});
let uncaught: unknown;
globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  uncaught ??= event.reason;
});
globalThis.addEventListener("error", (event) => {
  event.preventDefault();
  uncaught ??= event.error;
});

const state = Deno.openSync(`${scratch}/case`, { write: true, create: true });
const encoder = new TextEncoder();
let lines = "";
let printed = performance.now();

/** Kilobytes of memory in use now and at most since the last call of {@linkcode forgetPeak}. */
function memory(): { now: number; peak: number } {
  const text = Deno.readTextFileSync("/proc/self/status");
  const field = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(text)![1]) * 1024;
  return { now: field("VmRSS"), peak: field("VmHWM") };
}

function forgetPeak(): void {
  Deno.writeTextFileSync("/proc/self/clear_refs", "5");
}

const warm = memory().now;

for (let number = Number(firstText);; number++) {
  state.seekSync(0, Deno.SeekMode.Start);
  state.writeSync(encoder.encode(String(number).padStart(16)));
  const { subject, files } = damagedInput(subjects, seed, number);
  const size = sizeOf(files);
  const path = `${scratch}/input-${number}`;
  writeInput(files, path, subject.stamp);
  let { now: before } = memory();
  if (before > warm + 2 ** 28) {
    collect();
    before = memory().now;
  }
  const run = async (): Promise<Report> => {
    forgetPeak();
    const began = process.cpuUsage();
    let outcome: Report["outcome"];
    let why: string | undefined;
    try {
      outcome = await runCase(path, subject.format, files, seed, number, ingredients);
      // What was not waited for gets its turn.
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (uncaught !== undefined) throw uncaught;
    } catch (error) {
      outcome = "failed";
      why = error instanceof Error
        ? `${error.stack}${error.cause instanceof Error ? `\n${error.cause.stack}` : ""}`
        : String(error);
      uncaught = undefined;
    }
    const { user, system } = process.cpuUsage(began);
    const cpu = (user + system) / 1000;
    const used = Math.max(0, memory().peak - before);
    return {
      number,
      format: subject.format,
      outcome,
      size,
      cpu,
      memory: used,
      ...(why === undefined ? {} : { why }),
    };
  };
  let report = await run();
  if (report.outcome !== "failed" && (report.cpu > timeBound(size) || report.memory > memoryBound(size))) {
    // Once more, without what cases before it left to be collected and to be compiled.
    collect();
    before = memory().now;
    report = await run();
    const why = report.cpu > timeBound(size)
      ? `took ${Math.round(report.cpu)} ms of CPU time`
      : report.memory > memoryBound(size)
      ? `took ${Math.round(report.memory / 2 ** 20)} MiB`
      : undefined;
    if (why !== undefined) {
      report = { ...report, outcome: "failed", why: `${why} for ${size} bytes (${subject.name})` };
    }
  }
  Deno.removeSync(path, { recursive: true });
  lines += `${JSON.stringify(report)}\n`;
  if (performance.now() - printed > 200 || report.outcome === "failed") {
    await Deno.stdout.write(encoder.encode(lines));
    lines = "";
    printed = performance.now();
  }
}
