import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns } from "../../frame/units.ts";
import { Kind } from "../../trace/stream.ts";
import type { Trace } from "../../trace/trace.ts";
import { threadNames } from "../thread_names.ts";
import { isRunnable } from "../timehist/task_state.ts";
import { ThreadIndex } from "../timehist/thread_index.ts";
import { type CpuDistance, cpuDistance, type CpuGroups, DISTANCES } from "./cpu_distance.ts";

/**
 * How a thread came to another CPU.
 *
 * | kind | the thread was moved |
 * | --- | --- |
 * | `wakeup` | while it was woken: the CPU was chosen for it (`select_task_rq`) |
 * | `fork` | when it was made: another CPU than its maker's was chosen. The kernel has no migrate event for it |
 * | `exec` | by its CPU's stopper, on its way into another program (`sched_exec`) |
 * | `stopper` | by its CPU's stopper else: active balancing, a new affinity, NUMA balancing |
 * | `balance` | while it was runnable: pulled by another CPU, or pushed |
 * | `unknown` | while a hole hides what it did |
 */
export const MIGRATION_KINDS = ["wakeup", "fork", "exec", "stopper", "balance", "unknown"] as const;

/** One of {@linkcode MIGRATION_KINDS}. */
export type MigrationKind = typeof MIGRATION_KINDS[number];

const KIND = Object.fromEntries(MIGRATION_KINDS.map((kind, code) => [kind, code])) as Record<
  MigrationKind,
  number
>;

/** Columns of {@linkcode migrations}. */
export type MigrationKindColumns = {
  /** When it was moved, or, where no event tells, when it was seen elsewhere. ns since the epoch. */
  ts: Ns;
  /** Thread. */
  tid: Int32Array;
  /** Its name, the last that the trace has. */
  comm: DictColumn;
  /** CPU that it was on. */
  orig_cpu: Int32Array;
  /** CPU that it came to. */
  dest_cpu: Int32Array;
  /** How. */
  kind: DictColumn<MigrationKind>;
  /** The widest boundary between the two CPUs that the topology knows. */
  crosses: DictColumn<CpuDistance>;
  /** CPU that moved it; -1 where no event tells. */
  by_cpu: Int32Array;
  /** Thread in whose context it was moved; -1 where no event tells, or the recorder did not know. */
  by_tid: Int32Array;
  /** 1 where a `sched_migrate_task` tells it. Where it is 0, the thread was seen on another CPU than it was left on. */
  recorded: Uint8Array;
  /** 1 where an event should have told it and none did. */
  censored: Uint8Array;
};

/** Options of {@linkcode migrations}. */
export interface MigrationsOptions {
  /** CPUs by core, cache, node and package. Default: cores and packages as the trace's header tells them. */
  groups?: CpuGroups;
}

/**
 * Every move of a thread from one CPU to another, with its kind and how far it went, in the order of time. (The raw records of
 * `sched_migrate_task` are `trace.migrations`; this has what they mean, and moves without a record.)
 *
 * A move belongs to a wakeup where it is the record that follows the thread's `sched_waking` on the waker's CPU, which is how
 * `try_to_wake_up` makes them. Without `sched_migrate_task` in the trace, moves are where a thread runs or is woken on another CPU
 * than before; a wakeup's and a balance's are then told apart by whether it was woken since. Needs `sched:sched_switch`.
 *
 * Throws `MissingEventError`.
 *
 * @example
 * ```ts
 * import { migrationCounts, migrations } from "@schedscope/schedscope/sched";
 * import { openTrace } from "@schedscope/schedscope/trace";
 *
 * async function whoMoves(path: string) {
 *   return migrationCounts(migrations(await openTrace(path)), "thread");
 * }
 * ```
 */
export function migrations(trace: Trace, options: MigrationsOptions = {}): Frame<MigrationKindColumns> {
  const whole = trace.context ?? trace;
  trace.context?.requireEvent("migrations", "sched:sched_switch");
  if (trace.context === undefined) trace.requireEvent("migrations", "sched:sched_switch");
  const finder = new MoveFinder(whole, trace.span.from, trace.span.to);
  finder.run();
  return finder.frame(options.groups ?? trace.topology);
}

const UNSEEN = 0;
const RUNS = 1;
const PREEMPTED = 2;
const WOKEN = 3;
const SLEEPS = 4;
const HIDDEN = 5;

