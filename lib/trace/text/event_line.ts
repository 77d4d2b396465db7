import { stateBits } from "./state_letters.ts";
import { Kind } from "../stream.ts";

/** Longest name in front of a line: workqueue threads have more than the 15 bytes of a task's. */
const LONGEST_NAME = 80;
/** A task's name has at most 15 bytes (TASK_COMM_LEN with its NUL). */
const TASK_NAME = 15;

const text = (s: string) => new TextEncoder().encode(s);
const PREV_COMM = text("prev_comm=");
const PREV_PID = text(" prev_pid=");
const PREV_PRIO = text(" prev_prio=");
const PREV_STATE = text(" prev_state=");
const NEXT_COMM = text(" ==> next_comm=");
const NEXT_PID = text(" next_pid=");
const NEXT_PRIO = text(" next_prio=");
const COMM = text("comm=");
const PID = text(" pid=");
const PRIO = text(" prio=");
const SUCCESS = text(" success=");
const TARGET_CPU = text(" target_cpu=");
const CPU = text(" CPU:");
const ORIG_CPU = text(" orig_cpu=");
const DEST_CPU = text(" dest_cpu=");
const CHILD_COMM = text(" child_comm=");
const CHILD_PID = text(" child_pid=");
const FILENAME = text("filename=");
const OLD_PID = text(" old_pid=");
const ARROW = text(" ==> ");
const PERF_RECORD = text("PERF_RECORD_");

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
 * A name may hold anything, but no more than 15 bytes, and what stands behind a name is longer than that: so the first
 * place where all of it is found is the name's end. Results are positions in the bytes given, and numbers.
 */
export class EventLine {
  /** The name in front of the line, without the blanks before it. */
  commFrom = 0;
  commTo = 0;
  tid = 0;
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
  textFrom = 0;
  textTo = 0;
  /** Whether it is one of perf's own records, such as PERF_RECORD_FORK; the event is what it is called. */
  isRecord = false;
  /** First name among the fields (prev_comm, comm, parent_comm, filename), then the second (next_comm, child_comm). */
  aFrom = 0;
  aTo = 0;
  bFrom = 0;
  bTo = 0;
  /** The fields that are numbers, in the order of the text. -1 where the spelling leaves one out. */
  n0 = 0;
  n1 = 0;
  n2 = 0;
  n3 = 0;
  n4 = 0;
  #bytes: Uint8Array = new Uint8Array();
  #end = 0;
  /** Where a number ended. */
  #at = 0;

  /** Whether `bytes[from, to)` is a line of an event. Fields are not looked at; see {@linkcode EventLine.fields}. */
  parse(bytes: Uint8Array, from: number, to: number): boolean {
    this.#bytes = bytes;
    while (to > from && (bytes[to - 1] === 0x20 || bytes[to - 1] === 0x0d)) to--;
    this.#end = to;
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
    const bytes = this.#bytes;
    const end = this.#end;
    const dash = bytes[at] === 0x2d;
    if (dash) at++;
    else {
      if (bytes[at] !== 0x20) return false;
      while (at < end && bytes[at] === 0x20) at++;
    }
    let tid = this.#signed(at);
    at = this.#at;
    if (at < 0) return false;
    let pid = -1;
    if (!dash && bytes[at] === 0x2f) {
      pid = tid;
      tid = this.#signed(at + 1);
      at = this.#at;
      if (at < 0) return false;
    }
    const blank = at;
    while (at < end && bytes[at] === 0x20) at++;
    if (dash && bytes[at] === 0x28) {
      while (++at < end && bytes[at] === 0x20);
      pid = bytes[at] === 0x2d ? -1 : this.#number(at);
      if (bytes[at] === 0x2d) { while (at < end && bytes[at] === 0x2d) at++; }
      else at = this.#at;
      if (at < 0 || bytes[at] !== 0x29) return false;
      while (++at < end && bytes[at] === 0x20);
    }
    let flags = 0;
    let cpu: number;
    if (bytes[at] === 0x5b) {
      cpu = this.#number(at + 1);
      at = this.#at;
      if (at < 0 || bytes[at] !== 0x5d) return false;
      while (++at < end && bytes[at] === 0x20);
    } else {
      if (!dash || at === blank) return false;
      cpu = this.#number(at);
      at = this.#at;
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
    at = this.#at;
    while (at < end && bytes[at] === 0x20) at++;
    this.tid = tid;
    this.pid = pid;
    this.cpu = cpu;
    this.flags = flags;
    return this.#event(at);
  }

  #time(at: number): boolean {
    const bytes = this.#bytes;
    const end = this.#end;
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
      this.#at = at + 1;
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
    this.#at = at + 1;
    return true;
  }

