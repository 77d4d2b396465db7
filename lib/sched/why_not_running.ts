import { formatNs } from "../frame/format_ns.ts";
import { visibleText } from "../frame/visible_text.ts";
import type { Trace } from "../trace/trace.ts";
import { beforeFirst } from "./before_first.ts";
import { sliceAt } from "./cpu_occupancy.ts";
import { type CpuTimes, cpuTimes, Ran } from "./cpu_times.ts";
import { CAUSE, GAP_CAUSES, schedClass } from "./gap_cause.ts";
import { GapExplainer } from "./gap_explainer.ts";
import type { CoreKnowledge } from "./idle_causes.ts";
import { sleepState } from "./sleep_state.ts";
import { threadNames } from "./thread_names.ts";
import {
  Doing,
  segmentAt,
  segmentsOf,
  segmentTable,
  threadAt,
  type ThreadSegments,
} from "./thread_segments.ts";
import { WAKE_SOURCES, wakeSources } from "./wake_source.ts";

/**
 * Says in words what thread `tid` did at `time`, and if it did not run, why: since when, who ran on its CPU instead, for whom or what it
 * slept, when and by whom it was woken, and how the whole wait divides into causes.
 *
 * `time` is ns since the trace's epoch, or, as a bigint, a stamp of its clock. Names are made safe to print. Needs
 * `sched:sched_switch` and `sched:sched_waking` or `sched:sched_wakeup`; throws `MissingEventError` without, and a
 * RangeError where the time lies outside of the trace.
 *
 * @example
 * ```ts ignore
 * import { openTrace, whyNotRunning } from "@schedscope/schedscope";
 *
 * const trace = await openTrace("perf.data");
 * console.log(whyNotRunning(trace, 4711, 3.2041e9));
 * // make[4711] was queued on CPU 1 at 3.204100 s, for 3.1 ms until then: woken by cc1[4712] (task). CPU 1 ran ...
 * ```
 */
export function whyNotRunning(
  trace: Trace,
  tid: number,
  time: number | bigint,
  options: CoreKnowledge = {},
): string {
  const context = trace.context ?? trace;
  context.requireEvent("whyNotRunning", "sched:sched_switch");
  context.requireEvent("whyNotRunning", "sched:sched_waking", "sched:sched_wakeup");
  const at = typeof time === "bigint" ? Number(time - trace.epoch) : time;
  const { from, to } = trace.span;
  if (!(at >= from && at <= to)) {
    throw new RangeError(`Expected a time within the trace's ${from} to ${to} ns but found ${at}`);
  }
  return new Story(context, tid, at, options).tell();
}

class Story {
  readonly #trace: Trace;
  readonly #tid: number;
  readonly #at: number;
  readonly #options: CoreKnowledge;
  #names = new Map<number, string>();

  constructor(trace: Trace, tid: number, at: number, options: CoreKnowledge) {
    this.#trace = trace;
    this.#tid = tid;
    this.#at = at;
    this.#options = options;
  }

