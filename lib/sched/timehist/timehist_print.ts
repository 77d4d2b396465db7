import { Kind } from "../../trace/stream.ts";
import { encodeTaskName } from "../../trace/task_name.ts";
import type { Trace } from "../../trace/trace.ts";
import { traceText } from "../../trace/trace_text.ts";
import type { Codes, DictColumn } from "../../frame/column.ts";
import type { Frame } from "../../frame/frame.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { MAX_CPUS, type TimehistPrintOptions } from "./options.ts";
import { printSummary } from "./summary_print.ts";
import { type TimehistSummary, timehistSummary } from "./summary.ts";
import { timehist, type TimehistColumns } from "./timehist.ts";
import { TASK_WIDTH, writeHeader } from "./timehist_header.ts";
import type { RunFilter } from "./tracked_runs.ts";
import { printable, utf8 } from "./utf8.ts";

/** How much of the machine's time the printed rows stand for. */
export interface TimehistCoverage {
  /** Known CPU-time as a share of span times CPUs, 0 to 1. */
  readonly share: number;
  /** CPUs that `share` counts. */
  readonly cpus: number;
  /** ns that was looked at. */
  readonly span: number;
  /** Runs, of threads and idle. */
  readonly runs: number;
  /** Runs of which something is not known. */
  readonly censored: number;
  /** Events that the recorder said it lost. */
  readonly lost: number;
}

const NS_PER_SECOND = 1e9;

/**
 * Writes the runs of `trace` (or their sums) as text in the layout of `perf sched timehist`, by the rules of
 * {@linkcode timehist}. What is not known is shown as `?`.
 */
export function writeTimehist(
  trace: Trace,
  out: ByteWriter,
  options: TimehistPrintOptions = {},
): TimehistCoverage {
  const filter = runFilter(trace, options);
  if (options.summaryOnly !== true) new RowPrinter(trace, out, options, filter).print();
  const summary = timehistSummary(trace, filter);
  if (options.summaryOnly === true || options.withSummary === true) printSummary(out, summary, options);
  return coverageOf(summary);
}

/** How much of the machine's time `summary` stands for. */
export function coverageOf(summary: TimehistSummary): TimehistCoverage {
  const { share, span, runs, censored, cpus, lost } = summary;
  return { share, span, runs, censored, cpus: cpus.length, lost };
}

