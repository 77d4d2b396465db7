/** One field of a tracepoint, as its format text lays it out. */
export interface EventField {
  /** The kernel's name. */
  readonly name: string;
  /** C type as written, without the name. */
  readonly type: string;
  /** Byte offset from the start of the record (`common_type` is at 0). */
  readonly offset: number;
  /** Size in bytes; 0 for a flexible array. */
  readonly size: number;
  /** Whether integers of it are signed. */
  readonly signed: boolean;
  /** Number of elements where it is an array of fixed length, else 1. */
  readonly count: number;
  /** What its bytes hold. `dynamic` is a `__data_loc` word: offset and length of data elsewhere in the record. */
  readonly content: "integer" | "string" | "array" | "dynamic";
}

/** The layout of one tracepoint. */
export interface EventFormat {
  /** `system:name`, such as `sched:sched_switch`. */
  readonly name: string;
  /** The number that records carry in `common_type`. */
  readonly id: number;
  /** All fields, the common ones first. */
  readonly fields: readonly EventField[];
  /** The text that the kernel prints such an event by. */
  readonly printFormat: string;
}

/** Most fields an event may have before its format text is refused, and most characters of a field's line. */
const MAX_FIELDS = 4096;
const MAX_LINE = 1024;
/** No record is larger: a record of perf has 64 KiB at most, a page of the ring buffer 16 MiB. */
const MAX_RECORD = 1 << 24;

/**
 * Parses a tracepoint's `format` text (as tracefs and the TRACING_DATA of perf.data have it).
 *
 * Throws {@linkcode SyntaxError} where the text has no `name:` or `ID:` line, or a field line without offset and size, or with
 * one that no record has room for.
 */
export function parseEventFormat(text: string, system: string): EventFormat {
  const name = /^name:[ \t]*(\S+)/m.exec(text)?.[1];
  const id = /^ID:[ \t]*(\d+)/m.exec(text)?.[1];
  if (name === undefined || id === undefined) {
    throw new SyntaxError(`Expected an event format with name: and ID: lines but found ${preview(text)}`);
  }
  const fields: EventField[] = [];
  for (const line of text.split("\n")) {
    if (!/^\s+field(?: special)?:/.test(line)) continue;
    if (line.length > MAX_LINE) {
      throw new SyntaxError(`Expected a field of ${name} in ${MAX_LINE} characters: ${preview(line)}`);
    }
    if (fields.length === MAX_FIELDS) {
      throw new SyntaxError(`Expected at most ${MAX_FIELDS} fields in the format of ${name}`);
    }
    fields.push(parseField(line, name));
  }
  const printFormat = /^print fmt:(.*)$/m.exec(text)?.[1]?.trim() ?? "";
  return { name: `${system}:${name}`, id: Number(id), fields, printFormat };
}

function parseField(line: string, event: string): EventField {
  const match = /field(?: special)?:([^;]*);\s*offset:(\d+);\s*size:(\d+);(?:\s*signed:(\d+);)?/.exec(line);
  if (match === null) {
    throw new SyntaxError(`Expected offset and size in a field of ${event}: ${preview(line)}`);
  }
  if (Number(match[2]) + Number(match[3]) > MAX_RECORD) {
    throw new SyntaxError(`Expected a field of ${event} within ${MAX_RECORD} bytes: ${preview(line)}`);
  }
  const declaration = match[1]!.trim();
  const parts = /^(.*?)([A-Za-z_]\w*)\s*(\[[^\]]*\])?$/.exec(declaration);
  if (parts === null) {
    throw new SyntaxError(`Expected a C declaration in a field of ${event}: ${preview(declaration)}`);
  }
  const type = parts[1]!.trim();
  const brackets = parts[3];
  const size = Number(match[3]);
  const dynamic = /^__(data|rel)_loc\b/.test(type);
  const isChar = /\bchar\b/.test(type) && !/\*/.test(type);
  const content = dynamic
    ? "dynamic"
    : brackets === undefined
    ? (size <= 8 ? "integer" : "array")
    : isChar
    ? "string"
    : "array";
  const count = brackets === undefined || dynamic ? 1 : Number(/\d+/.exec(brackets)?.[0] ?? 1);
  return {
    name: parts[2]!,
    type: brackets === undefined ? type : `${type}${brackets}`,
    offset: Number(match[2]),
    size,
    signed: match[4] === "1",
    count,
    content,
  };
}

/** The field called `name`; undefined where the event has none. */
export function fieldOf(format: EventFormat, name: string): EventField | undefined {
  return format.fields.find((field) => field.name === name);
}

function preview(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}