  tell(): string {
    const table = segmentTable(this.#trace.stream);
    const k = threadAt(table, this.#tid);
    if (k < 0) return `Thread ${this.#tid} does not occur in the trace.`;
    const segments = segmentsOf(table, k);
    const i = segmentAt(segments, this.#at);
    this.#names = threadNames(this.#trace, new Set([this.#tid, ...wakersAround(segments, i)]));
    const when = stamp(this.#at);
    const who = this.#who(this.#tid);
    if (i < 0) {
      const earlier = beforeFirst(this.#trace, table)(k);
      if (earlier === Doing.Gone) return `${who} had not been made yet at ${when}.`;
      return earlier === Doing.Asleep
        ? `${who} slept at ${when}, since before the trace began. ${this.#wokenNext(segments, 0)}`
        : `The trace does not tell what ${who} did at ${when}: its first event comes ${
          formatNs(segments.from[0]! - this.#at)
        } later.`;
    }
    if (segments.hidden[i] === 1 || segments.doing[i] === Doing.Unknown) {
      return this.#hidden(segments, i, when);
    }
    switch (segments.doing[i]) {
      case Doing.Running:
        return `${who} was running on CPU ${segments.cpu[i]} at ${when}, ${this.#since(segments, i)}.`;
      case Doing.Gone:
        return segments.event[i]! < 0
          ? `${who} had not been made yet at ${when}.`
          : `${who} had ended at ${when}, ${formatNs(this.#at - segments.from[i]!)} before.`;
      case Doing.Asleep:
        return this.#asleep(segments, i, when);
      default:
        return this.#waiting(segments, i, when);
    }
  }

  #hidden(segments: ThreadSegments, i: number, when: string): string {
    const next = segments.from[i + 1];
    return `The trace does not tell what ${
      this.#who(this.#tid)
    } did at ${when}: a switch or a wakeup is missing between ${stamp(segments.from[i]!)} and ${
      next === undefined ? "its end" : stamp(next)
    }.`;
  }

  #asleep(segments: ThreadSegments, i: number, when: string): string {
    const state = sleepState(this.#trace.stream, segments.event[i]!);
    const how = {
      sleeping: "slept",
      blocked: "was blocked, uninterruptibly (D),",
      stopped: "was stopped",
    }[state];
    return `${this.#who(this.#tid)} ${how} at ${when}, ${this.#since(segments, i)}: it did not ask to run. ${
      this.#wokenNext(segments, i + 1)
    }`;
  }

  #waiting(segments: ThreadSegments, i: number, when: string): string {
    let first = i;
    let last = i;
    const waits = (row: number) =>
      segments.hidden[row] === 0 &&
      (segments.doing[row] === Doing.Preempted || segments.doing[row] === Doing.Woken);
    while (first > 0 && waits(first - 1)) first--;
    while (last + 1 < segments.from.length && waits(last + 1)) last++;
    const begun = segments.from[first]!;
    const end = Math.min(segments.from[last + 1] ?? Infinity, this.#trace.span.to);
    const cpu = segments.cpu[i]!;
    const why = segments.doing[first] === Doing.Woken
      ? `it had been ${this.#wokenBy(segments, first)}`
      : "it had lost its CPU while it was still runnable";
    const sentences = [
      `${this.#who(this.#tid)} was runnable at ${when} and did not run, on the queue of CPU ${cpu}: ${
        formatNs(this.#at - begun)
      } before, ${why}.`,
      this.#meanwhile(cpu),
    ];
    const explanation = new GapExplainer(this.#trace, [this.#tid], this.#options).explain(
      this.#tid,
      begun,
      end,
    );
    const resumed = segments.doing[last + 1] === Doing.Running && segments.hidden[last + 1] === 0;
    const { culprit, culpritTid } = explanation;
    const blamed = culprit === ""
      ? ""
      : ` (the longest ${culpritTid < 0 ? "by" : "behind"} ${visibleText(culprit)}${
        culpritTid < 0 ? "" : `[${culpritTid}]`
      })`;
    sentences.push(
      `${
        resumed
          ? `It ran ${formatNs(end - this.#at)} later, after`
          : "The trace does not show it run again; it waited at least"
      } ${formatNs(end - begun)} in all${blamed}: ${inParts(explanation.parts)}.`,
    );
    return sentences.join(" ");
  }

  /** Who was on `cpu` at the time. */
  #meanwhile(cpu: number): string {
    const times: CpuTimes | undefined = cpuTimes(this.#trace).cpus[cpu];
    const slice = times === undefined ? -1 : sliceAt(times, this.#at);
    if (times === undefined || slice < 0 || times.ran[slice] === Ran.Hidden) {
      return `Whom CPU ${cpu} ran at that moment the trace does not tell.`;
    }
    const ran = formatNs(this.#at - times.ts[slice]!);
    if (times.ran[slice] === Ran.Idle) return `CPU ${cpu} idled at that moment, for ${ran} by then.`;
    const row = times.row[slice]!;
    const { switches } = this.#trace;
    const comm = switches.column("next_comm").at(row);
    const prio = this.#priority(row);
    const kind = schedClass(comm, prio, times.tid[slice]!);
    return `CPU ${cpu} ran ${visibleText(comm)}[${times.tid[slice]}] at that moment${
      kind === "" ? "" : ` (${kind}, priority ${prio})`
    }, for ${ran} by then.`;
  }

  #priority(row: number): number {
    try {
      return this.#trace.switches.column("next_prio")[row]!;
    } catch {
      return -1000;
    }
  }

  /** What comes after a sleep: row `i`, if any. */
  #wokenNext(segments: ThreadSegments, i: number): string {
    if (i >= segments.from.length) return "The trace ends before it is woken.";
    if (segments.doing[i] !== Doing.Woken) return "How it was woken the trace does not tell.";
    return `It was ${this.#wokenBy(segments, i)} ${formatNs(segments.from[i]! - this.#at)} later.`;
  }

  #wokenBy(segments: ThreadSegments, i: number): string {
    const source = WAKE_SOURCES[wakeSources(this.#trace)(segments.event[i]!)]!;
    const waker = this.#who(segments.waker[i]!);
    switch (source) {
      case "":
        return "woken, by whom is not known,";
      case "new":
        return `made and woken for the first time by ${waker}`;
      case "task":
        return `woken by ${waker}`;
      default:
        return `woken by ${
          { irq: "a hard interrupt", softirq: "a softirq", timer: "a timer's interrupt" }[source]
        } on the CPU of ${waker}`;
    }
  }

  #since(segments: ThreadSegments, i: number): string {
    const from = segments.from[i]!;
    return from === 0 && i === 0
      ? "since before the trace began"
      : `for ${formatNs(this.#at - from)} by then`;
  }

  #who(tid: number): string {
    if (tid < 0) return "an unknown thread";
    if (tid === 0) return "the idle task";
    const name = this.#names.get(tid) ?? "";
    return name === "" ? `thread ${tid}` : `${visibleText(name)}[${tid}]`;
  }
}

/** Who woke the thread around segment `i`. */
function wakersAround(segments: ThreadSegments, i: number): number[] {
  const wakers: number[] = [];
  let row = Math.max(0, i);
  while (
    row > 0 && (segments.doing[row] === Doing.Preempted || segments.doing[row] === Doing.Woken) &&
    segments.hidden[row] === 0
  ) wakers.push(segments.waker[row--]!);
  wakers.push(segments.waker[row]!, segments.waker[i + 1] ?? -1);
  return wakers;
}

/** The parts of a wait in words, the largest first. */
function inParts(parts: Float64Array): string {
  return Array.from(parts.keys()).filter((cause) => parts[cause]! > 0)
    .sort((x, y) => parts[y]! - parts[x]!)
    .map((cause) =>
      cause === CAUSE["nothing scheduled"]
        ? `${formatNs(parts[cause]!)} with no event that explains it`
        : `${GAP_CAUSES[cause]} ${formatNs(parts[cause]!)}`
    ).join(", ");
}

/** `3.204101 s` since the epoch. */
function stamp(time: number): string {
  return `${(time / 1e9).toFixed(6)} s`;
}
