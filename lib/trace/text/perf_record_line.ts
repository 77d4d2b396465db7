import { Kind } from "../stream.ts";
import type { RowBuffer } from "../stream_builder.ts";
import { traceText } from "../trace_text.ts";
import type { EventLine } from "./event_line.ts";

/**
 * Makes a row of perf's own record in `line`, if it is one that a stream has:
 *
 * ```text
 * PERF_RECORD_COMM: NAME:PID/TID           PERF_RECORD_COMM exec: NAME:PID/TID
 * PERF_RECORD_FORK(PID:TID):(PPID:PTID)    PERF_RECORD_EXIT(PID:TID):(PPID:PTID)
 * PERF_RECORD_LOST lost N
 * ```
 */
export function perfRecord(bytes: Uint8Array, line: EventLine, ts: number, rows: RowBuffer): void {
  const what = String.fromCharCode(...bytes.subarray(line.eventFrom + 12, line.eventTo));
  if (!["COMM", "FORK", "EXIT", "LOST"].includes(what) || line.textTo - line.textFrom > 128) return;
  const text = String.fromCharCode(...bytes.subarray(line.textFrom, line.textTo));
  if (what === "LOST") {
    const found = /^:? lost:? (\d{1,9})$/.exec(text);
    if (found !== null) rows.add(Kind.Lost, ts, line.cpu, -1, -1, Number(found[1]), 0, 0);
    return;
  }
  if (what === "COMM") {
    const found = /^( exec)?: (.*):(\d{1,9})\/(\d{1,9})$/s.exec(text);
    if (found === null) return;
    const from = line.textFrom + text.indexOf(": ") + 2;
    const name = rows.comm(traceText(bytes, from, from + found[2]!.length));
    const exec = found[1] === undefined ? 0 : 1;
    rows.add(Kind.Comm, ts, line.cpu, Number(found[3]), Number(found[4]), name, exec, 0);
    return;
  }
  const found = /^\((\d{1,9}):(\d{1,9})\):\((\d{1,9}):(\d{1,9})\)$/.exec(text);
  if (found === null) return;
  const [pid, tid, parent, parentTid] = found.slice(1).map(Number) as [number, number, number, number];
  if (what === "FORK") rows.add(Kind.Fork, ts, line.cpu, pid, tid, parent, parentTid, 0);
  else rows.add(Kind.Exit, ts, line.cpu, pid, tid, 0, 0, 0);
}
