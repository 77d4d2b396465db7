import { Kind, type SchedStream } from "../../trace/stream.ts";
import type { RowColumns } from "../../trace/stream_builder.ts";
import { isRunnable, isUninterruptible, stateCode } from "./task_state.ts";
import { ThreadIndex } from "./thread_index.ts";
import {
  Censored,
  CPU_STRIDE,
  type CpuRuns,
  OnCpu,
  type RunFilter,
  type RunRows,
  Slot,
  STRIDE,
  type TrackedRuns,
} from "./tracked_runs.ts";

const Status = { Unknown: 0, Running: 1, Blocked: 2, Runnable: 3 } as const;

/**
 * Goes over the stream once and takes each run of a thread on a CPU with what the thread did before it. The time since the
 * thread's last run is split exclusively: blocked (`sleep`, or `iowait` where it left in state D) until it is woken,
 * `wake_delay` from the waking to the run, `preempt` where it left its CPU runnable (R or R+).
 *
 * Threads are told apart by prev_pid and next_pid, not by the recorder's guess of the current task. Sums go into the
 * result; rows into `rows` where given.
 */
export function trackRuns(stream: SchedStream, filter: RunFilter, rows?: RunRows): TrackedRuns {
  const tracker = new RunTracker(filter, rows);
  tracker.take(stream, undefined, stream.length);
  return tracker.finish();
}

/** The work of {@linkcode trackRuns} on rows that come piece by piece. */
export class RunTracker {
  readonly #filter: RunFilter;
  readonly #rows: RunRows | undefined;
  readonly #index = new ThreadIndex();
  #threads = new Float64Array(256 * STRIDE);
  #status = new Uint8Array(256);
  #lastState = new Int32Array(256);
  #waker = new Int32Array(256);
  #pids = new Int32Array(256);
  #parents = new Int32Array(256);
  #comms = new Int32Array(256);
  #ended = new Uint8Array(256);
  /** 1 while a thread did nothing since it was made. */
  #fresh = new Uint8Array(256);
  /** 1 from the time on when a thread is known to have run. */
  #ran = new Uint8Array(256);

  #cpus = new Float64Array(16 * CPU_STRIDE);
  /** Thread that a CPU switched to; -1 before its first switch. */
  #current = new Int32Array(16).fill(-1);
  #currentWaker = new Int32Array(16);
  #currentCensored = new Uint8Array(16);
  #lost = new Uint8Array(16);
  #cpuCount = 0;

  #runs = 0;
  #censored = 0;
  #switches = 0;
  #lostEvents = 0;
  /** Whether the recording has wakeups. */
  #wakeups = false;

  /** Begins before the first row of a trace. */
  constructor(filter: RunFilter, rows?: RunRows) {
    this.#filter = filter;
    this.#rows = rows;
    for (let cpu = 0; cpu < 16; cpu++) this.#cpus[cpu * CPU_STRIDE] = NaN;
  }

