import { Buffer } from "node:buffer";
import { Kind } from "../stream.ts";
import { encodeTaskName } from "../task_name.ts";
import type { Trace } from "../trace.ts";
import { eventRows, STREAM_ROW } from "./event_table.ts";
import { rowText } from "./event_text.ts";
import { NamesInTime } from "./names_in_time.ts";
import { type TraceOutput, withOutput } from "./output.ts";

/** Options of {@linkcode writeFtraceText}. */
export interface WriteFtraceTextOptions {
  /** Stamps with nine digits, as `trace-cmd report -t` has them. Default false: six, rounded, as the kernel prints. */
  nanoseconds?: boolean;
  /** Ends the writing with its reason. Nothing is left behind. Default: none. */
  signal?: AbortSignal;
}

/** Characters that are collected before they are written. */
const PIECE = 1 << 18;

/**
 * Writes `trace` as text in the form of the kernel's `trace` file (Documentation/trace/ftrace.rst), with the process of each
 * thread (as with `record-tgid`) where the trace knows any: what reads ftrace's text reads it, `openTrace` too.
 *
 * Names stand as the bytes that were recorded. Events are printed by the kernel's format as far as that is plain, the others
 * as `name=value`. Losses stand as `CPU:1 [LOST 5 EVENTS]` before the CPU's next event.
 *
 * Throws an Error where `output` cannot be written.
 */
export async function writeFtraceText(
  trace: Trace,
  output: TraceOutput,
  options: WriteFtraceTextOptions = {},
): Promise<void> {
  const { nanoseconds = false, signal } = options;
  await withOutput(output, { signal }, async (write) => {
    const { epoch, stream } = trace;
    const rows = eventRows(trace, signal);
    const { length, table, row, tables } = rows;
    const names = new NamesInTime(trace, rows);
    const heads = new Map<string, string>();
    const printers = tables.map((each) => ({
      ...each,
      text: rowText(each),
      label: `: ${each.name.slice(each.name.indexOf(":") + 1)}: `,
      preempt: each.common.find(({ field }) => field.name === "common_preempt_count")?.column,
    }));
    const lost = new Map<number, number>();
    let text = header(trace, names.hasProcesses);
    for (let i = 0; i < length; i++) {
      const of = table[i]!;
      const at = row[i]!;
      if (of === STREAM_ROW) {
        names.streamRow(at);
        if (stream.kind[at] === Kind.Lost) {
          lost.set(stream.cpu[at]!, (lost.get(stream.cpu[at]!) ?? 0) + (stream.a[at]! >>> 0));
        }
        continue;
      }
      names.eventRow(of, at);
      const event = printers[of]!;
      const cpu = Number((event.cpu as Uint16Array)[at]);
      if (lost.size > 0 && lost.has(cpu)) {
        text += lostText(cpu, lost.get(cpu)!);
        lost.delete(cpu);
      }
      const pid = Number((event.pid as Int32Array)[at]);
      const name = pid === 0 ? "<idle>" : names.name(pid) ?? "<...>";
      const key = `${pid} ${name}`;
      let head = heads.get(key);
      if (head === undefined) {
        head = taskText(pid, name, names);
        if (heads.size < 1 << 16) heads.set(key, head);
      }
      const flags = event.flags === undefined ? 0 : Number((event.flags as Int32Array)[at]);
      const preempt = event.preempt === undefined ? 0 : Number((event.preempt as Int32Array)[at]);
      text += `${head}[${cpu < 100 ? (cpu < 10 ? "00" : "0") : ""}${cpu}] ${flagText(flags, preempt)} ` +
        `${stampText(epoch + BigInt(event.ts[at]!), nanoseconds)}${event.label}${event.text(at)}\n`;
      if (text.length > PIECE) {
        await write(Buffer.from(text, "latin1"));
        text = "";
      }
    }
    for (const [cpu, count] of lost) text += lostText(cpu, count);
    await write(Buffer.from(text, "latin1"));
  });
}

