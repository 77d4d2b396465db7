import { type SchedStream, STREAM_EVENTS } from "./stream.ts";
import { originOf } from "./origin_of.ts";
import { gather, Trace, type TraceParts } from "./trace.ts";

/** What of a trace is wanted. */
export interface Narrowing {
  /** Events (`system:name`) that are wanted. Default: all. */
  readonly events?: readonly string[] | undefined;
  /** Fields that may be asked for. Default: all. */
  readonly columns?: readonly string[] | undefined;
}

/** Fields that any event has, whatever is asked for. */
const ALWAYS: ReadonlySet<string> = new Set(["ts", "cpu", "common_pid"]);

/**
 * `trace` with no other events than `events`, and no other fields than `columns`: to ask for another is an error that names
 * the option of `openTrace`. Records of tasks (forks, exits, names) and of losses stay.
 *
 * Throws RangeError where one of `events` was not recorded at all, or one of `columns` is no field of the events.
 */
export function narrowed(trace: Trace, { events, columns }: Narrowing): Trace {
  if (events === undefined && columns === undefined) return trace;
  const wanted = events === undefined ? undefined : new Set(events);
  for (const event of wanted ?? []) {
    if (!trace.formats.has(event) && !trace.counts.has(event)) {
      const known = [...trace.counts.keys()].join(", ") || "none";
      throw new RangeError(`events: the recording has no event ${JSON.stringify(event)}; it has: ${known}`);
    }
  }
  const isWanted = (event: string) => wanted === undefined || wanted.has(event);
  const formats = new Map([...trace.formats].filter(([event]) => isWanted(event)));
  const fields = columns === undefined ? undefined : new Set([...columns, ...ALWAYS]);
  checkColumns(formats, columns ?? []);
  const decode: TraceParts["decode"] = (event, asked, exact) => {
    if (!isWanted(event)) {
      throw new RangeError(
        `${event} was not read: the trace was opened with the option events ${[...wanted!].join(", ")}`,
      );
    }
    const missing = asked.find((field) => fields !== undefined && !fields.has(field));
    if (missing !== undefined) {
      throw new RangeError(
        `${missing} of ${event} was not read: the trace was opened with the option columns ${
          columns!.join(", ") || "[]"
        }; add ${JSON.stringify(missing)} to it`,
      );
    }
    return trace.eventColumns(event, asked, exact);
  };
  return new Trace({
    // With all formats, so that to ask for an event that was not read is told as such.
    ...originOf(trace),
    stream: () => wanted === undefined ? trace.stream : withoutOthers(trace.stream, wanted),
    counts: () => new Map([...trace.counts].filter(([event]) => isWanted(event))),
    holes: trace.knownHoles,
    span: trace.span,
    ...(trace.context === undefined ? {} : { context: narrowed(trace.context, { events, columns }) }),
    decode,
  });
}

function checkColumns(formats: Trace["formats"], columns: readonly string[]): void {
  // Texts have no formats: what they hold is known when it is decoded.
  if ([...formats.values()].every((format) => format.fields.length === 0)) return;
  for (const column of columns) {
    if (ALWAYS.has(column)) continue;
    if (![...formats.values()].some((format) => format.fields.some((field) => field.name === column))) {
      throw new RangeError(
        `columns: no event that was asked for has a field ${JSON.stringify(column)}; events: ${
          [...formats.keys()].join(", ")
        }`,
      );
    }
  }
}

/** The rows that are of no tracepoint or of one in `wanted`. */
function withoutOthers(stream: SchedStream, wanted: ReadonlySet<string>): SchedStream {
  const dropped = new Uint8Array(256);
  for (const [event, { kind }] of Object.entries(STREAM_EVENTS)) if (!wanted.has(event)) dropped[kind] = 1;
  const { kind, length } = stream;
  let kept = 0;
  for (let i = 0; i < length; i++) kept += 1 - dropped[kind[i]!]!;
  if (kept === length) return stream;
  const rows = new Uint32Array(kept);
  for (let i = 0, row = 0; i < length; i++) if (dropped[kind[i]!] === 0) rows[row++] = i;
  const place = new Map<number, number>();
  if (stream.late !== undefined && stream.late.length > 0) rows.forEach((row, at) => place.set(row, at));
  return {
    length: kept,
    kind: gather(stream.kind, rows),
    ts: gather(stream.ts, rows),
    cpu: gather(stream.cpu, rows),
    pid: gather(stream.pid, rows),
    tid: gather(stream.tid, rows),
    a: gather(stream.a, rows),
    b: gather(stream.b, rows),
    c: gather(stream.c, rows),
    comms: stream.comms,
    ...(stream.late === undefined ? {} : {
      late: stream.late.filter(({ row }) => place.has(row)).map(({ row, after }) => ({
        row: place.get(row)!,
        after,
      })),
    }),
  };
}
