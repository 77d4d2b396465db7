import { Kind, type SchedStream } from "../../trace/stream.ts";
import { encodeTaskName } from "../../trace/task_name.ts";
import type { Trace } from "../../trace/trace.ts";
import { byteString } from "./byte_string.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { deliveryOrder } from "./delivery_order.ts";
import { MAX_CPUS, type TimehistPrintOptions } from "./options.ts";
import { PerfPrinter } from "./perf_print.ts";
import { printPerfSummary } from "./perf_summary.ts";
import { NEVER, PerfThread, PerfThreads } from "./perf_threads.ts";

/** Where and when an event was recorded and by whom. */
interface Context {
  readonly ts: number;
  readonly cpu: number;
  readonly pid: number;
  readonly tid: number;
}

/**
 * Writes what `perf sched timehist` of perf 6.1 prints for the same recording and options, to the byte; its rules, good and
 * bad, are those of builtin-sched.c. For proof and comparison; analyses use {@linkcode timehist}.
 *
 * Recordings with call chains are printed as perf does with `--no-call-graph`.
 */
export function writePerfTimehist(trace: Trace, out: ByteWriter, options: TimehistPrintOptions = {}): void {
  new PerfTimehist(trace, out, options).run();
}

class PerfTimehist {
  readonly #trace: Trace;
  readonly #out: ByteWriter;
  readonly #options: TimehistPrintOptions;
  readonly #printer: PerfPrinter;
  readonly #threads = new PerfThreads();
  readonly #idle: (PerfThread | undefined)[] = [];
  readonly #from: number;
  readonly #to: number;
  /** Stamp of each CPU's last switch. */
  #before = new Float64Array(64).fill(NEVER);
  /** Samples of threads that `-p` and `-t` leave out. */
  #skipped = 0;
  #first = NEVER;
  #last = NEVER;

  constructor(trace: Trace, out: ByteWriter, options: TimehistPrintOptions) {
    this.#trace = trace;
    this.#out = out;
    this.#options = options;
    const online = trace.host.cpusOnline ?? 0;
    const cpus = online === 0 || online > MAX_CPUS ? 4 : online;
    this.#printer = new PerfPrinter(out, trace.epoch, cpus, options);
    for (let cpu = 0; cpu < cpus; cpu++) this.#idle.push(makeIdle());
    const { from = 0n, to = 0n } = options.time ?? {};
    this.#from = from === 0n ? -Infinity : Number(from - trace.epoch);
    this.#to = to === 0n ? Infinity : Number(to - trace.epoch);
  }

  run(): void {
    const options = this.#options;
    const { stream } = this.#trace;
    const { kind, ts, cpu, pid, tid, a, b, c, length } = stream;
    // Where sched_waking was set up, sched_wakeup is ignored, even if no waking was recorded.
    const wakeup = this.#trace.formats.has("sched:sched_waking") ? 0 : Kind.Wakeup;
    const comms = stream.comms.map((name) => byteString(encodeTaskName(name)));
    const nextComms = options.next === true && options.summaryOnly !== true
      ? this.#trace.exactNames("sched:sched_switch", "next_comm")
      : undefined;
    const nextNames = nextComms?.dictionary.map((name) => byteString(encodeTaskName(name))) ?? [];
    const printer = this.#printer;
    const threads = this.#threads;
    if (options.summaryOnly !== true) printer.header();
    const switchRow = nextComms === undefined ? () => 0 : switchRows(stream);
    const order = deliveryOrder(stream);
    for (let step = 0; step < length; step++) {
      const i = order === undefined ? step : order[step]!;
      const what = kind[i]!;
      if (what <= Kind.Migrate || (what >= Kind.ProcessFork && what <= Kind.ProcessExec)) {
        printer.sawCpu(cpu[i]!);
      }
      switch (what) {
        case Kind.Switch: {
          const nextComm = nextComms === undefined ? "" : nextNames[nextComms.codes[switchRow(i)]!]!;
          this.#switch(ts[i]!, cpu[i]!, pid[i]!, tid[i]!, a[i]!, b[i]!, c[i]!, nextComm);
          break;
        }
        case wakeup:
        case Kind.Waking:
        case Kind.WakeupNew:
          this.#wakeup({ ts: ts[i]!, cpu: cpu[i]!, pid: pid[i]!, tid: tid[i]! }, a[i]!);
          break;
        case Kind.Migrate:
          if (options.migrations === true) {
            this.#migrate({ ts: ts[i]!, cpu: cpu[i]!, pid: pid[i]!, tid: tid[i]! }, a[i]!, b[i]!, c[i]!);
          }
          break;
        case Kind.Fork:
          threads.fork(pid[i]!, tid[i]!, a[i]!, b[i]!);
          break;
        case Kind.Exit:
          threads.exit(pid[i]!, tid[i]!);
          break;
        case Kind.Comm:
          threads.findNew(pid[i]!, tid[i]!).setComm(comms[a[i]!]!);
          break;
        case Kind.Mmap:
          threads.findNew(pid[i]!, tid[i]!);
          break;
        case Kind.Lost:
          printer.lost(ts[i]!, cpu[i]!, a[i]! >>> 0);
      }
    }
    if (options.withSummary === true || options.summaryOnly === true) this.#summary();
  }

