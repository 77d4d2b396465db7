import { LineCursor } from "./line_cursor.ts";
import { stateBits } from "./state_letters.ts";
import { Kind } from "../stream.ts";

/** Longest name in front of a line: workqueue threads have more than the 15 bytes of a task's. */
export const LONGEST_NAME = 80;
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

/** The text of a line, behind its event's name, and the fields that are found in it. */
export class EventFields extends LineCursor {
  /** The thread in front of the line. */
  tid = 0;
  textFrom = 0;
  textTo = 0;
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
    const bytes = this.bytes;
    const last = this.#from(PREV_COMM);
    for (let at = last; at < this.aFrom + LONGEST_NAME && at < this.end; at++) {
      if (bytes[at] !== 0x20 || !this.has(at, PREV_PID)) continue;
      this.n0 = this.signed(at + PREV_PID.length);
      this.n1 = this.after(PREV_PRIO);
      if (!this.skip(PREV_STATE)) continue;
      const letters = this.at;
      const blank = this.blankFrom(letters);
      this.n2 = stateBits(this.bytes, letters, blank);
      if (this.n2 < 0 || !this.has(blank, NEXT_COMM)) continue;
      this.aTo = at;
      return this.#next(blank + NEXT_COMM.length);
    }
    return false;
  }

  #next(from: number): boolean {
    const bytes = this.bytes;
    this.bFrom = from;
    for (let at = from; at < from + LONGEST_NAME && at < this.end; at++) {
      if (bytes[at] !== 0x20 || !this.has(at, NEXT_PID)) continue;
      this.n3 = this.signed(at + NEXT_PID.length);
      this.n4 = this.after(NEXT_PRIO);
      this.bTo = at;
      if (this.at === this.end) return true;
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
    for (let at = from; at <= from + TASK_NAME && at < this.end; at++) {
      if (this.bytes[at] !== 0x3a) continue;
      const pid = this.signed(at + 1);
      const prio = this.bracketed();
      if (this.at < 0 || this.bytes[this.at] !== 0x20) continue;
      const letters = this.at + 1;
      const blank = this.blankFrom(letters);
      const state = stateBits(this.bytes, letters, blank, true);
      if (state < 0 || !this.has(blank, ARROW)) continue;
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
    const last = Math.min(from + TASK_NAME, this.end);
    for (let at = from; at <= last; at++) {
      if (this.bytes[at] !== 0x3a) continue;
      const pid = this.signed(at + 1);
      const prio = this.bracketed();
      if (this.at !== this.end) continue;
      this.n3 = pid;
      this.n4 = prio;
      return at;
    }
    return -1;
  }

  /** `comm=A pid=1 prio=120 target_cpu=000`, with `success=1` in it from older kernels. */
  #kernelWakeup(): boolean {
    const bytes = this.bytes;
    for (let at = this.#from(COMM); at < this.aFrom + LONGEST_NAME && at < this.end; at++) {
      if (bytes[at] !== 0x20 || !this.has(at, PID)) continue;
      this.n0 = this.signed(at + PID.length);
      this.n1 = this.after(PRIO);
      if (this.at >= 0 && this.has(this.at, SUCCESS)) this.after(SUCCESS);
      this.n2 = this.after(TARGET_CPU);
      this.aTo = at;
      if (this.at === this.end) return true;
    }
    return false;
  }

  /** `A:1 [120] CPU:000`, with `success=1` in it from older kernels. */
  #libraryWakeup(): boolean {
    this.aFrom = this.textFrom;
    for (let at = this.aFrom; at <= this.aFrom + TASK_NAME && at < this.end; at++) {
      if (this.bytes[at] !== 0x3a) continue;
      this.n0 = this.signed(at + 1);
      this.n1 = this.bracketed();
      if (this.at >= 0 && this.has(this.at, SUCCESS)) this.after(SUCCESS);
      this.n2 = this.at === this.end ? -1 : this.after(CPU);
      this.aTo = at;
      if (this.at === this.end) return true;
    }
    return false;
  }

  /** `comm=A pid=1 prio=120 orig_cpu=0 dest_cpu=1` */
  #migrate(): boolean {
    const bytes = this.bytes;
    for (let at = this.#from(COMM); at < this.aFrom + LONGEST_NAME && at < this.end; at++) {
      if (bytes[at] !== 0x20 || !this.has(at, PID)) continue;
      this.n0 = this.signed(at + PID.length);
      this.n1 = this.after(PRIO);
      this.n2 = this.after(ORIG_CPU);
      this.n3 = this.after(DEST_CPU);
      this.aTo = at;
      if (this.at === this.end) return true;
    }
    return false;
  }

  /** `comm=A pid=1 child_comm=B child_pid=2` */
  #fork(): boolean {
    const bytes = this.bytes;
    for (let at = this.#from(COMM); at < this.aFrom + LONGEST_NAME && at < this.end; at++) {
      if (bytes[at] !== 0x20 || !this.has(at, PID)) continue;
      this.n0 = this.signed(at + PID.length);
      if (!this.skip(CHILD_COMM)) continue;
      this.aTo = at;
      this.bFrom = this.at;
      for (let to = this.bFrom; to < this.bFrom + LONGEST_NAME && to < this.end; to++) {
        if (bytes[to] !== 0x20 || !this.has(to, CHILD_PID)) continue;
        this.n1 = this.signed(to + CHILD_PID.length);
        this.bTo = to;
        if (this.at === this.end) return true;
      }
    }
    return false;
  }

  /** `comm=A pid=1 prio=120`; newer kernels add `group_dead=true`. */
  #exit(): boolean {
    const bytes = this.bytes;
    for (let at = this.#from(COMM); at < this.aFrom + LONGEST_NAME && at < this.end; at++) {
      if (bytes[at] !== 0x20 || !this.has(at, PID)) continue;
      this.n0 = this.signed(at + PID.length);
      this.n1 = this.after(PRIO);
      this.aTo = at;
      if (this.at === this.end || (this.at >= 0 && this.bytes[this.at] === 0x20)) return true;
    }
    return false;
  }

  /** `filename=/bin/true pid=1 old_pid=1`: a file's name may be long, so this is read from its end. */
  #exec(): boolean {
    const bytes = this.bytes;
    if (!this.has(this.textFrom, FILENAME)) return false;
    this.aFrom = this.textFrom + FILENAME.length;
    const least = Math.max(this.aFrom, this.end - 64);
    for (let at = this.end - 1; at >= least; at--) {
      if (bytes[at] !== 0x20 || !this.has(at, PID)) continue;
      this.n0 = this.signed(at + PID.length);
      this.n1 = this.after(OLD_PID);
      this.aTo = at;
      if (this.at === this.end) return true;
    }
    return false;
  }

  /** Where the first name starts, behind `label`, if the text begins with it; else the end of the line. */
  #from(label: Uint8Array): number {
    this.aFrom = this.textFrom + label.length;
    return this.has(this.textFrom, label) ? this.aFrom : this.end;
  }
}
