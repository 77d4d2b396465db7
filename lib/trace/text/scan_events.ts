import type { ByteSource } from "../byte_source.ts";
import { TextTable } from "../text_table.ts";
import { EventLine } from "./event_line.ts";
import { fieldNames, fullName, KNOWN_EVENTS } from "./event_names.ts";
import { lineBlocks } from "./lines.ts";

/** An event that the lines name. */
export interface SeenEvent {
  /** `system:name`. */
  readonly name: string;
  /** What its rows are; 0 where it becomes none. */
  readonly kind: number;
  /** Its fields, as far as its first line tells. */
  readonly fields: readonly string[];
  /** Lines so far. */
  count: number;
}

/** What {@linkcode scanEvents} calls. Positions are in `bytes`, and hold during the call only. */
export interface EventVisitor {
  /** A line of an event; if it has a kind, the fields are there too. */
  event(event: SeenEvent, line: EventLine, bytes: Uint8Array): void;
  /** A line of one of perf's own records, `PERF_RECORD_...`. Default: nothing. */
  record?(line: EventLine, bytes: Uint8Array): void;
  /** A line that begins with `#`. Default: nothing. */
  comment?(bytes: Uint8Array, from: number, to: number): void;
  /** Any other line; with `broken`, it begins as an event's does. Default: nothing. */
  other?(bytes: Uint8Array, from: number, to: number, offset: number, broken: boolean): void;
}

/** Longest event that is put together of lines because a name in it has a line's end. */
const LONGEST_BROKEN = 2048;

/** Goes over all lines of `source` and tells the events in them. Returns the events that were seen. */
export function scanEvents(source: ByteSource, visitor: EventVisitor): ReadonlyMap<string, SeenEvent> {
  const blocks = eventBlocks(source, visitor);
  for (;;) {
    const { done, value } = blocks.next();
    if (done) return value;
  }
}

/** The same, with a rest after each block that was read. */
export function* eventBlocks(
  source: ByteSource,
  visitor: EventVisitor,
): Generator<undefined, ReadonlyMap<string, SeenEvent>, undefined> {
  const line = new EventLine();
  const codes = new TextTable();
  const byCode: SeenEvent[] = [];
  /** The event last seen for a length and letter, which is the one in most lines. */
  const recent = new Uint16Array(256);
  const byName = new Map<string, SeenEvent>();

  const seen = (bytes: Uint8Array): SeenEvent => {
    const name = fullName(latin1(bytes, line.eventFrom, line.eventTo));
    const old = byName.get(name);
    if (old !== undefined) return old;
    const known = KNOWN_EVENTS[name];
    const fields = known === undefined
      ? fieldNames(latin1(bytes, line.textFrom, Math.min(line.textTo, line.textFrom + 4096)))
      : Object.keys(known.fields);
    const event = { name, kind: known?.kind ?? 0, fields, count: 0 };
    byName.set(name, event);
    return event;
  };

  /** Where the event ends whose name has line ends in it; -1 if it is none. */
  const joined = (bytes: Uint8Array, from: number, to: number, limit: number, kind: number): number => {
    for (let more = 0; more < 3; more++) {
      to = bytes.indexOf(10, to + 1);
      if (to < 0 || to >= limit || to - from > LONGEST_BROKEN) return -1;
      if (line.parse(bytes, from, to) && line.fields(kind)) return to;
    }
    return -1;
  };

  yield* lineBlocks(source, (bytes, from, to, limit, offset) => {
    const first = bytes[from]!;
    // perf's callchains are set in by a tab, and end with an empty line.
    if (to === from || first === 0x09) return to + 1;
    if (first === 0x23) {
      visitor.comment?.(bytes, from, to);
      return to + 1;
    }
    if (!line.parse(bytes, from, to)) {
      visitor.other?.(bytes, from, to, offset + from, false);
      return to + 1;
    }
    if (line.isRecord) {
      visitor.record?.(line, bytes);
      return to + 1;
    }
    const { eventFrom, eventTo } = line;
    const guess = ((eventTo - eventFrom) * 31 + (bytes[eventTo - 2] ?? 0)) & 255;
    let code = recent[guess]!;
    if (!codes.is(code, bytes, eventFrom, eventTo)) {
      code = codes.add(bytes, eventFrom, eventTo);
      recent[guess] = code;
    }
    const event = byCode[code] ??= seen(bytes);
    if (event.kind !== 0 && !line.fields(event.kind)) {
      const end = joined(bytes, from, to, limit, event.kind);
      if (end < 0) {
        visitor.other?.(bytes, from, to, offset + from, true);
        return to + 1;
      }
      to = end;
    }
    event.count++;
    visitor.event(event, line, bytes);
    return to + 1;
  }, (offset) => visitor.other?.(NOTHING, 0, 0, offset, true));
  return byName;
}

const NOTHING = new Uint8Array();

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return new TextDecoder("latin1").decode(bytes.subarray(from, to));
}