/** The runs that `options` ask for, with the window relative to the trace's epoch. */
export function runFilter(trace: Trace, options: TimehistPrintOptions): RunFilter {
  const { time, cpus, pids, tids } = options;
  return {
    ...(time?.from === undefined ? {} : { from: Number(time.from - trace.epoch) }),
    ...(time?.to === undefined ? {} : { to: Number(time.to - trace.epoch) }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(pids === undefined ? {} : { pids }),
    ...(tids === undefined ? {} : { tids }),
  };
}

/** Columns of the rows, names as bytes. */
interface PrintedColumns {
  readonly ts: Float64Array;
  readonly cpu: Uint16Array;
  readonly tid: Int32Array;
  readonly pid: Int32Array;
  readonly wait: Float64Array;
  readonly wakeDelay: Float64Array;
  readonly preempt: Float64Array;
  readonly run: Float64Array;
  readonly state: DictColumn;
  readonly nextPid: Int32Array;
  readonly comm: Codes;
  readonly names: readonly string[];
  readonly next: Codes | undefined;
  readonly nextNames: readonly string[] | undefined;
}

class RowPrinter {
  readonly #trace: Trace;
  readonly #out: ByteWriter;
  readonly #options: TimehistPrintOptions;
  readonly #filter: RunFilter;
  readonly #rows: Frame<TimehistColumns>;
  readonly #second: number;
  readonly #rest: number;
  readonly #maxCpu: number;
  /** What each thread is called now, as bytes. */
  readonly #names = new Map<number, string>([[0, "<idle>"]]);
  /** What threads are called that had not run yet: the name of their first run, or the one that the recorder saved. */
  readonly #later = new Map<number, string>();
  readonly #pids = new Map<number, number>();

  constructor(trace: Trace, out: ByteWriter, options: TimehistPrintOptions, filter: RunFilter) {
    this.#trace = trace;
    this.#out = out;
    this.#options = options;
    this.#filter = filter;
    this.#rows = timehist(trace, filter);
    this.#second = Number(trace.epoch / 1_000_000_000n);
    this.#rest = Number(trace.epoch % 1_000_000_000n);
    const online = trace.host.cpusOnline ?? 1;
    let top = online > MAX_CPUS ? 0 : online - 1;
    for (const cpu of this.#rows.column("cpu")) if (cpu > top) top = cpu;
    this.#maxCpu = Math.min(top, MAX_CPUS - 1);
  }

  print(): void {
    writeHeader(this.#out, this.#options, this.#maxCpu);
    const { kind, ts, cpu, tid, pid, a, b, c, length, comms } = this.#trace.stream;
    const { wakeups, migrations } = this.#options;
    const names = comms.map((name) => utf8(traceText(encodeTaskName(name))));
    const columns = this.#columns();
    this.#lookAhead(columns);
    const waking = this.#trace.has("sched:sched_waking") ? 0 : Kind.Wakeup;
    let row = 0;
    for (let i = 0; i < length; i++) {
      switch (kind[i]!) {
        case Kind.Switch: {
          const prev = a[i]!;
          if (prev !== 0 && tid[i] === prev && pid[i]! >= 0) this.#pids.set(prev, pid[i]!);
          const ended = row < columns.ts.length && columns.ts[row] === ts[i];
          if (ended && columns.cpu[row] === cpu[i] && columns.tid[row] === prev) {
            this.#run(columns, row++);
          }
          break;
        }
        case waking:
        case Kind.Waking:
        case Kind.WakeupNew:
          if (wakeups === true && this.#shows(ts[i]!, cpu[i]!, tid[i]!, a[i]!)) {
            this.#event(ts[i]!, cpu[i]!, " ", tid[i]!, `awakened: ${this.#label(a[i]!)}`);
          }
          break;
        case Kind.Migrate:
          if (migrations === true && this.#shows(ts[i]!, cpu[i]!, tid[i]!, a[i]!)) {
            const text = `migrated: ${this.#label(a[i]!)} cpu ${b[i]} => ${c[i]}`;
            this.#event(ts[i]!, cpu[i]!, "m", tid[i]!, text);
          }
          break;
        case Kind.Fork: {
          this.#pids.set(tid[i]!, pid[i]!);
          const parent = this.#names.get(b[i]!);
          if (parent !== undefined && b[i] !== 0) this.#names.set(tid[i]!, parent);
          break;
        }
        case Kind.Comm:
          this.#pids.set(tid[i]!, pid[i]!);
          this.#names.set(tid[i]!, names[a[i]!]!);
          break;
        case Kind.Lost:
          this.#stamp(ts[i]!);
          this.#out.text(`lost ${a[i]! >>> 0} events on cpu ${cpu[i]}\n`);
      }
    }
  }

  #lookAhead({ tid, comm, names }: PrintedColumns): void {
    for (const [thread, name] of this.#trace.savedNames) this.#later.set(thread, printable(name));
    for (let row = tid.length - 1; row >= 0; row--) this.#later.set(tid[row]!, names[comm[row]!]!);
  }

  #columns(): PrintedColumns {
    const rows = this.#rows;
    const comm = rows.column("comm");
    const next = this.#options.next === true ? rows.column("next_comm") : undefined;
    return {
      ts: rows.column("ts"),
      cpu: rows.column("cpu"),
      tid: rows.column("tid"),
      pid: rows.column("pid"),
      wait: rows.column("wait"),
      wakeDelay: rows.column("wake_delay"),
      preempt: rows.column("preempt"),
      run: rows.column("run"),
      state: rows.column("state"),
      nextPid: rows.column("next_pid"),
      comm: comm.codes,
      names: comm.dictionary.map(printable),
      next: next?.codes,
      nextNames: next?.dictionary.map(printable),
    };
  }

  #run(rows: PrintedColumns, row: number): void {
    const out = this.#out;
    const { idleOnly, state, next } = this.#options;
    const tid = rows.tid[row]!;
    const name = tid === 0 ? "<idle>" : rows.names[rows.comm[row]!]!;
    if (tid !== 0) {
      this.#names.set(tid, name);
      if (idleOnly === true) return;
    }
    this.#lead(rows.ts[row]!, rows.cpu[row]!, tid === 0 ? "i" : "s");
    const pid = rows.pid[row]!;
    out.left(tid === 0 ? name : `${name}[${pid < 0 || pid === tid ? tid : `${tid}/${pid}`}]`, TASK_WIDTH);
    this.#duration(rows.wait[row]!);
    this.#duration(rows.wakeDelay[row]!);
    this.#duration(rows.preempt[row]!);
    this.#duration(rows.run[row]!);
    if (state === true) out.right(tid === 0 ? "I" : rows.state.at(row), 7);
    if (next === true) {
      const nextTid = rows.nextPid[row]!;
      out.text(`  next: ${nextTid === 0 ? "<idle>" : `${rows.nextNames![rows.next![row]!]!}[${nextTid}]`}`);
    }
    out.byte(0x0a);
  }

  #event(t: number, cpu: number, mark: string, tid: number, text: string): void {
    const out = this.#out;
    this.#lead(t, cpu, mark);
    out.left(this.#label(tid), TASK_WIDTH);
    out.blanks(this.#options.state === true ? 55 : 48);
    out.text(text);
    out.byte(0x0a);
  }

  #label(tid: number): string {
    const name = this.#names.get(tid) ?? this.#later.get(tid) ?? `:${tid}`;
    const pid = this.#pids.get(tid);
    return tid === 0 ? name : `${name}[${pid === undefined || pid === tid ? tid : `${tid}/${pid}`}]`;
  }

  #shows(t: number, cpu: number, by: number, of: number): boolean {
    const { from, to, cpus, tids, pids } = this.#filter;
    if (this.#options.idleOnly === true) return false;
    if ((from !== undefined && t < from) || (to !== undefined && t > to)) return false;
    if (cpus !== undefined && !cpus.has(cpu)) return false;
    if (tids !== undefined && !tids.has(by) && !tids.has(of)) return false;
    const pid = (tid: number) => this.#pids.get(tid) ?? -1;
    return pids === undefined || pids.has(pid(by)) || pids.has(pid(of));
  }

  #lead(t: number, cpu: number, mark: string): void {
    const out = this.#out;
    this.#stamp(t);
    out.byte(0x5b);
    out.integer(cpu, 4, 0x30);
    out.text("]  ");
    if (this.#options.cpuVisual === true) {
      out.blanks(cpu);
      out.text(mark);
      out.blanks(this.#maxCpu - cpu + 2);
    }
  }

  #duration(ns: number): void {
    this.#out.blanks(2);
    if (Number.isNaN(ns)) this.#out.right("?", 10);
    else this.#out.milliseconds(ns, 6);
  }

  #stamp(t: number): void {
    const total = t + this.#rest;
    const seconds = Math.floor(total / NS_PER_SECOND);
    this.#out.integer(seconds + this.#second, 8);
    this.#out.byte(0x2e);
    this.#out.integer(Math.floor((total - seconds * NS_PER_SECOND) / 1000), 6, 0x30);
    this.#out.byte(0x20);
  }
}
