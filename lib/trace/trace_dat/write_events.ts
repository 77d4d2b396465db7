import { DictColumn } from "../../frame/column.ts";
import type { EventFormat } from "../event_format.ts";
import { Kind } from "../stream.ts";
import { encodeTaskName } from "../task_name.ts";
import type { Trace } from "../trace.ts";
import { type EventRows, eventRows, type EventTable, STREAM_ROW } from "../write/event_table.ts";
import type { WriteBytes } from "../write/output.ts";
import { formatText, laidOutFormat } from "./write_formats.ts";
import { fileHead } from "./write_head.ts";
import { HEADER_EVENT, HEADER_PAGE, MAX_RECORD, PAGE_SIZE, PageMaker } from "./write_pages.ts";
import { RecordMaker } from "./write_records.ts";

/** First number of formats that are made up; the kernel's own are below in practice, and what is taken is skipped. */
const FIRST_ID = 2000;

/** Clocks whose stamps trace-cmd prints as seconds; those of any other it would print as they are. */
const CLOCKS = new Set(["local", "global", "uptime", "perf", "mono", "mono_raw"]);

/** Writes the events of `trace` in pages made for them. The pages are made twice: the head must know how many there are. */
export async function writeEvents(
  trace: Trace,
  write: WriteBytes,
  signal: AbortSignal | undefined,
): Promise<void> {
  const rows = eventRows(trace, signal);
  const formats = layOut(rows.tables);
  const cpus = rowsByCpu(trace, rows);
  const pages = new CpuPagesMaker(trace, rows, formats);
  const sizes: number[] = [];
  for (const own of cpus) {
    let size = 0;
    for (const bytes of pages.of(own, signal)) size += bytes.length;
    sizes.push(size);
  }
  const { clock, host } = trace;
  const { hostname = "?", release = "?", arch = "?", recorder } = host;
  const text = new TextEncoder();
  const bySystem = new Map<string, Uint8Array[]>();
  for (const format of formats) {
    const system = format.name.slice(0, format.name.indexOf(":"));
    bySystem.set(system, [...bySystem.get(system) ?? [], text.encode(formatText(format))]);
  }
  const { bytes, offsets } = fileHead({
    littleEndian: true,
    longSize: 8,
    pageSize: PAGE_SIZE,
    headerPage: text.encode(HEADER_PAGE),
    headerEvent: text.encode(HEADER_EVENT),
    formats: bySystem,
    printkFormats: new Uint8Array(),
    savedNames: nameList(trace, rows),
    clock: CLOCKS.has(clock.name) ? clock.name : "local",
    uname: `Linux ${hostname} ${release} ${arch}`,
    recorder,
    tscHz: undefined,
    stats: lossTexts(trace),
    sizes,
  });
  await write(bytes);
  await write(new Uint8Array((offsets[0] ?? bytes.length) - bytes.length));
  for (const own of cpus) for (const bytes of pages.of(own, signal)) await write(bytes);
}

/** A format with a layout for each table, each with a number of its own. */
function layOut(tables: readonly EventTable[]): EventFormat[] {
  const taken = new Set(tables.map(({ format }) => format.id));
  let id = FIRST_ID;
  return tables.map((table) => {
    while (taken.has(id)) id++;
    const format = laidOutFormat(table, id);
    taken.add(format.id);
    return format;
  });
}

/** Places in `rows` by CPU, up to the last one that the machine or the trace has. */
function rowsByCpu(trace: Trace, { length, table, row, tables }: EventRows): Uint32Array[] {
  const cpuOf = (i: number): number => {
    const of = table[i]!;
    if (of !== STREAM_ROW) return Number((tables[of]!.cpu as Uint16Array)[row[i]!]);
    return trace.stream.kind[row[i]!] === Kind.Lost ? trace.stream.cpu[row[i]!]! : -1;
  };
  const counts: number[] = new Array(Math.min(65536, trace.host.cpusOnline ?? 1)).fill(0);
  for (let i = 0; i < length; i++) {
    const cpu = cpuOf(i);
    if (cpu >= 0) counts[cpu] = (counts[cpu] ?? 0) + 1;
  }
  const own = Array.from(counts, (count = 0) => new Uint32Array(count));
  const next = new Uint32Array(own.length);
  for (let i = 0; i < length; i++) {
    const cpu = cpuOf(i);
    if (cpu >= 0) own[cpu]![next[cpu]!++] = i;
  }
  return own;
}

