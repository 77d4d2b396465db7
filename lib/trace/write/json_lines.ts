import { type Column, DictColumn } from "../../frame/column.ts";
import { Kind } from "../stream.ts";
import type { Trace } from "../trace.ts";
import { eventRows, type EventTable, STREAM_ROW } from "./event_table.ts";
import { NamesInTime } from "./names_in_time.ts";
import { type TraceOutput, withOutput } from "./output.ts";

/** Options of {@linkcode writeJsonLines}. */
export interface WriteJsonLinesOptions {
  /** Ends the writing with its reason. Nothing is left behind. Default: none. */
  signal?: AbortSignal;
}

/** Characters that are collected before they are written. */
const PIECE = 1 << 18;

/**
 * Writes `trace` as JSON lines, one object for each event in the order of time:
 *
 * ```json
 * {"ts":57743108,"stamp":"175398576928","cpu":0,"event":"sched:sched_waking","pid":3173,"tid":3173,"comm":"perf","flags":1,"fields":{"comm":"migration/0","pid":18,"prio":0,"target_cpu":0}}
 * ```
 *
 * `ts` is ns since the trace's epoch, `stamp` the same as the clock's own stamp. `tid`, `pid` and `comm` are the thread in whose
 * context the event was recorded, its process and its name, null where they are not known; `flags` its `common_flags`, left
 * out where the source has none. Integers that a double cannot hold are strings. Bytes of a name that are no UTF-8 are lone
 * surrogates U+DC80 to U+DCFF, so that nothing is lost. Losses are objects with the event `schedscope:lost` and
 * `fields.lost`, 0 where their number is not known.
 *
 * Throws an Error where `output` cannot be written.
 */
export async function writeJsonLines(
  trace: Trace,
  output: TraceOutput,
  options: WriteJsonLinesOptions = {},
): Promise<void> {
  const { signal } = options;
  await withOutput(output, { signal }, async (write) => {
    const { epoch, stream } = trace;
    const rows = eventRows(trace, signal);
    const { length, table, row, tables } = rows;
    const names = new NamesInTime(trace, rows);
    const printers = tables.map((each) => ({
      ...each,
      json: fieldsJson(each),
      label: JSON.stringify(each.name),
    }));
    const quoted = new Map<string, string>();
    const encoder = new TextEncoder();
    let text = "";
    for (let i = 0; i < length; i++) {
      const of = table[i]!;
      const at = row[i]!;
      if (of === STREAM_ROW) {
        names.streamRow(at);
        if (stream.kind[at] !== Kind.Lost) continue;
        const stamp = epoch + BigInt(stream.ts[at]!);
        text +=
          `{"ts":${stream.ts[at]},"stamp":"${stamp}","cpu":${stream.cpu[at]},"event":"schedscope:lost",` +
          `"pid":null,"tid":null,"comm":null,"fields":{"lost":${stream.a[at]! >>> 0}}}\n`;
        continue;
      }
      names.eventRow(of, at);
      const event = printers[of]!;
      const tid = Number((event.pid as Int32Array)[at]);
      const name = names.name(tid);
      let comm = name === undefined ? "null" : quoted.get(name);
      if (comm === undefined) quoted.set(name!, comm = JSON.stringify(name));
      const flags = event.flags === undefined ? "" : `"flags":${(event.flags as Int32Array)[at]},`;
      const ts = event.ts[at]!;
      text += `{"ts":${ts},"stamp":"${epoch + BigInt(ts)}","cpu":${(event.cpu as Uint16Array)[at]},` +
        `"event":${event.label},"pid":${names.process(tid) ?? "null"},"tid":${
          tid < 0 ? "null" : tid
        },"comm":${comm},` +
        `${flags}"fields":{${event.json(at)}}}\n`;
      if (text.length > PIECE) {
        await write(encoder.encode(text));
        text = "";
      }
    }
    await write(encoder.encode(text));
  });
}

function fieldsJson(table: EventTable): (row: number) => string {
  const parts = table.fields.map(({ field, column }, i) => ({
    label: `${i === 0 ? "" : ","}${JSON.stringify(field.name)}:`,
    value: valueJson(column),
  }));
  return (row) => {
    let text = "";
    for (let i = 0; i < parts.length; i++) text += parts[i]!.label + parts[i]!.value(row);
    return text;
  };
}

function valueJson(column: Column): (row: number) => string | number {
  if (column instanceof DictColumn) {
    const { codes } = column;
    const texts = column.dictionary.map((text) => JSON.stringify(text));
    return (row) => texts[codes[row]!]!;
  }
  if (column instanceof BigInt64Array || column instanceof BigUint64Array) return (row) => `"${column[row]}"`;
  return (row) => column[row]!;
}
