import type { ByteSource } from "../byte_source.ts";
import { StreamBuilder } from "../stream_builder.ts";
import { lostLine } from "./other_lines.ts";
import { perfRecord } from "./perf_record_line.ts";
import { eventBlocks, type EventVisitor } from "./scan_events.ts";

const SECOND = 1_000_000_000n;

/**
 * The epoch of the text `source`, in ns of its clock, without reading more of it than the first lines: the stamp of the first
 * line that becomes a row of the stream, or where none does the second of the first event; undefined where there is none.
 */
export function textStart(source: ByteSource, comment: EventVisitor["comment"]): bigint | undefined {
  let base: bigint | undefined;
  let found: bigint | undefined;
  const lost = new Set<number>();
  const rows = new StreamBuilder(16);
  const stampOf = (seconds: number, ns: number) => BigInt(seconds) * SECOND + BigInt(ns);
  const blocks = eventBlocks(source, {
    event({ kind }, line) {
      base ??= BigInt(line.seconds) * SECOND;
      if (kind !== 0 || lost.has(line.cpu)) found ??= stampOf(line.seconds, line.ns);
    },
    record(line, bytes) {
      // Those that perf made up itself, of what was there before, have no time.
      if (found !== undefined || (line.seconds === 0 && line.ns === 0)) return;
      base ??= BigInt(line.seconds) * SECOND;
      perfRecord(bytes, line, 0, rows);
      if (rows.length > 0) found = stampOf(line.seconds, line.ns);
    },
    ...(comment === undefined ? {} : { comment }),
    other(bytes, from, to) {
      const line = lostLine(bytes, from, to);
      if (line !== undefined) lost.add(line.cpu);
    },
  });
  while (found === undefined && !blocks.next().done);
  blocks.return(new Map());
  return found ?? base;
}
