import { TraceFormatError } from "../errors.ts";
import { type EventField, type EventFormat, fieldOf, parseEventFormat } from "../event_format.ts";
import { type PageLayout, parseHeaderPage } from "../ring_buffer.ts";
import { STREAM_EVENTS } from "../stream.ts";

/** Layout of the pages of the capture at `path`; throws {@linkcode TraceFormatError} where it cannot be read. */
export async function readLayout(path: string, littleEndian: boolean): Promise<PageLayout> {
  const file = `${path}/header_page`;
  try {
    return parseHeaderPage(await Deno.readTextFile(file), littleEndian);
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof Deno.errors.NotFound) {
      throw new TraceFormatError(file, 0, "the ring buffer's page layout", cause.message, { cause });
    }
    throw cause;
  }
}

/**
 * Layouts of the events in the capture at `path`, by `system:name`. Throws {@linkcode TraceFormatError} where a text makes no
 * sense, or lacks a field that the stream needs: to read on would make wrong numbers.
 */
export async function readFormats(path: string): Promise<Map<string, EventFormat>> {
  const formats = new Map<string, EventFormat>();
  const root = `${path}/events`;
  for (const system of await directoryNames(root)) {
    for (const name of await directoryNames(`${root}/${system}`)) {
      if (!name.endsWith(".format")) continue;
      const file = `${root}/${system}/${name}`;
      try {
        const format = parseEventFormat(await Deno.readTextFile(file), system);
        checkFields(format);
        formats.set(format.name, format);
      } catch (cause) {
        if (!(cause instanceof SyntaxError)) throw cause;
        throw new TraceFormatError(file, 0, "the format of an event", cause.message, { cause });
      }
    }
  }
  return formats;
}

/** Names in `directory`, sorted; none where there is no such directory. */
export async function directoryNames(directory: string): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const entry of Deno.readDir(directory)) found.push(entry.name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) && !(error instanceof Deno.errors.NotADirectory)) {
      throw error;
    }
  }
  return found.sort();
}

/** Fields of `sched:sched_switch` that are no integers of the stream, but that every table of switches has. */
const SWITCH_NAMES = ["prev_comm", "next_comm"];
const SWITCH_PRIORITIES = ["prev_prio", "next_prio"];

/** Throws a SyntaxError where `format` lacks what every reader of its records relies on. */
export function checkFields(format: EventFormat): void {
  const isSwitch = format.name === "sched:sched_switch";
  const integers = ["common_type", "common_pid", ...STREAM_EVENTS[format.name]?.fields ?? []];
  for (const name of [...integers, ...isSwitch ? SWITCH_PRIORITIES : []]) {
    const field = fieldOf(format, name);
    const sizes = name === "common_type"
      ? [2]
      : name === "common_pid" || SWITCH_PRIORITIES.includes(name)
      ? [4]
      : [1, 2, 4, 8];
    const placed = field?.content === "integer" && sizes.includes(field.size) &&
      (name !== "common_type" || field.offset === 0);
    if (!placed) fail(format, `an integer ${name}`, field);
  }
  for (const name of isSwitch ? SWITCH_NAMES : []) {
    const field = fieldOf(format, name);
    if (field?.content !== "string" && !(field?.content === "dynamic" && /\bchar\b/.test(field.type))) {
      fail(format, `a text ${name}`, field);
    }
  }
}

function fail(format: EventFormat, expected: string, field: EventField | undefined): never {
  const found = field === undefined ? "none" : `${field.type} of ${field.size} bytes at ${field.offset}`;
  throw new SyntaxError(`Expected ${expected} in the format of ${format.name} but found ${found}`);
}
