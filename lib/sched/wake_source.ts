import { Kind } from "../trace/stream.ts";
import type { Trace } from "../trace/trace.ts";
import { interrupts } from "./interrupts.ts";

/**
 * Who woke a thread: a `task`, a hard interrupt (`irq`) or a `softirq`, the `timer` where the interrupt is known to be one, or the one
 * who made it (`new`). Empty where it is not known.
 */
export const WAKE_SOURCES = ["", "task", "irq", "softirq", "timer", "new"] as const;

/** One of {@linkcode WAKE_SOURCES}. */
export type WakeSource = typeof WAKE_SOURCES[number];

const TASK = WAKE_SOURCES.indexOf("task");
const IRQ = WAKE_SOURCES.indexOf("irq");
const SOFTIRQ = WAKE_SOURCES.indexOf("softirq");
const TIMER = WAKE_SOURCES.indexOf("timer");
const NEW = WAKE_SOURCES.indexOf("new");

/** TRACE_FLAG_HARDIRQ and TRACE_FLAG_SOFTIRQ of `common_flags`. */
const HARD = 0x08;
const SOFT = 0x10;

/**
 * What tells the source of a wakeup by its row of the trace's stream, as an index into {@linkcode WAKE_SOURCES}; 0 for a row that is none.
 *
 * The event's flags tell interrupts from tasks. That an interrupt is the timer's is known where it was recorded itself
 * (`irq_vectors:local_timer_*`, `irq:softirq_*`).
 */
export function wakeSources(trace: Trace): (row: number) => number {
  const { kind, c, tid, cpu, ts } = trace.stream;
  let isTimer: ((cpu: number, time: number) => boolean) | undefined;
  return (row) => {
    const what = row < 0 ? 0 : kind[row]!;
    if (what === Kind.WakeupNew) return NEW;
    if (what !== Kind.Waking && what !== Kind.Wakeup) return 0;
    const flags = c[row]!;
    // The idle task wakes nobody on its own account: it is in an interrupt, or finishes what one began.
    if ((flags & (HARD | SOFT)) === 0) return tid[row]! > 0 ? TASK : tid[row] === 0 ? IRQ : 0;
    isTimer ??= timerInterrupts(trace);
    if (isTimer(cpu[row]!, ts[row]!)) return TIMER;
    return (flags & HARD) !== 0 ? IRQ : SOFTIRQ;
  };
}

const TIMERS = /^(local_timer|TIMER|HRTIMER|arch_timer|timer|.*hpet.*)$/;

/** Whether a timer's interrupt was handled on a CPU at a time. */
function timerInterrupts(trace: Trace): (cpu: number, time: number) => boolean {
  const slices = interrupts(trace);
  if (slices.length === 0) return () => false;
  const names = slices.column("name");
  const timer = Uint8Array.from(names.dictionary, (name) => TIMERS.test(name) ? 1 : 0);
  const ts = slices.column("ts");
  const dur = slices.column("dur");
  const cpus = slices.column("cpu");
  const begin = new Map<number, number>();
  const end = new Map<number, number>();
  cpus.forEach((cpu, row) => {
    if (!begin.has(cpu)) begin.set(cpu, row);
    end.set(cpu, row + 1);
  });
  return (cpu, time) => {
    const first = begin.get(cpu);
    if (first === undefined) return false;
    let from = first;
    let to = end.get(cpu)!;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (ts[middle]! <= time) from = middle + 1;
      else to = middle;
    }
    // Interrupts nest at most a few deep: the innermost that holds the time decides.
    for (let row = from - 1; row >= Math.max(first, from - 8); row--) {
      if (ts[row]! + dur[row]! >= time) return timer[names.codes[row]!] === 1;
    }
    return false;
  };
}
