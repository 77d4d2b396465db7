import { type EventFormat, fieldOf, parseEventFormat } from "../event_format.ts";
import { STREAM_EVENTS } from "../stream.ts";
import { checkFields } from "../tracefs/layouts.ts";

/** The TRACING_DATA section: layouts of the recorded tracepoints, as tracefs had them. */
export interface TracingData {
  readonly littleEndian: boolean;
  /** Layouts by id. */
  readonly formats: ReadonlyMap<number, EventFormat>;
}

const MAX_FORMATS = 100_000;
const MAX_TEXT = 1 << 20;

/**
 * Parses a TRACING_DATA section (perf's util/trace-event-info.c writes it). Layouts that make no sense are left out. Throws
 * RangeError where it is cut short, or where a scheduler event's layout makes no sense: to read on would make wrong numbers.
 */
export function parseTracingData(bytes: Uint8Array): TracingData {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const latin1 = new TextDecoder("latin1");
  let at = 10;
  if (bytes[0] !== 0x17 || bytes[1] !== 0x08 || bytes[2] !== 0x44) {
    throw new RangeError("Expected 17 08 44 at the start of TRACING_DATA");
  }
  const cString = () => {
    const end = bytes.indexOf(0, at);
    if (end < 0) throw new RangeError("Expected a NUL before the end of TRACING_DATA");
    const text = latin1.decode(bytes.subarray(at, end));
    at = end + 1;
    return text;
  };
  cString(); // version, "0.6"
  const littleEndian = view.getUint8(at) === 0;
  at += 1 + 1 + 4; // byte order, size of long, page size
  const u32 = () => {
    const value = view.getUint32(at, littleEndian);
    at += 4;
    return value;
  };
  const text = () => {
    const size = Number(view.getBigUint64(at, littleEndian));
    at += 8;
    if (size > MAX_TEXT || at + size > bytes.length) {
      throw new RangeError(`Expected a text within TRACING_DATA but found one of ${size} bytes at ${at}`);
    }
    const part = latin1.decode(bytes.subarray(at, at + size));
    at += size;
    return part;
  };
  cString();
  text(); // header_page
  cString();
  text(); // header_event
  const formats = new Map<number, EventFormat>();
  const names = new Set<string>();
  const take = (system: string) => {
    const content = text();
    try {
      const format = parseEventFormat(content, system);
      checkFields(format);
      checkWords(format);
      if (names.has(format.name)) return;
      names.add(format.name);
      formats.set(format.id, format);
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw cause;
      const name = /^name:[ \t]*(\S+)/m.exec(content)?.[1];
      if (STREAM_EVENTS[`${system}:${name}`] !== undefined) throw new RangeError(cause.message, { cause });
    }
  };
  const ftrace = u32();
  for (let i = 0; i < Math.min(ftrace, MAX_FORMATS); i++) take("ftrace");
  const systems = u32();
  for (let i = 0; i < Math.min(systems, MAX_FORMATS); i++) {
    const system = cString();
    const events = u32();
    for (let j = 0; j < Math.min(events, MAX_FORMATS); j++) take(system);
  }
  return { littleEndian, formats };
}

/** Throws a SyntaxError where what the stream takes from a sample lies elsewhere than in its words of 4 bytes. */
function checkWords(format: EventFormat): void {
  for (const name of STREAM_EVENTS[format.name]?.fields ?? []) {
    const { offset, size } = fieldOf(format, name)!;
    const placed = name === "common_flags" ? offset === 2 && size === 1 : offset % 4 === 0 && size >= 4;
    if (!placed) {
      throw new SyntaxError(
        `Expected ${name} of ${format.name} in a word but found ${size} bytes at ${offset}`,
      );
    }
  }
}