class MoveFinder {
  readonly #trace: Trace;
  readonly #from: number;
  readonly #to: number;
  readonly #threads = new ThreadIndex();
  // By thread: what it does, on which CPU it is, the row that woke it last, and its last move by a stopper while it did not sleep.
  #does = new Uint8Array(256);
  #place = new Int32Array(256);
  #waking = new Int32Array(256);
  #stopped = new Int32Array(256);
  // Moves: row of the stream that tells it, thread, CPUs, kind.
  readonly #row: number[] = [];
  readonly #tid: number[] = [];
  readonly #orig: number[] = [];
  readonly #dest: number[] = [];
  readonly #kind: number[] = [];

  constructor(trace: Trace, from: number, to: number) {
    this.#trace = trace;
    this.#from = from;
    this.#to = to;
  }

  run(): void {
    const { kind, ts, cpu, tid, a, b, c, length } = this.#trace.stream;
    const stoppers = this.#stoppers();
    const current = new Int32Array(65536).fill(-1);
    const lastRow = new Int32Array(65536).fill(-1);
    for (let i = 0; i < length; i++) {
      if (ts[i]! > this.#to) break;
      const on = cpu[i]!;
      switch (kind[i]) {
        case Kind.Switch: {
          if (current[on]! > 0 && current[on] !== a[i]) this.#hide(current[on]!);
          current[on] = c[i]!;
          this.#left(a[i]!, on, b[i]!, i);
          this.#entered(c[i]!, on, i);
          break;
        }
        case Kind.Lost:
          if (current[on]! > 0) this.#hide(current[on]!);
          break;
        case Kind.Waking: {
          const slot = this.#slot(a[i]!);
          if (slot < 0) break;
          this.#seen(slot, b[i]!, i, this.#does[slot] === SLEEPS ? KIND.unknown : this.#guess(slot));
          if (this.#does[slot] !== RUNS && this.#does[slot] !== PREEMPTED) this.#does[slot] = WOKEN;
          this.#waking[slot] = i;
          break;
        }
        case Kind.Wakeup: {
          const slot = this.#slot(a[i]!);
          if (slot < 0) break;
          if (this.#does[slot] !== RUNS && this.#does[slot] !== PREEMPTED) this.#does[slot] = WOKEN;
          this.#seen(slot, b[i]!, i, this.#guess(slot));
          break;
        }
        case Kind.WakeupNew: {
          const slot = this.#slot(a[i]!);
          if (slot < 0) break;
          this.#does[slot] = WOKEN;
          this.#place[slot] = on;
          this.#seen(slot, b[i]!, i, KIND.fork);
          break;
        }
        case Kind.Migrate: {
          const slot = this.#slot(a[i]!);
          if (slot < 0) break;
          this.#seen(slot, b[i]!, i, KIND.unknown);
          const woken = this.#waking[slot]! >= 0 && lastRow[on] === this.#waking[slot];
          const does = this.#does[slot]!;
          const how = woken || does === SLEEPS || does === UNSEEN && !stoppers.has(tid[i]!)
            ? KIND.wakeup
            : stoppers.has(tid[i]!)
            ? KIND.stopper
            : KIND.balance;
          if (how === KIND.stopper) this.#stopped[slot] = this.#row.length;
          this.#add(slot, i, b[i]!, c[i]!, how);
          this.#place[slot] = c[i]!;
          break;
        }
        case Kind.ProcessExec:
          this.#exec(a[i]!);
          break;
        case Kind.Comm:
          if (b[i] === 1) this.#exec(tid[i]!);
      }
      lastRow[on] = i;
    }
  }

  frame(groups: CpuGroups): Frame<MigrationKindColumns> {
    const { stream } = this.#trace;
    const { ts } = stream;
    // Those before the span were needed to know which of them an exec belongs to.
    const kept = this.#row.flatMap((row, i) => ts[row]! >= this.#from ? [i] : []);
    const names = threadNames(this.#trace, new Set(kept.map((i) => this.#tid[i]!)));
    const distance = cpuDistance(groups);
    const recorded = Uint8Array.from(kept, (i) => this.#isRecorded(i) ? 1 : 0);
    return new Frame<MigrationKindColumns>({
      ts: ns(Float64Array.from(kept, (i) => ts[this.#row[i]!]!)),
      tid: Int32Array.from(kept, (i) => this.#tid[i]!),
      comm: DictColumn.from(kept.map((i) => names.get(this.#tid[i]!) ?? "")),
      orig_cpu: Int32Array.from(kept, (i) => this.#orig[i]!),
      dest_cpu: Int32Array.from(kept, (i) => this.#dest[i]!),
      kind: new DictColumn(Uint8Array.from(kept, (i) => this.#kind[i]!), MIGRATION_KINDS),
      crosses: new DictColumn(
        Uint8Array.from(kept, (i) => distance(this.#orig[i]!, this.#dest[i]!)),
        DISTANCES,
      ),
      by_cpu: Int32Array.from(kept, (i) => this.#isRecorded(i) ? stream.cpu[this.#row[i]!]! : -1),
      by_tid: Int32Array.from(kept, (i) => this.#isRecorded(i) ? stream.tid[this.#row[i]!]! : -1),
      recorded,
      censored: recorded.map((is, at) => is === 0 && this.#kind[kept[at]!] !== KIND.fork ? 1 : 0),
    }, kept.length);
  }

  /** A `sched_migrate_task` also tells of the move before it, where the thread is not on the CPU that it is moved from. */
  #isRecorded(i: number): boolean {
    const { kind, c } = this.#trace.stream;
    const row = this.#row[i]!;
    return kind[row] === Kind.Migrate && c[row] === this.#dest[i] && this.#row[i + 1] !== row;
  }

  /** Threads that stop their CPU to move others: in whose context something is moved, and that are called so. */
  #stoppers(): Set<number> {
    const { kind, tid, length } = this.#trace.stream;
    const movers = new Set<number>();
    for (let i = 0; i < length; i++) if (kind[i] === Kind.Migrate) movers.add(tid[i]!);
    const names = threadNames(this.#trace, movers);
    return new Set([...movers].filter((mover) => /^migration\/\d+$/.test(names.get(mover) ?? "")));
  }

  #slot(tid: number): number {
    if (tid <= 0) return -1;
    const known = this.#threads.find(tid);
    if (known >= 0) return known;
    const slot = this.#threads.add(tid);
    if (slot >= this.#does.length) {
      this.#does = twice(this.#does);
      this.#place = twice(this.#place);
      this.#waking = twice(this.#waking);
      this.#stopped = twice(this.#stopped);
    }
    this.#place[slot] = this.#waking[slot] = this.#stopped[slot] = -1;
    return slot;
  }

  #hide(tid: number): void {
    this.#does[this.#slot(tid)] = HIDDEN;
  }

  /** How a thread that no event moved came elsewhere. */
  #guess(slot: number): number {
    const does = this.#does[slot];
    return does === WOKEN ? KIND.wakeup : does === PREEMPTED ? KIND.balance : KIND.unknown;
  }

  /** It is on CPU `cpu` now, before what row `i` tells. */
  #seen(slot: number, cpu: number, i: number, how: number): void {
    const place = this.#place[slot]!;
    if (place >= 0 && place !== cpu) this.#add(slot, i, place, cpu, how);
    this.#place[slot] = cpu;
  }

  #left(tid: number, cpu: number, state: number, i: number): void {
    const slot = this.#slot(tid);
    if (slot < 0) return;
    this.#seen(slot, cpu, i, KIND.unknown);
    const runnable = isRunnable(state);
    if (!runnable) this.#stopped[slot] = -1;
    // A waking that came before the switch that it belongs to.
    const early = this.#waking[slot]! >= 0 && this.#does[slot] === RUNS;
    this.#does[slot] = runnable ? PREEMPTED : early ? WOKEN : SLEEPS;
  }

  #entered(tid: number, cpu: number, i: number): void {
    const slot = this.#slot(tid);
    if (slot < 0) return;
    this.#seen(slot, cpu, i, this.#guess(slot));
    this.#does[slot] = RUNS;
    this.#waking[slot] = -1;
  }

  #exec(tid: number): void {
    const slot = this.#slot(tid);
    if (slot < 0 || this.#stopped[slot]! < 0) return;
    this.#kind[this.#stopped[slot]!] = KIND.exec;
    this.#stopped[slot] = -1;
  }

  #add(slot: number, row: number, orig: number, dest: number, kind: number): void {
    this.#row.push(row);
    this.#tid.push(this.#threads.tid(slot));
    this.#orig.push(orig);
    this.#dest.push(dest);
    this.#kind.push(kind);
  }
}

function twice<A extends Uint8Array | Int32Array>(column: A): A {
  const wider = new (column.constructor as new (length: number) => A)(column.length * 2);
  wider.set(column);
  return wider;
}