function lostText(cpu: number, count: number): string {
  return count > 0 ? `CPU:${cpu} [LOST ${count} EVENTS]\n` : `CPU:${cpu} [LOST EVENTS]\n`;
}

/** `            make-1234    (   1230) `: name, thread, process. */
function taskText(pid: number, name: string, names: NamesInTime): string {
  const bytes = Buffer.from(encodeTaskName(name)).toString("latin1");
  const task = `${bytes.padStart(16)}-${String(pid).padEnd(7)} `;
  if (!names.hasProcesses) return task;
  const process = names.process(pid);
  return `${task}(${process === undefined || process === 0 ? "-------" : String(process).padStart(7)}) `;
}

const IRQS_OFF = 0x01;
const NEED_RESCHED = 0x04;
const HARDIRQ = 0x08;
const SOFTIRQ = 0x10;
const PREEMPT_RESCHED = 0x20;
const NMI = 0x40;
const BH_OFF = 0x80;

const flagTexts: (string | undefined)[] = [];

/** The five letters of the kernel's trace_print_lat_fmt. */
function flagText(flags: number, preempt: number): string {
  const key = (flags & 0xff) | ((preempt & 0xff) << 8);
  return flagTexts[key] ??= makeFlagText(flags, preempt);
}

function makeFlagText(flags: number, preempt: number): string {
  const has = (bits: number) => (flags & bits) === bits;
  const irqs = has(IRQS_OFF | BH_OFF) ? "D" : has(IRQS_OFF) ? "d" : has(BH_OFF) ? "b" : ".";
  const resched = has(NEED_RESCHED | PREEMPT_RESCHED)
    ? "N"
    : has(NEED_RESCHED)
    ? "n"
    : has(PREEMPT_RESCHED)
    ? "p"
    : ".";
  const context = has(NMI | HARDIRQ)
    ? "Z"
    : has(NMI)
    ? "z"
    : has(HARDIRQ | SOFTIRQ)
    ? "H"
    : has(HARDIRQ)
    ? "h"
    : has(SOFTIRQ)
    ? "s"
    : ".";
  const digit = (value: number) => value === 0 ? "." : value.toString(16);
  return irqs + resched + context + digit(preempt & 15) + digit((preempt >> 4) & 15);
}

/** Seconds, rounded to six digits as the kernel does, or with nine. */
function stampText(stamp: bigint, nanoseconds: boolean): string {
  if (stamp < 0x1f_ffff_ffff_ffffn - 500n) {
    const ns = Number(stamp);
    const value = nanoseconds ? ns : Math.floor((ns + 500) / 1000);
    const unit = nanoseconds ? 1e9 : 1e6;
    const seconds = Math.floor(value / unit);
    return `${String(seconds).padStart(5)}.${String(unit + value - seconds * unit).slice(1)}`;
  }
  const value = nanoseconds ? stamp : (stamp + 500n) / 1000n;
  const unit = nanoseconds ? 1_000_000_000n : 1_000_000n;
  return `${String(value / unit).padStart(5)}.${String(unit + value % unit).slice(1)}`;
}

function header(trace: Trace, processes: boolean): string {
  let entries = 0;
  for (const count of trace.counts.values()) entries += count;
  const cpus = trace.host.cpusOnline ?? Math.max(1, trace.quality.coverage.length);
  const gap = processes ? "           " : "";
  return `# tracer: nop
#
# entries-in-buffer/entries-written: ${entries}/${entries + trace.quality.lost}   #P:${cpus}
#
#                                ${gap}_-----=> irqs-off/BH-disabled
#                               ${gap}/ _----=> need-resched
#                              ${gap}| / _---=> hardirq/softirq
#                              ${gap}|| / _--=> preempt-depth
#                              ${gap}||| / _-=> migrate-disable
#                              ${gap}|||| /     delay
#           TASK-PID    ${processes ? " TGID     " : " "}CPU#  |||||  TIMESTAMP  FUNCTION
#              | |      ${processes ? "   |       " : ""}   |   |||||     |         |
`;
}
