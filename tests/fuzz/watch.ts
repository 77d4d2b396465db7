import { TextLineStream } from "./text_lines.ts";
import { damagedInput, sizeOf, writeInput } from "./cases.ts";
import { memoryBound, timeBound } from "./bounds.ts";
import type { Report } from "./child.ts";
import { loadSubjects, type Subject } from "./subjects.ts";
import { Tally } from "./tally.ts";

/** Options of {@linkcode fuzz}. */
export interface FuzzOptions {
  /** How long. */
  readonly seconds: number;
  /** What the cases follow from. */
  readonly seed: number;
  /** Only these formats. Default: all. */
  readonly formats?: readonly string[];
  /** Where failing inputs are kept. Default `out/fuzz`. */
  readonly output?: string;
  /** Called with what is to be printed. Default: nothing is. */
  readonly log?: (line: string) => void;
}

/**
 * Damages the recordings in `ingredients` for some time and reads each in a child process, which is watched: one that
 * dies, or takes ten times what it may, is replaced, and the case that it was at has failed.
 */
export async function fuzz(ingredients: string, options: FuzzOptions): Promise<Tally> {
  const { seconds, seed, formats = [], output = "out/fuzz", log = () => {} } = options;
  const subjects = loadSubjects(ingredients).filter(({ format }) =>
    formats.length === 0 || formats.includes(format)
  );
  if (subjects.length === 0) throw new RangeError(`There is no format ${formats.join(" or ")}`);
  const scratch = await Deno.makeTempDir({ prefix: "schedscope-fuzz-" });
  const tally = new Tally();
  const end = performance.now() + seconds * 1000;
  try {
    for (let next = 0; performance.now() < end;) {
      next = await watchChild({
        ingredients,
        scratch,
        seed,
        formats,
        output,
        log,
        subjects,
        tally,
        first: next,
        end,
      });
    }
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
  return tally;
}

interface Watched extends Required<Omit<FuzzOptions, "seconds">> {
  readonly ingredients: string;
  readonly scratch: string;
  readonly subjects: readonly Subject[];
  readonly tally: Tally;
  readonly first: number;
  readonly end: number;
}

/** Runs one child until it dies or the time is over; returns the number of the next case. */
async function watchChild(of: Watched): Promise<number> {
  const { ingredients, scratch, seed, formats, first, end, tally } = of;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...[
        "run",
        "-A",
        "--no-check",
        "--v8-flags=--expose-gc",
        new URL("./child.ts", import.meta.url).pathname,
      ],
      ...[ingredients, scratch, String(seed), String(first), formats.join(",")],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const said = new Response(child.stderr).text();
  let verdict = "";
  let last = first - 1;
  const watchdog = watch(child.pid, of, (why) => {
    verdict = why;
    child.kill("SIGKILL");
  });
  for await (
    const line of child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
  ) {
    const report = JSON.parse(line) as Report;
    last = report.number;
    tally.add(report);
    if (report.outcome === "failed") keep(of, report);
  }
  const status = await child.status;
  watchdog.stop();
  if (verdict === "over" || performance.now() >= end) return last + 1;
  const number = currentCase(scratch) ?? first;
  const { subject, files } = damagedInput(of.subjects, seed, number);
  const how = verdict === "" ? `the child ended with ${status.signal ?? status.code}` : verdict;
  const why = `${how}: ${(await said).slice(0, 2000)}`;
  const report: Report = {
    number,
    format: subject.format,
    outcome: "failed",
    size: sizeOf(files),
    cpu: 0,
    memory: 0,
    why,
  };
  tally.add(report);
  keep(of, report);
  return number + 1;
}

/** Looks at a child five times a second: its CPU time and memory since it began its case. */
function watch(
  pid: number,
  { scratch, subjects, seed, end }: Watched,
  kill: (why: string) => void,
): { stop(): void } {
  let number: number | undefined;
  let cpu = 0;
  let size = 0;
  const timer = setInterval(() => {
    if (performance.now() >= end) return kill("over");
    const now = usage(pid);
    if (now === undefined) return;
    const current = currentCase(scratch);
    if (current !== number) {
      number = current;
      cpu = now.cpu;
      size = current === undefined ? 0 : sizeOf(damagedInput(subjects, seed, current).files);
    } else if (number !== undefined) {
      if (now.cpu - cpu > 10 * timeBound(size)) kill(`still not done after ${now.cpu - cpu} ms of CPU time`);
      else if (now.memory > 3 * memoryBound(size)) kill(`took ${now.memory} bytes`);
    }
  }, 200);
  return { stop: () => clearInterval(timer) };
}

/** CPU time in ms, and memory in bytes, of a process; undefined where it is gone. */
function usage(pid: number): { cpu: number; memory: number } | undefined {
  try {
    // After the name in brackets: utime is the 12th, stime the 13th, rss the 22nd.
    const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /s, "").split(" ").map(Number);
    return { cpu: (fields[11]! + fields[12]!) * 10, memory: fields[21]! * 4096 };
  } catch {
    return undefined;
  }
}

function currentCase(scratch: string): number | undefined {
  try {
    const text = Deno.readTextFileSync(`${scratch}/case`);
    return text === "" ? undefined : Number(text);
  } catch {
    return undefined;
  }
}

/** Keeps the input of a case that failed; of one cause only the first few. */
function keep({ subjects, seed, output, log, tally }: Watched, report: Report): void {
  if (tally.causes.get(Tally.cause(report))! > 3) return;
  const { files, subject } = damagedInput(subjects, seed, report.number);
  const path = `${output}/${subject.format.replaceAll(" ", "-")}-${seed}-${report.number}`;
  Deno.mkdirSync(output, { recursive: true });
  writeInput(files, path);
  log(`FAILED ${path} (${subject.name}, seed ${seed}, case ${report.number}): ${report.why?.slice(0, 1500)}`);
}
