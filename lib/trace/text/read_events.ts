import type { ByteSource } from "../byte_source.ts";
import type { Column } from "../../frame/column.ts";
import { TraceFormatError } from "../errors.ts";
import type { KnownHole } from "../quality.ts";
import { Kind } from "../stream.ts";
import { StreamBuilder } from "../stream_builder.ts";
import { Trace } from "../trace.ts";
import { type TraceWindow, windowBounds } from "../window.ts";
import { CorruptLines } from "./corrupt_lines.ts";
import { decodeText } from "./decode.ts";
import type { EventLine } from "./event_line.ts";
import { textFormat } from "./event_names.ts";
import { findTextWindow, rangeOf } from "./find_window.ts";
import { HeaderFacts } from "./header_facts.ts";
import { isBeside, lostLine } from "./other_lines.ts";
import { perfRecord } from "./perf_record_line.ts";
import { scanEvents } from "./scan_events.ts";
import { textStart } from "./text_start.ts";
import { ThreadNames } from "./thread_names.ts";

const SECOND = 1_000_000_000n;

/** Options of {@linkcode readEvents}. */
export interface ReadEventsOptions {
  /** What must be read; more may be. Default: all. */
  window?: TraceWindow;
}

/** Bytes of a short line: room that is not used costs nothing, to make more of it does. */
const BYTES_PER_LINE = 100;

/**
 * Reads lines of ftrace or of `perf script`; `format` is which of them.
 *
 * Lines that are neither an event's nor known to stand beside them become `corrupt` holes, `CPU:1 [LOST 5 EVENTS]` becomes a
 * Lost row. What the text does not have is -1 in the stream (the process of a thread, a target CPU) or 0 (common_flags).
 */
export function readEvents(source: ByteSource, format: string, options: ReadEventsOptions = {}): Trace {
  const part = options.window === undefined ? undefined : windowPart(source, options.window);
  const facts = part?.facts ?? new HeaderFacts();
  const text = part?.source ?? source;
  const builder = new StreamBuilder(Math.min(1 << 22, text.size / BYTES_PER_LINE));
  const names = new ThreadNames();
  const corrupt = new CorruptLines();
  const lost = new Map<number, number>();
  let base = part === undefined ? -1 : Number(part.epoch / SECOND);
  let stamp = NaN;
  let resolution = 1;
  const events = scanEvents(text, {
    event({ kind }, line, bytes) {
      if (base < 0) base = line.seconds;
      stamp = (line.seconds - base) * 1e9 + line.ns;
      corrupt.seen(stamp);
      if (line.resolution > resolution) resolution = line.resolution;
      if (lost.size > 0) {
        const count = lost.get(line.cpu);
        if (count !== undefined) {
          builder.add(Kind.Lost, stamp, line.cpu, -1, -1, count, 0, 0);
          lost.delete(line.cpu);
        }
      }
      addEvent(builder, names, kind, stamp, line, bytes);
    },
    record(line, bytes) {
      // Those that perf made up itself, of what was there before, have no time.
      const timed = line.seconds !== 0 || line.ns !== 0;
      if (timed && base < 0) base = line.seconds;
      const ts = timed ? (line.seconds - base) * 1e9 + line.ns : -Infinity;
      perfRecord(bytes, line, ts, builder);
    },
    // Those of a window are known already.
    ...(part === undefined ? { comment: (bytes, from, to) => facts.add(bytes.subarray(from, to)) } : {}),
    other(bytes, from, to, offset, broken) {
      const found = broken ? undefined : lostLine(bytes, from, to);
      if (found !== undefined) lost.set(found.cpu, (lost.get(found.cpu) ?? 0) + found.count);
      else if (broken || !isBeside(bytes, from, to)) {
        corrupt.add((part?.from ?? 0) + offset, stamp);
      }
    },
  });
  if (events.size === 0 && corrupt.count > 0 && part === undefined) {
    throw new TraceFormatError(
      source.name,
      corrupt.first,
      `a line of ${format}`,
      "no such line in the whole text",
    );
  }

  const origin = Math.max(base, 0);
  // Of a window the epoch is that of the whole text.
  const { stream, start, end } = builder.finish(part === undefined ? undefined : Number(part.epoch % SECOND));
  const to = end - start;
  const holes: KnownHole[] = corrupt.holes(start, end);
  if (facts.overwritten > 0) holes.push({ kind: "lost", cpu: -1, from: 0, to: 0, lost: facts.overwritten });
  for (const [cpu, count] of lost) holes.push({ kind: "lost", cpu, from: to, to, lost: count });
  if (text.truncated) {
    holes.push({ kind: "truncated", cpu: -1, from: to, to, lost: 0, offset: source.size });
  }
  const seen = [...events.values()];
  const decoded = new Map<string, Record<string, Column>>();
  return new Trace({
    format,
    path: source.name,
    epoch: BigInt(origin) * 1_000_000_000n + BigInt(start),
    clock: facts.clock(resolution),
    host: facts.host(),
    topology: { packages: [], cores: [] },
    stream,
    ...(part === undefined ? {} : { span: part.span(to) }),
    formats: new Map(seen.map(({ name, fields }, i) => [name, textFormat(name, i + 1, fields)])),
    counts: new Map(seen.filter(({ count }) => count > 0).map(({ name, count }) => [name, count])),
    holes,
    savedNames: names.names(),
    decode(event, fields, exact) {
      const found = events.get(event);
      if (found === undefined) throw new RangeError(`The trace has no event ${JSON.stringify(event)}`);
      // One pass over the text costs more than keeping all of an event's columns.
      const key = `${exact === true} ${event}`;
      const known = new Set([...found.fields, "cpu", "ts", "common_pid", "common_flags"]);
      let columns = decoded.get(key);
      if (columns === undefined || fields.some((field) => !known.has(field))) {
        const wanted = [...new Set([...known, ...fields])];
        decoded.set(key, columns = decodeText(text, event, found.count, origin, start, wanted, exact));
      }
      return Object.fromEntries(fields.map((field) => [field, columns[field]!]));
    },
  });
}

