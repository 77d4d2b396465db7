import { EventFields, LONGEST_NAME } from "./event_fields.ts";

const PERF_RECORD = new TextEncoder().encode("PERF_RECORD_");

/**
 * Takes lines of ftrace and of `perf script` apart:
 *
 * ```text
 *  COMM-TID (TGID) [CPU] FLAGS SECONDS.FRACTION: EVENT: TEXT       ftrace's trace, trace-cmd report
 *  COMM-TID CPUFLAGS SECONDS.FRACTION: EVENT: TEXT                 the same in latency format
 *  COMM TID [CPU] SECONDS.FRACTION: EVENT: TEXT                    perf script
 *  COMM PID/TID [CPU] SECONDS.FRACTION: EVENT: TEXT                perf script -F comm,pid,tid,cpu,time,event,trace
 * ```
 *
 * Stamps of the latency format are microseconds since the buffer was last cleared (the kernel's trace_print_lat_context subtracts
 * the buffer's time_start), which the text does not tell: they are less than those of other texts of the same recording by a
 * constant, and rounded.
 *
 * A name may hold anything, but no more than 15 bytes, and what stands behind a name is longer than that: so the first
 * place where all of it is found is the name's end. Results are positions in the bytes given, and numbers.
 */
export class EventLine extends EventFields {
  /** The name in front of the line, without the blanks before it. */
  commFrom = 0;
  commTo = 0;
  /** -1 where the line has none. */
  pid = 0;
  cpu = 0;
  /** common_flags as far as letters tell: 1 irqs off, 4 need-resched, 8 hard interrupt, 0x10 softirq. 0 where none are told. */
  flags = 0;
  seconds = 0;
  /** The fraction in ns. */
  ns = 0;
  /** ns of the last digit of the fraction. */
  resolution = 1;
  /** The event's name; empty where there is none, as the function tracer has it. */
  eventFrom = 0;
  eventTo = 0;
  /** Whether it is one of perf's own records, such as PERF_RECORD_FORK; the event is what it is called. */
  isRecord = false;