  /**
   * Takes `count` rows, which follow in time on those it took before: `rows` from 0 on, or in the order of `order`.
   */
  take(rows: RowColumns, order: Uint32Array | undefined, count: number): void {
    const { kind, ts, cpu, pid, tid, a, b, c } = rows;
    for (let step = 0; step < count; step++) {
      const i = order === undefined ? step : order[step]!;
      switch (kind[i]!) {
        case Kind.Switch: {
          const prev = a[i]!;
          const process = tid[i] === prev ? pid[i]! : -1;
          this.#switch(this.#switches++, ts[i]!, cpu[i]!, prev, process, b[i]!, c[i]!);
          break;
        }
        // Of a waking and the wakeup that follows it, the second finds the thread runnable and changes nothing.
        case Kind.Waking:
        case Kind.Wakeup:
        case Kind.WakeupNew:
          this.#wakeups = true;
          this.#wake(ts[i]!, a[i]!, tid[i]!, kind[i] === Kind.Waking);
          break;
        case Kind.Migrate:
          this.#threads[this.#thread(a[i]!) * STRIDE + Slot.Migrations]!++;
          break;
        case Kind.Fork:
          this.#fork(pid[i]!, tid[i]!, b[i]!);
          break;
        case Kind.ProcessFork:
          this.#fork(-1, b[i]!, a[i]!);
          break;
        case Kind.Exit:
          this.#exit(tid[i]!);
          break;
        case Kind.ProcessExit:
          this.#exit(a[i]!);
          break;
        case Kind.Comm: {
          const thread = this.#thread(tid[i]!);
          this.#pids[thread] = pid[i]!;
          this.#comms[thread] = a[i]!;
          break;
        }
        case Kind.Lost:
          if (cpu[i]! >= this.#cpuCount) this.#seeCpu(cpu[i]!);
          this.#lost[cpu[i]!] = 1;
          this.#lostEvents += a[i]! >>> 0;
      }
    }
  }

  /** What was found so far. */
  finish(): TrackedRuns {
    return {
      tids: this.#index.tids(),
      threads: this.#threads,
      pids: this.#pids,
      parents: this.#parents,
      comms: this.#comms,
      ended: this.#ended,
      cpus: Array.from({ length: this.#cpuCount }, (_, cpu) => this.#cpuRuns(cpu)),
      censored: this.#censored,
      runs: this.#runs,
      lostEvents: this.#lostEvents,
    };
  }

  #switch(
    row: number,
    t: number,
    cpu: number,
    prevTid: number,
    pid: number,
    state: number,
    nextTid: number,
  ): void {
    if (cpu >= this.#cpuCount) this.#seeCpu(cpu);
    const on = this.#cpus;
    const at = cpu * CPU_STRIDE;
    const since = on[at]!; // OnCpu.Since
    // The idle tasks are all tid 0: they are told apart by their CPU and have no thread.
    const prev = prevTid === 0 ? IDLE : this.#thread(prevTid);
    const expected = this.#current[cpu]!;
    let censored = this.#currentCensored[cpu]!;
    let run = t - since;
    if (prev !== expected || this.#lost[cpu] === 1) {
      if (prev !== expected) {
        if (expected !== NOBODY) {
          on[at + OnCpu.Breaks]!++;
          if (expected >= 0 && this.#status[expected] === Status.Running) this.#forget(expected);
        }
        censored = Censored.Wait;
        on[at + OnCpu.Wait] =
          on[at + OnCpu.Sleep] =
          on[at + OnCpu.Iowait] =
          on[at + OnCpu.Preempt] =
            NaN;
        on[at + OnCpu.WakeDelay] = NaN;
        this.#currentWaker[cpu] = -1;
      }
      if (prev === IDLE) censored = 0;
      censored |= Censored.Run;
      run = NaN;
      this.#lost[cpu] = 0;
    }
    on[at + OnCpu.Switches]!++;
    if (prev >= 0) {
      this.#threads[prev * STRIDE] = t; // Slot.Left
      this.#ran[prev] = 1;
      // Where it was not seen to begin to run, what woke it for that is of the past nevertheless.
      if (prev !== expected) {
        this.#threads[prev * STRIDE + Slot.Woken] = this.#threads[prev * STRIDE + Slot.EarlyWoken] = NaN;
      }
      this.#lastState[prev] = state;
      this.#status[prev] = isRunnable(state) ? Status.Runnable : Status.Blocked;
      if (pid >= 0) this.#pids[prev] = pid;
    }
    if (this.#wanted(t, cpu, prev, prevTid)) {
      this.#runs++;
      if (censored !== 0) this.#censored++;
      if (run === run) on[at + OnCpu.Covered]! += run;
      if (prev >= 0) this.#book(prev, at, run, censored);
      else if (run === run) {
        on[at + OnCpu.Idle]! += run;
        on[at + OnCpu.IdleRuns]!++;
      }
      if (this.#rows !== undefined) {
        this.#store(this.#rows, row, t, cpu, prev, prevTid, run, state, nextTid, censored);
      }
    }
    on[at] = t;
    this.#enter(t, cpu, at, nextTid === 0 ? IDLE : this.#thread(nextTid));
  }

  /** A thread begins to run: what it did since it left a CPU is now known. */
  #enter(t: number, cpu: number, at: number, thread: number): void {
    const on = this.#cpus;
    if (thread === IDLE) {
      this.#current[cpu] = IDLE;
      this.#currentCensored[cpu] = 0;
      on[at + OnCpu.Wait] =
        on[at + OnCpu.Sleep] =
        on[at + OnCpu.Iowait] =
        on[at + OnCpu.Preempt] =
          0;
      on[at + OnCpu.WakeDelay] = 0;
      this.#currentWaker[cpu] = -1;
      return;
    }
    const slots = this.#threads;
    const base = thread * STRIDE;
    // A thread that is thought to run elsewhere left there unseen.
    const left = this.#status[thread] === Status.Running ? NaN : slots[base]!; // Slot.Left
    const woken = slots[base + Slot.Woken]!;
    let wait = t - left;
    let sleep = 0;
    let iowait = 0;
    let preempt = 0;
    let wakeDelay = 0;
    let censored = 0;
    let waker = -1;
    if (left !== left) {
      // Never seen to leave: a new thread's wait begins with its wakeup, that of any other is not known.
      wakeDelay = t - woken;
      const isNew = this.#ended[thread] === 0 && this.#parents[thread] !== -1 && this.#ran[thread] === 0;
      if (isNew && woken === woken) wait = wakeDelay;
      else {
        censored = Censored.Wait;
        sleep = iowait = preempt = NaN;
      }
      waker = woken === woken ? this.#waker[thread]! : -1;
    } else if (isRunnable(this.#lastState[thread]!)) preempt = wait;
    else {
      let blocked = wait;
      if (woken === woken) {
        blocked = woken - left;
        wakeDelay = t - woken;
        waker = this.#waker[thread]!;
      } else if (slots[base + Slot.EarlyWoken]! === slots[base + Slot.EarlyWoken]!) {
        // Woken between setting its state and leaving the CPU: it never slept.
        blocked = 0;
        wakeDelay = wait;
        waker = this.#waker[thread]!;
      } else if (this.#wakeups) wakeDelay = NaN; // the waking was not recorded, and when it came is not known
      if (isUninterruptible(this.#lastState[thread]!)) iowait = blocked;
      else sleep = blocked;
    }
    on[at + OnCpu.Wait] = wait;
    on[at + OnCpu.Sleep] = sleep;
    on[at + OnCpu.Iowait] = iowait;
    on[at + OnCpu.Preempt] = preempt;
    on[at + OnCpu.WakeDelay] = wakeDelay;
    slots[base + Slot.Woken] = NaN;
    slots[base + Slot.EarlyWoken] = NaN;
    this.#status[thread] = Status.Running;
    this.#ran[thread] = 1;
    this.#fresh[thread] = 0;
    this.#current[cpu] = thread;
    this.#currentCensored[cpu] = censored;
    this.#currentWaker[cpu] = waker;
  }

  /** `first` is whether the record comes before all others of its wakeup, as sched_waking does. */
  #wake(t: number, tid: number, waker: number, first: boolean): void {
    const thread = this.#thread(tid);
    const status = this.#status[thread]!;
    const base = thread * STRIDE;
    this.#fresh[thread] = 0;
    if (status === Status.Running) {
      this.#threads[base + Slot.EarlyWoken] = t;
      this.#waker[thread] = waker;
    } else if (status !== Status.Runnable) {
      this.#threads[base + Slot.Woken] = t;
      this.#waker[thread] = waker;
      this.#status[thread] = Status.Runnable;
    } else if (first && this.#threads[base + Slot.Woken]! === this.#threads[base + Slot.Woken]!) {
      // The kernel wakes only who sleeps: since it was woken before, it ran and left its CPU, and nobody saw when.
      this.#threads[base] = NaN; // Slot.Left
      this.#threads[base + Slot.Woken] = t;
      this.#waker[thread] = waker;
    }
  }

  #fork(pid: number, tid: number, parentTid: number): void {
    const parent = this.#index.find(parentTid);
    let child = this.#index.find(tid);
    // A recording may tell of one fork twice, as a record and as a tracepoint.
    if (child < 0 || this.#fresh[child] === 0) child = this.#add(tid);
    this.#parents[child] = parentTid;
    if (pid >= 0) this.#pids[child] = pid;
    if (parent >= 0) this.#comms[child] = this.#comms[parent]!;
  }

  #exit(tid: number): void {
    const thread = this.#index.find(tid);
    if (thread >= 0) this.#ended[thread] = 1;
  }

  /** Nothing is known any more of what the thread is doing. */
  #forget(thread: number): void {
    this.#status[thread] = Status.Unknown;
    const base = thread * STRIDE;
    this.#threads[base] = this.#threads[base + Slot.Woken] = this.#threads[base + Slot.EarlyWoken] = NaN;
  }

  #wanted(t: number, cpu: number, prev: number, tid: number): boolean {
    const { from, to, cpus, pids, tids } = this.#filter;
    return (from === undefined || t >= from) && (to === undefined || t <= to) &&
      (cpus === undefined || cpus.has(cpu)) && (tids === undefined || tids.has(tid)) &&
      (pids === undefined || pids.has(prev < 0 ? 0 : this.#pids[prev]!));
  }

  #book(thread: number, at: number, run: number, censored: number): void {
    const slots = this.#threads;
    const on = this.#cpus;
    const base = thread * STRIDE;
    slots[base + Slot.Runs]!++;
    if (censored !== 0) slots[base + Slot.Censored]!++;
    if (run === run) {
      const n = ++slots[base + Slot.KnownRuns]!;
      slots[base + Slot.Total]! += run;
      const delta = run - slots[base + Slot.Mean]!;
      const mean = slots[base + Slot.Mean]! += delta / n;
      slots[base + Slot.M2]! += delta * (run - mean);
      if (n === 1 || run < slots[base + Slot.Min]!) slots[base + Slot.Min] = run;
      if (run > slots[base + Slot.Max]!) slots[base + Slot.Max] = run;
    }
    const delay = on[at + OnCpu.WakeDelay]!;
    if (delay === delay) {
      slots[base + Slot.WakeDelay]! += delay;
      if (delay > slots[base + Slot.WakeDelayMax]!) slots[base + Slot.WakeDelayMax] = delay;
    }
    if ((censored & Censored.Wait) !== 0) slots[base + Slot.UnknownWaits]!++;
    else {
      slots[base + Slot.Sleep]! += on[at + OnCpu.Sleep]!;
      slots[base + Slot.Iowait]! += on[at + OnCpu.Iowait]!;
      slots[base + Slot.Preempt]! += on[at + OnCpu.Preempt]!;
    }
  }

  #store(
    rows: RunRows,
    switchRow: number,
    t: number,
    cpu: number,
    thread: number,
    tid: number,
    run: number,
    state: number,
    nextTid: number,
    censored: number,
  ): void {
    const on = this.#cpus;
    const at = cpu * CPU_STRIDE;
    const row = rows.length++;
    rows.switchRow[row] = switchRow;
    rows.ts[row] = t;
    rows.cpu[row] = cpu;
    rows.tid[row] = tid;
    rows.pid[row] = thread < 0 ? 0 : this.#pids[thread]!;
    const unknown = (censored & Censored.Wait) !== 0;
    rows.wait[row] = unknown ? NaN : on[at + OnCpu.Wait]!;
    rows.sleep[row] = on[at + OnCpu.Sleep]!;
    rows.iowait[row] = on[at + OnCpu.Iowait]!;
    rows.preempt[row] = on[at + OnCpu.Preempt]!;
    rows.wakeDelay[row] = on[at + OnCpu.WakeDelay]!;
    rows.run[row] = run;
    rows.state[row] = stateCode(state);
    rows.nextPid[row] = nextTid;
    rows.wakerTid[row] = this.#currentWaker[cpu]!;
    rows.censored[row] = censored;
  }

  #thread(tid: number): number {
    const found = this.#index.find(tid);
    return found >= 0 ? found : this.#add(tid);
  }

  #add(tid: number): number {
    const thread = this.#index.add(tid);
    if (thread === this.#status.length) this.#widen();
    const base = thread * STRIDE;
    this.#threads[base] = this.#threads[base + Slot.Woken] = this.#threads[base + Slot.EarlyWoken] = NaN;
    this.#pids[thread] = -1;
    this.#parents[thread] = -1;
    this.#comms[thread] = -1;
    this.#fresh[thread] = 1;
    return thread;
  }

  #widen(): void {
    const n = this.#status.length * 2;
    this.#threads = widened(this.#threads, n * STRIDE);
    this.#status = widened(this.#status, n);
    this.#lastState = widened(this.#lastState, n);
    this.#waker = widened(this.#waker, n);
    this.#pids = widened(this.#pids, n);
    this.#parents = widened(this.#parents, n);
    this.#comms = widened(this.#comms, n);
    this.#ended = widened(this.#ended, n);
    this.#fresh = widened(this.#fresh, n);
    this.#ran = widened(this.#ran, n);
  }

  #seeCpu(cpu: number): void {
    this.#cpuCount = cpu + 1;
    const known = this.#current.length;
    if (cpu < known) return;
    const n = Math.max(cpu + 1, known * 2);
    this.#cpus = widened(this.#cpus, n * CPU_STRIDE);
    this.#current = widened(this.#current, n).fill(NOBODY, known);
    this.#currentWaker = widened(this.#currentWaker, n);
    this.#currentCensored = widened(this.#currentCensored, n);
    this.#lost = widened(this.#lost, n);
    for (let on = known; on < n; on++) this.#cpus[on * CPU_STRIDE] = NaN;
  }

  #cpuRuns(cpu: number): CpuRuns {
    const at = cpu * CPU_STRIDE;
    return {
      switches: this.#cpus[at + OnCpu.Switches]!,
      breaks: this.#cpus[at + OnCpu.Breaks]!,
      idle: this.#cpus[at + OnCpu.Idle]!,
      idleRuns: this.#cpus[at + OnCpu.IdleRuns]!,
      covered: this.#cpus[at + OnCpu.Covered]!,
    };
  }
}

/** In the place of a thread's number: before a CPU's first switch, and the CPU's idle task. */
const NOBODY = -1;
const IDLE = -2;

function widened<A extends Float64Array | Int32Array | Uint8Array>(column: A, length: number): A {
  const out = new (column.constructor as new (length: number) => A)(length);
  out.set(column as never);
  return out;
}
