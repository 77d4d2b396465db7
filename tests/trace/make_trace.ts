import { type Column, DictColumn } from "../../lib/frame/column.ts";
import { Kind } from "../../lib/trace/stream.ts";
import { StreamBuilder } from "../../lib/trace/stream_builder.ts";
import { Trace } from "../../lib/trace/trace.ts";

/** A task of a made-up trace. */
export interface Task {
  tid: number;
  comm: string;
  /** Kernel priority. Default: 120. */
  prio?: number;
  /** Its process. Default: the thread's number. */
  pid?: number;
}

/** The idle task. */
export const IDLE: Task = { tid: 0, comm: "swapper", prio: 120 };

/** Writes a trace by hand, event by event, for tests that know the answer. Times are ns; the first one given is ts = 0. */
export class TraceWriter {
  readonly #builder = new StreamBuilder(16);
  readonly #switches: { prev: Task; next: Task; ts: number }[] = [];
  readonly #extra = new Map<string, { ts: number; cpu: number; fields: Record<string, number | string> }[]>();
  #wakings = 0;
  #wakeups = 0;
  #migrations = 0;
  #cores: readonly (readonly number[])[] = [];
  #packages: readonly (readonly number[])[] = [];

  switch(ts: number, cpu: number, prev: Task, state: number, next: Task): this {
    this.#builder.add(Kind.Switch, ts, cpu, prev.pid ?? prev.tid, prev.tid, prev.tid, state, next.tid);
    this.#switches.push({ prev, next, ts });
    return this;
  }

  /** `flags` are the record's common_flags: 0x08 in a hard interrupt, 0x10 in a softirq. */
  waking(ts: number, cpu: number, waker: Task, wakee: Task, target: number, flags = 0): this {
    this.#builder.add(Kind.Waking, ts, cpu, waker.pid ?? waker.tid, waker.tid, wakee.tid, target, flags);
    this.#wakings++;
    return this;
  }

  /** `by` is the task in whose context it is moved; by default the recorder does not know. */
  /** `sched_wakeup`: `target` is the CPU that the wakee was put on. */
  wakeup(ts: number, cpu: number, waker: Task, wakee: Task, target: number, flags = 0): this {
    this.#builder.add(Kind.Wakeup, ts, cpu, waker.tid, waker.tid, wakee.tid, target, flags);
    this.#wakeups++;
    return this;
  }

  migrate(ts: number, cpu: number, task: Task, from: number, to: number, by?: Task): this {
    this.#builder.add(Kind.Migrate, ts, cpu, by?.pid ?? by?.tid ?? -1, by?.tid ?? -1, task.tid, from, to);
    this.#migrations++;
    return this;
  }

  /** The first wakeup of a task that was made, on the CPU that was chosen for it. */
  wakeupNew(ts: number, cpu: number, maker: Task, made: Task, target: number): this {
    this.#builder.add(Kind.WakeupNew, ts, cpu, maker.pid ?? maker.tid, maker.tid, made.tid, target, 0);
    return this;
  }

  /** A task became another program. */
  exec(ts: number, cpu: number, task: Task): this {
    this.#builder.add(Kind.ProcessExec, ts, cpu, task.pid ?? task.tid, task.tid, task.tid, task.tid, 0);
    return this;
  }

  /** A FORK record: tells the child's process. */
  fork(ts: number, parent: Task, child: Task): this {
    const [of, pid] = [parent.pid ?? parent.tid, child.pid ?? child.tid];
    this.#builder.add(Kind.Fork, ts, 0, pid, child.tid, of, parent.tid, 0);
    return this;
  }

  /** The SMT siblings that the trace's header tells. */
  cores(cores: readonly (readonly number[])[]): this {
    this.#cores = cores;
    return this;
  }

  /** The packages that the trace's header tells. */
  packages(packages: readonly (readonly number[])[]): this {
    this.#packages = packages;
    return this;
  }

  lost(ts: number, cpu: number, count: number): this {
    this.#builder.add(Kind.Lost, ts, cpu, -1, -1, count, 0, 0);
    return this;
  }

  /** An interrupt's event, such as `irq:softirq_entry` with `{vec: 1}`. */
  event(name: string, ts: number, cpu: number, fields: Record<string, number | string> = {}): this {
    const rows = this.#extra.get(name) ?? [];
    rows.push({ ts, cpu, fields });
    this.#extra.set(name, rows);
    return this;
  }

  trace(): Trace {
    const { stream, start } = this.#builder.finish();
    const switches = [...this.#switches].sort((x, y) => x.ts - y.ts);
    const extra = this.#extra;
    const names = ["sched:sched_switch", ...extra.keys()];
    const counts = new Map([["sched:sched_switch", switches.length]]);
    if (this.#wakings > 0) counts.set("sched:sched_waking", this.#wakings);
    if (this.#wakeups > 0) counts.set("sched:sched_wakeup", this.#wakeups);
    if (this.#migrations > 0) counts.set("sched:sched_migrate_task", this.#migrations);
    for (const [name, rows] of extra) counts.set(name, rows.length);
    return new Trace({
      format: "test",
      epoch: BigInt(start),
      clock: { name: "mono" },
      host: {},
      topology: { packages: this.#packages, cores: this.#cores },
      stream,
      formats: new Map(names.map((name) => [name, { name, id: 1, fields: [], printFormat: "" }])),
      counts,
      holes: [],
      savedNames: new Map(),
      decode(event, fields): Record<string, Column> {
        const out: Record<string, Column> = {};
        for (const field of fields) {
          const side = field.startsWith("prev_") ? "prev" : "next";
          if (event === "sched:sched_switch") {
            out[field] = field.endsWith("comm")
              ? DictColumn.from(switches.map((row) => row[side].comm))
              : Int32Array.from(switches, (row) => row[side].prio ?? 120);
            continue;
          }
          const rows = extra.get(event)!;
          if (field === "ts") out[field] = Float64Array.from(rows, (row) => row.ts - start);
          else if (field === "cpu") out[field] = Uint16Array.from(rows, (row) => row.cpu);
          else {
            out[field] = typeof rows[0]!.fields[field] === "string"
              ? DictColumn.from(rows.map((row) => String(row.fields[field])))
              : Int32Array.from(rows, (row) => Number(row.fields[field]));
          }
        }
        return out;
      },
    });
  }
}