/** Makes the pages of one CPU after another. */
class CpuPagesMaker {
  readonly #trace: Trace;
  readonly #rows: EventRows;
  readonly #makers: readonly RecordMaker[];

  constructor(trace: Trace, rows: EventRows, formats: readonly EventFormat[]) {
    this.#trace = trace;
    this.#rows = rows;
    this.#makers = rows.tables.map((table, i) => new RecordMaker(table, formats[i]!));
  }

  /** The pages of the rows at `places`, some at a time. */
  *of(places: Uint32Array, signal: AbortSignal | undefined): Generator<Uint8Array> {
    const { epoch, stream } = this.#trace;
    const { table, row, tables } = this.#rows;
    const pages = new PageMaker();
    for (const place of places) {
      const of = table[place]!;
      const at = row[place]!;
      if (of === STREAM_ROW) {
        pages.lose(stream.a[at]! >>> 0);
        continue;
      }
      if (pages.full) {
        signal?.throwIfAborted();
        yield pages.take();
      }
      const maker = this.#makers[of]!;
      const size = maker.size(at);
      if (size > MAX_RECORD) {
        const { name } = tables[of]!;
        throw new RangeError(
          `A record of ${name} has ${size} bytes: a page of trace.dat has room for ${MAX_RECORD}`,
        );
      }
      const to = pages.add(epoch + BigInt(tables[of]!.ts[at]!), size);
      maker.write(pages.view, to, at);
    }
    yield pages.take(true);
  }
}

/** `saved_cmdlines`: the last name of each thread. A name with a line's end in it has a question mark there. */
function nameList(trace: Trace, { tables }: EventRows): Uint8Array {
  const names = new Map(trace.savedNames);
  const learn = (table: EventTable, comm: string, pid: string) => {
    const of = (name: string) => table.fields.find(({ field }) => field.name === name)?.column;
    const [texts, tids] = [of(comm), of(pid)];
    if (!(texts instanceof DictColumn) || tids === undefined) return;
    const last = new Map<number, number>();
    for (let i = 0; i < table.length; i++) last.set(Number((tids as Int32Array)[i]), texts.codes[i]!);
    for (const [tid, code] of last) names.set(tid, texts.dictionary[code]!);
  };
  for (const table of tables) if (/:sched_wak/.test(table.name)) learn(table, "comm", "pid");
  for (const table of tables) {
    if (table.name !== "sched:sched_switch") continue;
    learn(table, "prev_comm", "prev_pid");
    learn(table, "next_comm", "next_pid");
  }
  const { kind, tid, a, comms, length } = trace.stream;
  for (let i = 0; i < length; i++) if (kind[i] === Kind.Comm) names.set(tid[i]!, comms[a[i]!]!);
  names.delete(0);
  const parts: Uint8Array[] = [];
  for (const [tid, name] of names) {
    if (tid < 0 || name === "") continue;
    const bytes = encodeTaskName(name).map((byte) => byte === 10 ? 63 : byte);
    parts.push(new TextEncoder().encode(`${tid} `), bytes, Uint8Array.of(10));
  }
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** The CPUs' counters, in the kernel's words, of CPUs that lost something. */
function lossTexts({ quality }: Trace): Map<number, string> {
  const lost = new Map<number, number>();
  const { holes } = quality;
  for (let i = 0; i < holes.length; i++) {
    const cpu = holes.column("cpu")[i]!;
    if (holes.column("kind").at(i) !== "lost" || cpu < 0) continue;
    lost.set(cpu, (lost.get(cpu) ?? 0) + holes.column("lost")[i]!);
  }
  return new Map([...lost].map(([cpu, count]) => [
    cpu,
    `entries: 0\noverrun: ${count}\ncommit overrun: 0\nbytes: 0\ndropped events: 0\nread events: 0\n`,
  ]));
}
