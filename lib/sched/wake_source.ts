import { Kind } from "../trace/stream.ts";
import type { Trace } from "../trace/trace.ts";
import { InterruptTimes } from "./interrupt_times.ts";

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
  const times = new InterruptTimes(trace);
  const { codes, dictionary } = times.names;
  const timer = Uint8Array.from(dictionary, (name) => TIMERS.test(name) ? 1 : 0);
  return (cpu, time) => {
    const row = times.at(cpu, time);
    return row >= 0 && timer[codes[row]!] === 1;
  };
}
