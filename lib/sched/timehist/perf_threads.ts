/**
 * One `struct thread` of perf with the `struct thread_runtime` that timehist hangs on it. Times are nanoseconds; stamps are
 * relative to the trace's epoch and {@linkcode NEVER} where perf has 0.
 */
export class PerfThread {
  /** -1 where it was never learnt; 0 for a thread first seen as a wakee. */
  pid: number;
  readonly tid: number;
  ppid = -1;
  /** Byte string. */
  comm: string;
  commSet = false;
  /** A record of its exit was seen. */
  dead = false;
  /** Whether timehist looked at its times: only then is it listed. */
  timed = false;
  /** What perf prints of it, at most 31 bytes; undefined after a change. */
  label: string | undefined;

  lastTime = NEVER;
  lastState = 0;
  ready = NEVER;
  run = 0;
  sleep = 0;
  iowait = 0;
  preempt = 0;
  delay = 0;
  migrations = 0;

  count = 0;
  mean = 0.1;
  m2 = 0.1;
  shortest = Infinity;
  longest = 0;
  totalRun = 0;
  totalSleep = 0;
  totalIowait = 0;
  totalPreempt = 0;
  totalDelay = 0;
  /** For an idle thread: the task that ran before it (`-I`). */
  lastThread: PerfThread | undefined;

  /** Makes a thread that is known by its numbers only. */
  constructor(pid: number, tid: number) {
    this.pid = pid;
    this.tid = tid;
    this.comm = `:${tid}`;
    // Begun as fractions so that the fields hold doubles from the first value on.
    this.mean = 0;
    this.m2 = 0;
  }

  /** Gives it a name. */
  setComm(comm: string): void {
    this.comm = comm;
    this.commSet = true;
    this.label = undefined;
  }
}

/** Stands for a stamp that was never taken; perf has 0 there. */
export const NEVER = -1;

const BUCKETS = 256;
/** PID_MAX_LIMIT: no tid of a sound recording is above it. */
const DIRECT = 4194304;

/**
 * The threads of perf's `struct machine` (util/machine.c, perf 6.1): which object a (pid, tid) leads to, when one is
 * replaced, and the order in which they are listed.
 */
export class PerfThreads {
  #slots = new Int32Array(1 << 15);
  readonly #all: PerfThread[] = [];
  readonly #odd = new Map<number, PerfThread>();
  /** Replaced threads in the order of their replacement. */
  readonly #replaced: PerfThread[] = [];

  /** The one thread that is there from the start is `perf_session__register_idle_thread`'s. */
  constructor() {
    this.findNew(0, 0).setComm("swapper");
  }

  /** `machine__find_thread`: the thread of `tid`, whose process is set to `pid` if it was unknown. */
  find(pid: number, tid: number): PerfThread | undefined {
    let thread: PerfThread | undefined;
    if (tid >= 0 && tid <= DIRECT) {
      thread = tid < this.#slots.length ? this.#all[this.#slots[tid]! - 1] : undefined;
    } else thread = this.#odd.get(tid);
    if (thread !== undefined && thread.pid === -1 && pid !== -1) this.#learnPid(thread, pid);
    return thread;
  }

  /** `machine__findnew_thread`: the same, and one is made where there is none; its leader too. */
  findNew(pid: number, tid: number): PerfThread {
    const found = this.find(pid, tid);
    if (found !== undefined) return found;
    const thread = new PerfThread(pid, tid);
    this.#all.push(thread);
    if (tid >= 0 && tid <= DIRECT) {
      if (tid >= this.#slots.length) this.#widen(tid);
      this.#slots[tid] = this.#all.length;
    } else this.#odd.set(tid, thread);
    if (pid !== tid && pid !== -1) this.findNew(pid, pid);
    return thread;
  }

  /** `machine__process_fork_event`: a thread that has the child's tid makes room for a new one. */
  fork(pid: number, tid: number, ppid: number, ptid: number): void {
    const old = this.find(pid, tid);
    let parent = this.findNew(ppid, ptid);
    if (parent.pid !== ppid) {
      this.#remove(parent);
      parent = this.findNew(ppid, ptid);
    }
    if (old !== undefined) this.#remove(old);
    const child = this.findNew(pid, tid);
    if (parent.commSet) child.setComm(parent.comm);
    child.ppid = parent.tid;
  }

  /** `machine__process_exit_event`: it is marked and stays. */
  exit(pid: number, tid: number): void {
    const thread = this.find(pid, tid);
    if (thread !== undefined) thread.dead = true;
  }

  /** Threads in the order of `machine__for_each_thread`: by tid modulo 256, then tid, then the replaced ones. */
  listed(): PerfThread[] {
    const replaced = new Set(this.#replaced);
    const buckets: PerfThread[][] = Array.from({ length: BUCKETS }, () => []);
    for (const thread of this.#all) if (!replaced.has(thread)) buckets[bucketOf(thread)]!.push(thread);
    for (const bucket of buckets) bucket.sort((x, y) => x.tid - y.tid);
    for (const thread of this.#replaced) buckets[bucketOf(thread)]!.push(thread);
    return buckets.flat();
  }

  #learnPid(thread: PerfThread, pid: number): void {
    thread.pid = pid;
    thread.label = undefined;
    if (pid !== thread.tid) this.findNew(pid, pid);
  }

  #remove(thread: PerfThread): void {
    const { tid } = thread;
    if (tid >= 0 && tid <= DIRECT) this.#slots[tid] = 0;
    else this.#odd.delete(tid);
    this.#replaced.push(thread);
  }

  #widen(tid: number): void {
    const wider = new Int32Array(Math.min(DIRECT + 1, Math.max(tid + 1, this.#slots.length * 2)));
    wider.set(this.#slots);
    this.#slots = wider;
  }
}

function bucketOf(thread: PerfThread): number {
  return (thread.tid >>> 0) % BUCKETS;
}
