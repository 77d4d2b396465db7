import type { ByteWriter } from "./byte_writer.ts";
import type { TimehistPrintOptions } from "./options.ts";
import type { PerfThread } from "./perf_threads.ts";

const NS_PER_SECOND = 1e9;
const DASHES = "-".repeat(207);
/** `TASK_STATE_TO_CHAR_STR` of perf 6.1, by the number of the lowest bit that is set. */
const STATE_LETTERS = "RSDTtZXxKWP";
/** A name is cut to this many bytes (`static char str[32]`). */
const NAME_BYTES = 31;
/** `next: ...` is cut to this many bytes (`char nstr[30]`). */
const NEXT_BYTES = 29;

/** Prints the lines of perf's timehist, with its column widths. */
export class PerfPrinter {
  readonly #out: ByteWriter;
  readonly #second: number;
  readonly #rest: number;
  readonly #options: TimehistPrintOptions;
  /** Highest CPU; begins as the number of CPUs online, one too many. */
  maxCpu: number;
  /** Width of the task column: grows with the names that are printed. */
  width = 30;

  /** Prints to `out`; stamps are relative to `epoch`. */
  constructor(out: ByteWriter, epoch: bigint, maxCpu: number, options: TimehistPrintOptions) {
    this.#out = out;
    this.#second = Number(epoch / 1_000_000_000n);
    this.#rest = Number(epoch % 1_000_000_000n);
    this.#options = options;
    this.maxCpu = maxCpu;
  }

  /** A sample of `cpu` was seen. */
  sawCpu(cpu: number): void {
    if (cpu > this.maxCpu) this.maxCpu = cpu;
  }

  /** The three lines at the top. */
  header(): void {
    const out = this.#out;
    const { cpuVisual, state } = this.#options;
    const cpus = this.maxCpu + 1;
    const columns = (task: string, unit: (text: string) => string, last: string) => {
      out.text(" ");
      out.left(task, this.width);
      out.text(`  ${unit("wait time")}  ${unit("sch delay")}  ${unit("run time")}`);
      if (state === true) out.text(last);
      out.text("\n");
    };
    out.text(`${"time".padStart(15)} ${"cpu".padStart(6)} `);
    if (cpuVisual === true) {
      out.text(" ");
      for (let cpu = 0; cpu < cpus; cpu++) out.text((cpu & 15).toString(16));
      out.text(" ");
    }
    columns("task name", (text) => text.padStart(9), "  state");
    out.blanks(23);
    if (cpuVisual === true) out.blanks(cpus + 2);
    columns("[tid/pid]", () => "   (msec)", "       ");
    out.text(`${dashes(15)} ${dashes(6)} `);
    if (cpuVisual === true) out.text(` ${dashes(cpus)} `);
    columns(dashes(this.width), () => dashes(9), `  ${dashes(5)}`);
  }

  /** A task left its CPU. */
  sample(thread: PerfThread, t: number, cpu: number, state: number, nextComm: string, nextPid: number): void {
    const out = this.#out;
    const options = this.#options;
    this.#stamp(t, cpu);
    if (options.cpuVisual === true) {
      out.byte(0x20);
      this.#lane(cpu, thread.tid === 0 ? "i" : "s");
      out.byte(0x20);
    }
    this.#task(thread);
    out.milliseconds(thread.sleep + thread.iowait + thread.preempt, 6);
    out.byte(0x20);
    out.milliseconds(thread.delay, 6);
    out.byte(0x20);
    out.milliseconds(thread.run, 6);
    out.byte(0x20);
    if (options.state === true) {
      out.blanks(5);
      out.text(thread.tid === 0 ? "I" : stateLetter(state));
      out.byte(0x20);
    }
    if (options.next === true) {
      out.byte(0x20);
      out.left(`next: ${nextComm}[${nextPid}]`.slice(0, NEXT_BYTES), this.width);
    }
    if (options.wakeups === true && options.next !== true) out.blanks(2 + this.width);
    out.byte(0x0a);
  }

  /** `waker` woke `wakee`. */
  wakeup(t: number, cpu: number, waker: PerfThread, wakee: PerfThread): void {
    const out = this.#out;
    this.#stamp(t, cpu);
    if (this.#options.cpuVisual === true) out.blanks(this.maxCpu + 3);
    this.#task(waker);
    out.blanks(34);
    out.text("awakened: ");
    out.text(this.label(wakee));
    out.byte(0x0a);
  }

  /** `mover` moved `task`. */
  migration(t: number, cpu: number, mover: PerfThread, task: PerfThread, from: number, to: number): void {
    const out = this.#out;
    this.#stamp(t, cpu);
    if (this.#options.cpuVisual === true) {
      out.blanks(2);
      this.#lane(cpu, "m");
      out.blanks(2);
    }
    this.#task(mover);
    out.blanks(34);
    out.text("migrated: ");
    out.text(this.label(task));
    out.text(` cpu ${from} => ${to}\n`);
  }

  /** Records were lost. */
  lost(t: number, cpu: number, count: number): void {
    this.#time(t);
    this.#out.text(`lost ${count} events on cpu ${cpu}\n`);
  }

  /** What perf calls `thread`; widens the task column. */
  label(thread: PerfThread): string {
    const known = thread.label;
    if (known !== undefined) return known;
    const { comm, tid, pid } = thread;
    const full = pid === 0 ? comm : tid === pid ? `${comm}[${tid}]` : `${comm}[${tid}/${pid}]`;
    const label = full.slice(0, NAME_BYTES);
    if (label.length > this.width) this.width = label.length;
    return thread.label = label;
  }

  #task(thread: PerfThread): void {
    const label = this.label(thread);
    this.#out.byte(0x20);
    this.#out.left(label, this.width);
    this.#out.byte(0x20);
  }

  #stamp(t: number, cpu: number): void {
    this.#time(t);
    this.#out.byte(0x5b);
    this.#out.integer(cpu, 4, 0x30);
    this.#out.byte(0x5d);
    this.#out.byte(0x20);
  }

  /** `%15s ` of seconds and microseconds, cut. */
  #time(t: number): void {
    const total = t + this.#rest;
    let seconds = Math.floor(total / NS_PER_SECOND);
    let rest = total - seconds * NS_PER_SECOND;
    if (rest < 0) {
      seconds--;
      rest += NS_PER_SECOND;
    }
    this.#out.integer(seconds + this.#second, 8);
    this.#out.byte(0x2e);
    this.#out.integer(Math.floor(rest / 1000), 6, 0x30);
    this.#out.byte(0x20);
  }

  /** One character for each CPU, blank but for `cpu`. */
  #lane(cpu: number, mark: string): void {
    this.#out.blanks(cpu);
    this.#out.text(mark);
    this.#out.blanks(this.maxCpu - cpu);
  }
}

/** A line of `count` dashes; perf's own is this long too. */
export function dashes(count: number): string {
  return DASHES.slice(0, count);
}

function stateLetter(state: number): string {
  const bit = state === 0 ? 0 : 32 - Math.clz32(state & -state);
  return STATE_LETTERS[bit] ?? "?";
}
