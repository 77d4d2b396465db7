import process from "node:process";
import type { LiveTrace } from "../trace/live/live_trace.ts";
import { TerminalScreen } from "./terminal_screen.ts";
import { topTasks } from "./top_tasks.ts";
import { sortTasks, topLines, type TopSample, type TopSort } from "./top_view.ts";

const KEYS = "r run  w wait  d delay  g gap   p pause  q quit";
const SORT_KEYS: Readonly<Record<string, TopSort>> = { r: "run", w: "wait", d: "delay", g: "gap" };

/** How to go on. */
export interface TopLoop {
  /** Length of an interval, ns. */
  readonly delay: number;
  /** Intervals. */
  readonly count: number;
  /** What the tasks are sorted by at first. */
  readonly sort: TopSort;
  /** Most tasks. Default: what fits; 20 in a picture of text; all in JSON. */
  readonly limit?: number;
}

/** A sample at the end of each interval. */
async function* samples(
  live: LiveTrace,
  { delay, count }: TopLoop,
  signal: AbortSignal,
): AsyncGenerator<TopSample> {
  let own = process.cpuUsage();
  let measured = performance.now();
  let next = measured;
  for (let i = 0; i < count; i++) {
    next = Math.max(next + delay / 1e6, performance.now());
    await sleep(next - performance.now(), signal);
    if (signal.aborted) return;
    const { trace, events, lost } = live.take();
    const tasks = topTasks(trace);
    const used = process.cpuUsage(own);
    const now = performance.now();
    yield {
      tasks,
      at: new Date(),
      dur: trace.span.to - trace.span.from,
      events,
      lost,
      coverage: trace.quality.share,
      cpus: live.cpus.length,
      kernel: trace.host.release ?? "",
      own: (used.user + used.system) / 1e3 / Math.max(1, now - measured),
      ownTids: ownThreads(live),
    };
    own = process.cpuUsage();
    measured = now;
  }
}

/** Shows the view in the terminal until `stop` is aborted, which a key does too. */
export async function showScreen(live: LiveTrace, how: TopLoop, stop: AbortController): Promise<void> {
  let sort = how.sort;
  let paused = false;
  let sample: TopSample | undefined;
  const draw = () => {
    const { columns: width, rows } = screen.size;
    const height = how.limit === undefined ? rows : Math.min(rows, how.limit + 5);
    screen.draw(
      sample === undefined
        ? ["schedscope top: the first interval is not over yet", "", KEYS].slice(0, rows)
        : topLines(sample, { sort, width, height, paused, styled: true, keys: KEYS }),
    );
  };
  using screen = new TerminalScreen((key) => {
    if (key === "q" || key === "Q" || key === "\x1b" || key === "\x03") stop.abort();
    else if (Object.hasOwn(SORT_KEYS, key)) sort = SORT_KEYS[key]!;
    else if (key === "p" || key === "P" || key === " ") paused = !paused;
    else return;
    if (!stop.signal.aborted) draw();
  }, () => draw());
  draw();
  for await (const each of samples(live, how, stop.signal)) {
    if (paused) continue;
    sample = each;
    draw();
  }
}

/** Prints a picture for each interval. */
export async function printPictures(live: LiveTrace, how: TopLoop, signal: AbortSignal): Promise<void> {
  let first = true;
  for await (const sample of samples(live, how, signal)) {
    const height = (how.limit ?? 20) + 4;
    const width = Deno.stdout.isTerminal() ? Deno.consoleSize().columns : 120;
    const lines = topLines(sample, { sort: how.sort, width, height }).map((line) => line.trimEnd());
    while (lines.at(-1) === "") lines.pop();
    write(`${first ? "" : "\n"}${lines.join("\n")}\n`);
    first = false;
  }
}

/** Prints a line of JSON for each interval. */
export async function printJson(live: LiveTrace, how: TopLoop, signal: AbortSignal): Promise<void> {
  for await (const sample of samples(live, how, signal)) {
    const { tasks, at, dur, events, lost, coverage, cpus, kernel, own, ownTids } = sample;
    const sorted = sortTasks(tasks, how.sort);
    const rows = (how.limit === undefined ? sorted : sorted.head(how.limit)).toJSON();
    const marked = rows.map((row) => ({ ...row, own: ownTids.has(Number(row.tid)) }));
    const facts = { at: at.toISOString(), dur, events, lost, coverage, cpus, kernel, own_cpu: own };
    write(`${JSON.stringify({ ...facts, sort: how.sort, tasks: marked })}\n`);
  }
}

/** Threads of this program, and of the shell that guards the instance. */
function ownThreads(live: LiveTrace): Set<number> {
  const tids = new Set<number>([Deno.pid]);
  if (live.guardPid !== undefined) tids.add(live.guardPid);
  try {
    for (const { name } of Deno.readDirSync("/proc/self/task")) tids.add(Number(name));
  } catch {
    // Only the main one, then.
  }
  return tids;
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.max(0, ms));
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}

function write(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
