import { DictColumn } from "../../frame/column.ts";
import { Kind } from "../stream.ts";
import type { Trace } from "../trace.ts";
import type { EventRows, EventTable } from "./event_table.ts";

/** What each thread is called, and which process it is of, while a trace's rows are gone over in their order. */
export class NamesInTime {
  readonly #trace: Trace;
  readonly #names: Map<number, string>;
  readonly #processes = new Map<number, number>();
  readonly #switches: { table: number; comms: DictColumn[]; tids: Int32Array[] } | undefined;

  /** Begins with what is known apart from the records. Names are as `decodeTaskName` has them. */
  constructor(trace: Trace, { tables }: EventRows) {
    this.#trace = trace;
    this.#names = new Map(trace.savedNames);
    if (trace.context !== undefined) this.#carryIn(trace.context, trace.span.from);
    const table = tables.findIndex(({ name }) => name === "sched:sched_switch");
    const found = tables[table];
    if (found !== undefined) {
      const [prev, next] = [columnOf(found, "prev_comm"), columnOf(found, "next_comm")];
      const [from, to] = [columnOf(found, "prev_pid"), columnOf(found, "next_pid")];
      if (
        prev instanceof DictColumn && next instanceof DictColumn && from instanceof Int32Array &&
        to instanceof Int32Array
      ) this.#switches = { table, comms: [prev, next], tids: [from, to] };
    }
    const { tid, pid, length } = trace.stream;
    for (let i = 0; i < length; i++) {
      if (tid[i]! > 0 && pid[i]! > 0 && !this.#processes.has(tid[i]!)) this.#processes.set(tid[i]!, pid[i]!);
    }
  }

  /** What a window's lead told of names before `from`. */
  #carryIn(context: Trace, from: number): void {
    const { kind, ts, tid, pid, a, c, comms, length } = context.stream;
    const event = "sched:sched_switch";
    const switched = context.has(event)
      ? [context.exactNames(event, "prev_comm"), context.exactNames(event, "next_comm")] as const
      : undefined;
    let at = 0;
    for (let i = 0; i < length && ts[i]! < from; i++) {
      if (kind[i] === Kind.Comm) {
        this.#names.set(tid[i]!, comms[a[i]!]!);
        if (tid[i]! > 0 && pid[i]! > 0) this.#processes.set(tid[i]!, pid[i]!);
      } else if (kind[i] === Kind.Switch && switched !== undefined) {
        this.#names.set(a[i]!, switched[0].at(at));
        this.#names.set(c[i]!, switched[1].at(at++));
      }
    }
  }

  /** Whether any thread's process is known. */
  get hasProcesses(): boolean {
    return this.#processes.size > 0;
  }

  /** Row `at` of the trace's stream: of no event, but it may tell a name. */
  streamRow(at: number): void {
    const { kind, tid, pid, a, comms } = this.#trace.stream;
    if (kind[at] !== Kind.Comm && kind[at] !== Kind.Fork) return;
    if (kind[at] === Kind.Comm) this.#names.set(tid[at]!, comms[a[at]!]!);
    if (tid[at]! > 0 && pid[at]! > 0) this.#processes.set(tid[at]!, pid[at]!);
  }

  /** Row `at` of table `table`: a switch tells two names. */
  eventRow(table: number, at: number): void {
    const found = this.#switches;
    if (found?.table !== table) return;
    for (let i = 0; i < 2; i++) {
      const { codes, dictionary } = found.comms[i]!;
      this.#names.set(found.tids[i]![at]!, dictionary[codes[at]!]!);
    }
  }

  /** Name of thread `tid`; undefined where none is known yet. */
  name(tid: number): string | undefined {
    return this.#names.get(tid);
  }

  /** Process of thread `tid`; undefined where it is not known. */
  process(tid: number): number | undefined {
    return tid === 0 ? 0 : this.#processes.get(tid);
  }
}

function columnOf(table: EventTable, name: string): unknown {
  return table.fields.find(({ field }) => field.name === name)?.column;
}