  /** Whether `bytes[from, to)` is a line of an event. Fields are not looked at; see {@linkcode EventLine.fields}. */
  parse(bytes: Uint8Array, from: number, to: number): boolean {
    this.bytes = bytes;
    while (to > from && (bytes[to - 1] === 0x20 || bytes[to - 1] === 0x0d)) to--;
    this.end = to;
    // Names are put right in 16 columns.
    let at = from + 16;
    if (at >= to || !this.#head(at)) {
      const last = Math.min(to, from + LONGEST_NAME);
      for (at = from; at < last; at++) {
        const byte = bytes[at]!;
        if ((byte === 0x20 || byte === 0x2d) && this.#head(at)) break;
      }
      if (at >= last) return false;
    }
    let start = from;
    while (start < at && bytes[start] === 0x20) start++;
    this.commFrom = start;
    this.commTo = at;
    return true;
  }

  /** Everything between the name and the event's text, if the name ends at `at`. */
  #head(at: number): boolean {
    const bytes = this.bytes;
    const end = this.end;
    const dash = bytes[at] === 0x2d;
    if (dash) at++;
    else {
      if (bytes[at] !== 0x20) return false;
      while (at < end && bytes[at] === 0x20) at++;
    }
    let tid = this.signed(at);
    at = this.at;
    if (at < 0) return false;
    let pid = -1;
    if (!dash && bytes[at] === 0x2f) {
      pid = tid;
      tid = this.signed(at + 1);
      at = this.at;
      if (at < 0) return false;
    }
    const blank = at;
    while (at < end && bytes[at] === 0x20) at++;
    if (dash && bytes[at] === 0x28) {
      while (++at < end && bytes[at] === 0x20);
      pid = bytes[at] === 0x2d ? -1 : this.number(at);
      if (bytes[at] === 0x2d) { while (at < end && bytes[at] === 0x2d) at++; }
      else at = this.at;
      if (at < 0 || bytes[at] !== 0x29) return false;
      while (++at < end && bytes[at] === 0x20);
    }
    let flags = 0;
    let cpu: number;
    if (bytes[at] === 0x5b) {
      cpu = this.number(at + 1);
      at = this.at;
      if (at < 0 || bytes[at] !== 0x5d) return false;
      while (++at < end && bytes[at] === 0x20);
    } else {
      if (!dash || at === blank) return false;
      cpu = this.number(at);
      at = this.at;
      if (at < 0 || bytes[at] === 0x20) return false;
    }
    const first = bytes[at]!;
    if (first < 0x30 || first > 0x39) {
      const flagsFrom = at;
      while (at < end && bytes[at] !== 0x20) at++;
      const length = at - flagsFrom;
      if (length < 4 || length > 8) return false;
      flags = flagBits(bytes, flagsFrom);
      while (at < end && bytes[at] === 0x20) at++;
    }
    if (cpu > 0xffff || !this.#time(at)) return false;
    at = this.at;
    while (at < end && bytes[at] === 0x20) at++;
    this.tid = tid;
    this.pid = pid;
    this.cpu = cpu;
    this.flags = flags;
    return this.#event(at);
  }

  #time(at: number): boolean {
    const bytes = this.bytes;
    const end = this.end;
    const start = at;
    let seconds = 0;
    for (; at < end; at++) {
      const digit = bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) break;
      seconds = seconds * 10 + digit;
    }
    if (at === start || at - start > 16) return false;
    if (bytes[at] === 0x75 && bytes[at + 1] === 0x73) {
      // Microseconds, a mark for a long delay, a colon.
      at += 2;
      if (bytes[at] !== 0x3a) at++;
      if (bytes[at] !== 0x3a) return false;
      this.seconds = Math.floor(seconds / 1e6);
      this.ns = (seconds % 1e6) * 1000;
      this.resolution = 1000;
      this.at = at + 1;
      return true;
    }
    if (bytes[at] !== 0x2e || at - start > 10) return false;
    const point = ++at;
    let ns = 0;
    for (; at < end; at++) {
      const digit = bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) break;
      ns = ns * 10 + digit;
    }
    const digits = at - point;
    if ((digits !== 6 && digits !== 9) || bytes[at] !== 0x3a) return false;
    this.seconds = seconds;
    this.resolution = digits === 6 ? 1000 : 1;
    this.ns = ns * this.resolution;
    this.at = at + 1;
    return true;
  }

  #event(at: number): boolean {
    const bytes = this.bytes;
    const end = this.end;
    // perf script -F period puts it before the event.
    let start = at;
    while (at < end && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
    if (at > start && bytes[at] === 0x20) {
      while (at < end && bytes[at] === 0x20) at++;
      start = at;
    }
    let stop = bytes[start] === 0x50 && this.has(start, PERF_RECORD) ? start : -1;
    this.isRecord = stop >= 0;
    if (stop >= 0) {
      while (stop < end && (bytes[stop]! >= 0x41 && bytes[stop]! <= 0x5a || bytes[stop] === 0x5f)) stop++;
      this.textFrom = stop;
    } else {
      for (at = start; at < end && bytes[at] !== 0x20; at++);
      stop = bytes[at - 1] === 0x3a && at > start + 1 && at - start < 256 ? at - 1 : start;
      if (stop > start) { while (at < end && bytes[at] === 0x20) at++; }
      else at = start;
      this.textFrom = at;
    }
    this.eventFrom = start;
    this.eventTo = stop;
    this.textTo = end;
    return true;
  }
}

/** What the letters of the latency columns say: interrupts off, need-resched, in an interrupt. */
function flagBits(bytes: Uint8Array, from: number): number {
  const irqs = bytes[from]!;
  const resched = bytes[from + 1]!;
  const context = bytes[from + 2]!;
  return (irqs === 0x64 || irqs === 0x44 ? 1 : 0) | (resched !== 0x2e && resched !== 0x70 ? 4 : 0) |
    (context === 0x68 || context === 0x48 || context === 0x5a || context === 0x7a ? 8 : 0) |
    (context === 0x73 || context === 0x48 ? 0x10 : 0);
}