  #summary(): void {
    printPerfSummary(this.#out, this.#printer, this.#options, {
      threads: this.#threads.listed().filter((thread) => !this.#filtered(thread)),
      idle: this.#idle,
      span: span(this.#trace.epoch, this.#first, this.#last),
      skipped: this.#skipped > 0,
    });
  }

  #switch(
    stamp: number,
    cpu: number,
    pid: number,
    tid: number,
    prevPid: number,
    state: number,
    nextPid: number,
    nextComm: string,
  ): void {
    const { idleOnly, cpus, summaryOnly } = this.#options;
    const threads = this.#threads;
    threads.findNew(pid, tid);
    let thread: PerfThread;
    if (prevPid === 0) thread = this.#idleOf(cpu);
    else {
      thread = threads.findNew(pid, tid === 0 ? pid : tid);
      if (tid !== pid) threads.findNew(pid, pid);
      if (idleOnly === true) this.#idleOf(cpu).lastThread = thread;
    }
    if (cpu >= this.#before.length) this.#widen(cpu);
    let t = stamp;
    let touched = false;
    if (!this.#skips(thread, idleOnly === true && prevPid !== 0 && nextPid !== 0)) {
      thread.timed = true;
      touched = true;
      let before = this.#before[cpu]!;
      const inside = this.#from <= t;
      if (before !== NEVER && this.#from > before) before = this.#from;
      if (inside && !(this.#to !== Infinity && (before === NEVER || before > this.#to))) {
        if (t > this.#to) t = this.#to;
        const wanted = cpus === undefined || cpus.has(cpu);
        let shown = wanted && summaryOnly !== true;
        if (idleOnly !== true) {
          if (wanted) account(thread, t, before);
        } else if (thread.tid === 0) {
          if (wanted) account(thread, t, before);
          const last = thread.lastThread;
          if (last === undefined) shown = false;
          else {
            last.timed = true;
            account(last, t, before);
            last.run =
              last.sleep =
              last.iowait =
              last.preempt =
              last.delay =
                0;
            thread.lastThread = undefined;
          }
        }
        if (shown) this.#printer.sample(thread, t, cpu, state, nextComm, nextPid);
      }
    }
    if (this.#first === NEVER && t >= this.#from) this.#first = t;
    if (t <= this.#to) this.#last = t;
    if (touched) {
      thread.lastTime = stamp;
      thread.lastState = state;
      thread.ready = NEVER;
    }
    this.#before[cpu] = stamp;
  }

  #wakeup(at: Context, wakee: number): void {
    const thread = this.#threads.findNew(0, wakee);
    thread.timed = true;
    if (thread.ready === NEVER) thread.ready = at.ts;
    if (this.#options.wakeups !== true || at.ts < this.#from || at.ts > this.#to) return;
    const waker = this.#threads.findNew(at.pid, at.tid);
    const idleOnly = this.#options.idleOnly === true;
    if (this.#skips(waker, idleOnly) && this.#skips(thread, idleOnly)) return;
    this.#printer.wakeup(at.ts, at.cpu, waker, thread);
  }

  #migrate(at: Context, pid: number, from: number, to: number): void {
    const thread = this.#threads.findNew(0, pid);
    thread.timed = true;
    thread.migrations++;
    if (this.#options.summaryOnly === true) return;
    const mover = this.#threads.findNew(at.pid, at.tid);
    const idleOnly = this.#options.idleOnly === true;
    if (this.#skips(mover, idleOnly) && this.#skips(thread, idleOnly)) return;
    this.#printer.migration(at.ts, at.cpu, mover, thread, from, to);
  }

  /** `timehist_skip_sample`; counts what the filters leave out. */
  #skips(thread: PerfThread, notIdle: boolean): boolean {
    if (!this.#filtered(thread)) return notIdle;
    this.#skipped++;
    return true;
  }

  #filtered(thread: PerfThread): boolean {
    const { pids, tids } = this.#options;
    return (pids !== undefined && !pids.has(thread.pid)) || (tids !== undefined && !tids.has(thread.tid));
  }

  #idleOf(cpu: number): PerfThread {
    const idle = this.#idle;
    if (cpu >= idle.length) {
      let room = 1;
      while (room < cpu + 1) room *= 2;
      while (idle.length < room) idle.push(undefined);
    }
    return idle[cpu] ??= makeIdle();
  }

  #widen(cpu: number): void {
    const wider = new Float64Array(Math.max(cpu + 1, this.#before.length * 2)).fill(NEVER);
    wider.set(this.#before);
    this.#before = wider;
  }
}

/** A function that tells how many switches come before a row of the stream. */
function switchRows(stream: SchedStream): (row: number) => number {
  const { kind, length } = stream;
  const before = new Uint32Array(length);
  for (let i = 0, count = 0; i < length; i++) before[i] = kind[i] === Kind.Switch ? count++ : count;
  return (row) => before[row]!;
}

function makeIdle(): PerfThread {
  const idle = new PerfThread(0, 0);
  idle.setComm("<idle>");
  idle.timed = true;
  return idle;
}

/** ns from the first to the last switch as perf counts them: unsigned, stamps that were never taken are 0. */
function span(epoch: bigint, first: number, last: number): bigint {
  const stamp = (ts: number) => ts === NEVER ? 0n : epoch + BigInt(ts);
  return BigInt.asUintN(64, stamp(last) - stamp(first));
}

/** `timehist_update_runtime_stats`: books a run from `before` to `t`. */
function account(r: PerfThread, t: number, before: number): void {
  r.run =
    r.sleep =
    r.iowait =
    r.preempt =
    r.delay =
      0;
  if (before !== NEVER) {
    r.run = t - before;
    if (r.ready !== NEVER && r.ready <= before) r.delay = before - r.ready;
    if (r.lastTime !== NEVER && r.lastTime <= before) {
      const wait = before - r.lastTime;
      if (r.lastState === 0) r.preempt = wait;
      else if (r.lastState === 2) r.iowait = wait;
      else r.sleep = wait;
    }
  }
  // Welford's recurrence, in perf's order of operations: its rounding is part of the output.
  const { run } = r;
  const n = ++r.count;
  const delta = run - r.mean;
  r.mean += delta / n;
  r.m2 += delta * (run - r.mean);
  if (run > r.longest) r.longest = run;
  if (run < r.shortest) r.shortest = run;
  r.totalRun += run;
  r.totalDelay += r.delay;
  r.totalSleep += r.sleep;
  r.totalIowait += r.iowait;
  r.totalPreempt += r.preempt;
}
