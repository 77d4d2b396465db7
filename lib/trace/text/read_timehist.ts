import type { ByteSource } from "../byte_source.ts";
import { type Column, DictColumn } from "../../frame/column.ts";
import { TraceFormatError } from "../errors.ts";
import type { KnownHole } from "../quality.ts";
import { Kind } from "../stream.ts";
import { StreamBuilder } from "../stream_builder.ts";
import { Trace } from "../trace.ts";
import { traceText } from "../trace_text.ts";
import { CorruptLines } from "./corrupt_lines.ts";
import { KNOWN_EVENTS, textFormat } from "./event_names.ts";
import { forEachLine } from "./lines.ts";
import { isBeside } from "./other_lines.ts";
import { STATE_BITS } from "./state_letters.ts";
import { nameGap, parseTimehistLine, type PrintedThread, type TimehistLine } from "./timehist_line.ts";

/** prev_state by the letter, as perf since 6.2 has it, and as perf 6.1 prints the same bits. */
const LETTERS = STATE_BITS;
const LETTERS_6_1: Readonly<Record<string, number>> = {
  ...LETTERS,
  Z: 0x10,
  X: 0x20,
  x: 0x40,
  K: 0x80,
  W: 0x100,
};

/** For a priority that is not told. */
const NO_PRIO = -0x8000_0000;

/**
 * Reads what `perf sched timehist` printed, with or without `-w`, `-M`, `-n`, `-V` and `--state`.
 *
 * Each run is a switch at its end: away from its thread, to that of `-n`, or else to that of the CPU's next run. A run that
 * does not begin where the CPU's last one ended (a filter was on) has a Lost row before it. Without `--state` a thread left
 * runnable if its next run had no sched delay and no wakeup before it, else asleep. What the text does not tell: the target
 * CPU of a wakeup (-1), priorities (-2^31, as -1 is a deadline's), which of the wakeup events it was (`sched_waking` is assumed), and the threads of
 * lines that only have a name which several threads share (those lines count as corrupt).
 */
export function readTimehist(source: ByteSource): Trace {
  const reader = new TimehistReader(source);
  forEachLine(source, (bytes, from, to, _limit, offset) => {
    reader.line(bytes, from, to, offset + from);
    return to + 1;
  }, (offset) => reader.tooLong(offset));
  return reader.finish();
}

/** A thread of a row that has only a name so far. */
interface Unresolved {
  readonly row: number;
  readonly column: "a" | "c" | "tid";
  readonly comm: string;
}

class TimehistReader {
  readonly #source: ByteSource;
  readonly #rows: StreamBuilder;
  readonly #corrupt = new CorruptLines();
  readonly #unresolved: Unresolved[] = [];
  /** Thread by name; undefined where several have the name. */
  readonly #tids = new Map<string, number | undefined>();
  readonly #names = new Map<number, string>();
  /** By CPU: the row of its last switch, and the stamp. */
  readonly #last = new Map<number, { row: number; ts: number; told: boolean }>();
  /** By thread: the row of the switch that it left with. */
  readonly #left = new Map<number, number>();
  readonly #woken = new Set<number>();
  readonly #states: string[] = [];
  #gap = 2;
  #base = -1;
  #stamp = NaN;
  #summary = false;

  constructor(source: ByteSource) {
    this.#source = source;
    this.#rows = new StreamBuilder(source.size / 100);
  }

  tooLong(offset: number): void {
    this.#corrupt.add(offset, this.#stamp);
  }