  #event(at: number): boolean {
    const bytes = this.#bytes;
    const end = this.#end;
    // perf script -F period puts it before the event.
    let start = at;
    while (at < end && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
    if (at > start && bytes[at] === 0x20) {
      while (at < end && bytes[at] === 0x20) at++;
      start = at;
    }
    let stop = bytes[start] === 0x50 && this.#has(start, PERF_RECORD) ? start : -1;
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

  /** Whether the text has the fields of an event of `kind`: of one that becomes a row of a stream. */
  fields(kind: number): boolean {
    switch (kind) {
      case Kind.Switch:
        return this.#kernelSwitch() || this.#librarySwitch();
      case Kind.Waking:
      case Kind.Wakeup:
      case Kind.WakeupNew:
        return this.#kernelWakeup() || this.#libraryWakeup();
      case Kind.Migrate:
        return this.#migrate();
      case Kind.ProcessFork:
        return this.#fork();
      case Kind.ProcessExit:
        return this.#exit();
      case Kind.ProcessExec:
        return this.#exec();
      default:
        return true;
    }
  }

  /** `prev_comm=A prev_pid=1 prev_prio=120 prev_state=S ==> next_comm=B next_pid=2 next_prio=120` */
  #kernelSwitch(): boolean {
    const bytes = this.#bytes;
    const last = this.#from(PREV_COMM);
    for (let at = last; at < this.aFrom + LONGEST_NAME && at < this.#end; at++) {
      if (bytes[at] !== 0x20 || !this.#has(at, PREV_PID)) continue;
      this.n0 = this.#signed(at + PREV_PID.length);
      this.n1 = this.#after(PREV_PRIO);
      if (!this.#skip(PREV_STATE)) continue;
      const letters = this.#at;
      const blank = this.#blankFrom(letters);
      this.n2 = stateBits(this.#bytes, letters, blank);
      if (this.n2 < 0 || !this.#has(blank, NEXT_COMM)) continue;
      this.aTo = at;
      return this.#next(blank + NEXT_COMM.length);
    }
    return false;
  }

  #next(from: number): boolean {
    const bytes = this.#bytes;
    this.bFrom = from;
    for (let at = from; at < from + LONGEST_NAME && at < this.#end; at++) {
      if (bytes[at] !== 0x20 || !this.#has(at, NEXT_PID)) continue;
      this.n3 = this.#signed(at + NEXT_PID.length);
      this.n4 = this.#after(NEXT_PRIO);
      this.bTo = at;
      if (this.#at === this.#end) return true;
    }
    return false;
  }

  /**
   * `A:1 [120] S ==> B:2 [120]`. Names of realtime tasks leave room for a second reading; then the one in which the first
   * task is the one in front of the line counts.
   */
  #librarySwitch(): boolean {
    const from = this.textFrom;
    let found = false;
    for (let at = from; at <= from + TASK_NAME && at < this.#end; at++) {
      if (this.#bytes[at] !== 0x3a) continue;
      const pid = this.#signed(at + 1);
      const prio = this.#bracketed();
      if (this.#at < 0 || this.#bytes[this.#at] !== 0x20) continue;
      const letters = this.#at + 1;
      const blank = this.#blankFrom(letters);
      const state = stateBits(this.#bytes, letters, blank, true);
      if (state < 0 || !this.#has(blank, ARROW)) continue;
      if (found && pid !== this.tid) continue;
      const next = blank + ARROW.length;
      const split = this.#taskAtEnd(next);
      if (split < 0) continue;
      found = true;
      this.aFrom = from;
      this.aTo = at;
      this.n0 = pid;
      this.n1 = prio;
      this.n2 = state;
      this.bFrom = next;
      this.bTo = split;
      if (pid === this.tid) break;
    }
    return found;
  }

  /** Where the name in `NAME:2 [120]`, which must be all from `from` to the end, ends; sets n3 and n4. */
  #taskAtEnd(from: number): number {
    const last = Math.min(from + TASK_NAME, this.#end);
    for (let at = from; at <= last; at++) {
      if (this.#bytes[at] !== 0x3a) continue;
      const pid = this.#signed(at + 1);
      const prio = this.#bracketed();
      if (this.#at !== this.#end) continue;
      this.n3 = pid;
      this.n4 = prio;
      return at;
    }
    return -1;
  }

  /** `comm=A pid=1 prio=120 target_cpu=000`, with `success=1` in it from older kernels. */
  #kernelWakeup(): boolean {
    const bytes = this.#bytes;
    for (let at = this.#from(COMM); at < this.aFrom + LONGEST_NAME && at < this.#end; at++) {
      if (bytes[at] !== 0x20 || !this.#has(at, PID)) continue;
      this.n0 = this.#signed(at + PID.length);
      this.n1 = this.#after(PRIO);
      if (this.#at >= 0 && this.#has(this.#at, SUCCESS)) this.#after(SUCCESS);
      this.n2 = this.#after(TARGET_CPU);
      this.aTo = at;
      if (this.#at === this.#end) return true;
    }
    return false;
  }

  /** `A:1 [120] CPU:000`, with `success=1` in it from older kernels. */
  #libraryWakeup(): boolean {
    this.aFrom = this.textFrom;
    for (let at = this.aFrom; at <= this.aFrom + TASK_NAME && at < this.#end; at++) {
      if (this.#bytes[at] !== 0x3a) continue;
      this.n0 = this.#signed(at + 1);
      this.n1 = this.#bracketed();
      if (this.#at >= 0 && this.#has(this.#at, SUCCESS)) this.#after(SUCCESS);
      this.n2 = this.#at === this.#end ? -1 : this.#after(CPU);
      this.aTo = at;
      if (this.#at === this.#end) return true;
    }
    return false;
  }

  /** `comm=A pid=1 prio=120 orig_cpu=0 dest_cpu=1` */
  #migrate(): boolean {
    const bytes = this.#bytes;
    for (let at = this.#from(COMM); at < this.aFrom + LONGEST_NAME && at < this.#end; at++) {
      if (bytes[at] !== 0x20 || !this.#has(at, PID)) continue;
      this.n0 = this.#signed(at + PID.length);
      this.n1 = this.#after(PRIO);
      this.n2 = this.#after(ORIG_CPU);
      this.n3 = this.#after(DEST_CPU);
      this.aTo = at;
      if (this.#at === this.#end) return true;
    }
    return false;
  }

  /** `comm=A pid=1 child_comm=B child_pid=2` */
  #fork(): boolean {
    const bytes = this.#bytes;
    for (let at = this.#from(COMM); at < this.aFrom + LONGEST_NAME && at < this.#end; at++) {
      if (bytes[at] !== 0x20 || !this.#has(at, PID)) continue;
      this.n0 = this.#signed(at + PID.length);
      if (!this.#skip(CHILD_COMM)) continue;
      this.aTo = at;
      this.bFrom = this.#at;
      for (let to = this.bFrom; to < this.bFrom + LONGEST_NAME && to < this.#end; to++) {
        if (bytes[to] !== 0x20 || !this.#has(to, CHILD_PID)) continue;
        this.n1 = this.#signed(to + CHILD_PID.length);
        this.bTo = to;
        if (this.#at === this.#end) return true;
      }
    }
    return false;
  }

  /** `comm=A pid=1 prio=120`; newer kernels add `group_dead=true`. */
  #exit(): boolean {
    const bytes = this.#bytes;
    for (let at = this.#from(COMM); at < this.aFrom + LONGEST_NAME && at < this.#end; at++) {
      if (bytes[at] !== 0x20 || !this.#has(at, PID)) continue;
      this.n0 = this.#signed(at + PID.length);
      this.n1 = this.#after(PRIO);
      this.aTo = at;
      if (this.#at === this.#end || (this.#at >= 0 && this.#bytes[this.#at] === 0x20)) return true;
    }
    return false;
  }

  /** `filename=/bin/true pid=1 old_pid=1`: a file's name may be long, so this is read from its end. */
  #exec(): boolean {
    const bytes = this.#bytes;
    if (!this.#has(this.textFrom, FILENAME)) return false;
    this.aFrom = this.textFrom + FILENAME.length;
    const least = Math.max(this.aFrom, this.#end - 64);
    for (let at = this.#end - 1; at >= least; at--) {
      if (bytes[at] !== 0x20 || !this.#has(at, PID)) continue;
      this.n0 = this.#signed(at + PID.length);
      this.n1 = this.#after(OLD_PID);
      this.aTo = at;
      if (this.#at === this.#end) return true;
    }
    return false;
  }

  /** Where the first name starts, behind `label`, if the text begins with it; else the end of the line. */
  #from(label: Uint8Array): number {
    this.aFrom = this.textFrom + label.length;
    return this.#has(this.textFrom, label) ? this.aFrom : this.#end;
  }

  #blankFrom(at: number): number {
    const last = Math.min(this.#end, at + 32);
    while (at < last && this.#bytes[at] !== 0x20) at++;
    return at;
  }

  #has(at: number, what: Uint8Array): boolean {
    const bytes = this.#bytes;
    const length = what.length;
    if (at + length > this.#end) return false;
    for (let i = 0; i < length; i++) if (bytes[at + i] !== what[i]) return false;
    return true;
  }

  /** Goes on behind `what`, which must stand where the last number ended. */
  #skip(what: Uint8Array): boolean {
    if (this.#at < 0 || !this.#has(this.#at, what)) return false;
    this.#at += what.length;
    return true;
  }

  /** The number behind `label`, which must stand where the last number ended; else -1, and there is no such end. */
  #after(label: Uint8Array): number {
    if (this.#skip(label)) return this.#signed(this.#at);
    this.#at = -1;
    return -1;
  }

  /** The number in ` [120]`, where the last number ended. */
  #bracketed(): number {
    const at = this.#at;
    if (at < 0 || this.#bytes[at] !== 0x20 || this.#bytes[at + 1] !== 0x5b) {
      this.#at = -1;
      return -1;
    }
    const value = this.#signed(at + 2);
    this.#at = this.#at >= 0 && this.#at < this.#end && this.#bytes[this.#at] === 0x5d ? this.#at + 1 : -1;
    return value;
  }

  #signed(at: number): number {
    return this.#bytes[at] === 0x2d ? -this.#number(at + 1) : this.#number(at);
  }

  /** Up to nine digits; sets where they end, or -1 where there are none or more. */
  #number(at: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    const start = at;
    let value = 0;
    for (; at < end; at++) {
      const digit = bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      if (at - start > 8) {
        this.#at = -1;
        return -1;
      }
    }
    this.#at = at === start ? -1 : at;
    return value;
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