/** The part of `source` that `window` with its lead needs; undefined where all of it must be read. */
function windowPart(source: ByteSource, window: TraceWindow) {
  const facts = new HeaderFacts();
  const epoch = textStart(source, (bytes, from, to) => facts.add(bytes.subarray(from, to)));
  if (epoch === undefined) return undefined;
  const { lead, to } = windowBounds(window, epoch);
  const range = findTextWindow(source, epoch, { from: lead, to });
  if (range === undefined) return undefined;
  const from = Math.max(0, lead);
  return {
    source: rangeOf(source, range),
    facts,
    epoch,
    from: range.from,
    /** The window's own span, where the last row in it is at `last`. */
    span: (last: number) => ({ from, to: range.to < source.size ? to : Math.max(from, last) }),
  };
}

/** Adds the row of an event of `kind`, and learns the names in it. */
function addEvent(
  rows: StreamBuilder,
  names: ThreadNames,
  kind: number,
  ts: number,
  line: EventLine,
  bytes: Uint8Array,
): void {
  const { cpu, tid, pid } = line;
  names.set(tid, bytes, line.commFrom, line.commTo, false);
  switch (kind) {
    case 0:
      return;
    case Kind.Switch:
      names.set(line.n0, bytes, line.aFrom, line.aTo, true);
      names.set(line.n3, bytes, line.bFrom, line.bTo, true);
      rows.add(kind, ts, cpu, pid, tid, line.n0, line.n2, line.n3);
      return;
    case Kind.Migrate:
      names.set(line.n0, bytes, line.aFrom, line.aTo, true);
      rows.add(kind, ts, cpu, pid, tid, line.n0, line.n2, line.n3);
      return;
    case Kind.ProcessFork:
      names.set(line.n1, bytes, line.bFrom, line.bTo, true);
      rows.add(kind, ts, cpu, pid, tid, line.n0, line.n1, 0);
      return;
    case Kind.ProcessExit:
      rows.add(kind, ts, cpu, pid, tid, line.n0, 0, 0);
      return;
    case Kind.ProcessExec:
      rows.add(kind, ts, cpu, pid, tid, line.n0, line.n1, 0);
      return;
    default:
      names.set(line.n0, bytes, line.aFrom, line.aTo, true);
      rows.add(kind, ts, cpu, pid, tid, line.n0, line.n2, line.flags);
  }
}