  line(bytes: Uint8Array, from: number, to: number, offset: number): void {
    if (this.#summary || to === from) return;
    if (to - from > 4096) return this.tooLong(offset);
    const text = latin1.decode(bytes.subarray(from, to));
    const parsed = parseTimehistLine(text, this.#gap);
    if (parsed !== undefined) this.#add(parsed);
    else if (/^-{15} -{6} +-/.test(text)) this.#gap = nameGap(text) ?? this.#gap;
    else if (text.startsWith("Runtime summary")) this.#summary = true;
    else if (!/^ *time +cpu|^ +\[tid\/pid\]/.test(text) && !isBeside(bytes, from, to)) {
      this.#corrupt.add(offset, this.#stamp);
    }
  }

  #add(line: TimehistLine): void {
    const rows = this.#rows;
    if (this.#base < 0) this.#base = line.seconds;
    const ts = (line.seconds - this.#base) * 1e9 + line.us * 1000;
    const row = rows.length;
    const { cpu } = line;
    this.#stamp = ts;
    this.#corrupt.seen(ts);
    if (line.kind === "lost") {
      rows.add(Kind.Lost, ts, cpu, -1, -1, line.count, 0, 0);
      this.#last.delete(cpu);
      return;
    }
    const { pid } = line.thread;
    if (line.kind === "run") return this.#run(line, ts);
    const tid = this.#thread(line.thread, row, "tid");
    if (line.kind === "wakeup") {
      const woken = this.#thread(line.woken, row, "a");
      this.#woken.add(woken);
      rows.add(Kind.Waking, ts, cpu, pid, tid, woken, -1, 0);
    } else {
      const moved = this.#thread(line.moved, row, "a");
      rows.add(Kind.Migrate, ts, cpu, pid, tid, moved, line.from, line.to);
    }
  }

  #run(line: TimehistLine & { kind: "run" }, ts: number): void {
    const rows = this.#rows;
    const { cpu } = line;
    const last = this.#last.get(cpu);
    const follows = last !== undefined && Math.abs(ts - last.ts - line.run) <= 2000;
    if (last !== undefined && !follows) {
      rows.add(Kind.Lost, Math.max(last.ts, ts - line.run), cpu, -1, -1, 0, 0, 0);
      this.#states.length = rows.length;
    }
    const row = rows.length;
    let tid = this.#thread(line.thread, row, "a");
    // perf does not know whose last run it was; -n of the one before tells.
    if (tid === -1 && follows && last.told) tid = rows.c[last.row]!;
    if (line.thread.tid === undefined) this.#unresolved.push({ row, column: "tid", comm: line.thread.comm });
    if (follows && !last.told) {
      if (line.thread.tid === undefined) {
        this.#unresolved.push({ row: last.row, column: "c", comm: line.thread.comm });
      }
      rows.c[last.row] = tid;
    }
    const left = this.#left.get(tid);
    // Without --state: it was not woken, so it had been runnable all the time.
    if (left !== undefined && this.#states[left] === "" && line.delay === 0 && !this.#woken.has(tid)) {
      this.#states[left] = "R";
    }
    this.#woken.delete(tid);
    const next = line.next === undefined ? -1 : this.#thread(line.next, row, "c");
    this.#states[row] = tid === 0 ? "R" : line.state;
    rows.add(Kind.Switch, ts, cpu, line.thread.pid, tid, tid, 1, next);
    this.#left.set(tid, row);
    this.#last.set(cpu, { row, ts, told: line.next !== undefined });
  }

  /** The thread's tid, or -1 for now where there is only a name. */
  #thread(thread: PrintedThread, row: number, column: "a" | "c" | "tid"): number {
    const { tid, comm } = thread;
    if (tid === undefined) {
      this.#unresolved.push({ row, column, comm });
      return -1;
    }
    if (!comm.startsWith(":") && tid >= 0) {
      if (!this.#tids.has(comm)) this.#tids.set(comm, tid);
      else if (this.#tids.get(comm) !== tid) this.#tids.set(comm, undefined);
      this.#names.set(tid, comm);
    }
    return tid;
  }

  finish(): Trace {
    const rows = this.#rows;
    const old = this.#states.some((letter) => letter === "K" || letter === "W" || letter === "x");
    this.#states.forEach((letter, row) => {
      if (letter !== "") rows.b[row] = (old ? LETTERS_6_1 : LETTERS)[letter] ?? 1;
    });
    for (const { row, column, comm } of this.#unresolved) {
      const tid = this.#tids.get(comm);
      if (tid !== undefined) rows[column][row] = tid;
      else if (column === "a" && rows.kind[row] !== 0) {
        // A row of kind 0 is none.
        rows.kind[row] = 0;
        this.#corrupt.add(0, rows.ts[row]!);
        this.#corrupt.seen(rows.ts[row]!);
      }
    }
    if (rows.length === 0) {
      const wanted = "a line of perf sched timehist";
      throw new TraceFormatError(this.#source.name, this.#corrupt.first, wanted, "none in the whole text");
    }
    const { stream, start, end } = rows.finish();
    const to = end - start;
    const holes: KnownHole[] = this.#corrupt.holes(start, end);
    if (this.#source.truncated) {
      holes.push({ kind: "truncated", cpu: -1, from: to, to, lost: 0, offset: this.#source.size });
    }
    const counts = new Map<string, number>();
    const kinds = new Uint32Array(256);
    for (let i = 0; i < stream.length; i++) kinds[stream.kind[i]!]!++;
    for (const event of ["sched:sched_switch", "sched:sched_waking", "sched:sched_migrate_task"]) {
      const count = kinds[KNOWN_EVENTS[event]!.kind]!;
      if (count > 0) counts.set(event, count);
    }
    const names = new Map([...this.#names].map(([tid, comm]) => [tid, printable(comm)]));
    names.set(0, "swapper");
    const events = [...counts.keys()];
    const formats = events.map((name, i) => textFormat(name, i + 1, Object.keys(KNOWN_EVENTS[name]!.fields)));
    return new Trace({
      format: "perf sched timehist text",
      path: this.#source.name,
      epoch: BigInt(Math.max(0, this.#base)) * 1_000_000_000n + BigInt(start),
      clock: { name: "unknown", resolution: 1000 },
      host: {},
      topology: { packages: [], cores: [] },
      stream,
      formats: new Map(formats.map((format) => [format.name, format])),
      counts,
      holes,
      savedNames: names,
      decode: (event, fields) => decode(stream, names, event, fields),
    });
  }
}

const latin1 = new TextDecoder("latin1");

/** Safe to print, out of text in which each character is a byte. */
function printable(bytes: string): string {
  return traceText(Uint8Array.from(bytes, (char) => LATIN1.get(char) ?? char.charCodeAt(0)));
}

/** TextDecoder's latin1 is windows-1252: 0x80 to 0x9f are other characters there. */
const LATIN1 = new Map(
  Array.from({ length: 32 }, (_, i) => [latin1.decode(Uint8Array.of(0x80 + i)), 0x80 + i] as const),
);

/** Fields out of the rows of the stream: names are those that the lines have for the thread, priorities are not known. */
function decode(
  stream: Trace["stream"],
  names: ReadonlyMap<number, string>,
  event: string,
  fields: readonly string[],
): Record<string, Column> {
  const known = KNOWN_EVENTS[event];
  if (known === undefined) throw new RangeError(`The trace has no event ${JSON.stringify(event)}`);
  const rows = Array.from({ length: stream.length }, (_, i) => i).filter((i) =>
    stream.kind[i] === known.kind
  );
  const name = (tid: number) => names.get(tid) ?? (tid < 0 ? "" : `:${tid}`);
  const sources: Record<string, ArrayLike<number>> = event === "sched:sched_switch"
    ? { prev_pid: stream.a, prev_state: stream.b, next_pid: stream.c }
    : event === "sched:sched_migrate_task"
    ? { pid: stream.a, orig_cpu: stream.b, dest_cpu: stream.c }
    : { pid: stream.a, target_cpu: stream.b };
  const column = (field: string): Column => {
    if (field === "ts") return Float64Array.from(rows, (row) => stream.ts[row]!);
    if (field === "cpu") return Uint16Array.from(rows, (row) => stream.cpu[row]!);
    if (field === "common_pid") return Int32Array.from(rows, (row) => stream.tid[row]!);
    if (field.endsWith("prio")) return new Int32Array(rows.length).fill(NO_PRIO);
    if (field.endsWith("comm")) {
      const tids = field === "next_comm" ? stream.c : stream.a;
      return DictColumn.from(rows.map((row) => name(tids[row]!)));
    }
    const source = sources[field];
    if (source === undefined) throw new RangeError(`${event} has no field ${JSON.stringify(field)}`);
    return Int32Array.from(rows, (row) => source[row]!);
  };
  return Object.fromEntries(fields.map((field) => [field, column(field)]));
}
