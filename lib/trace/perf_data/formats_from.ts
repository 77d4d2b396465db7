import { fileSource, readExactly } from "../byte_source.ts";
import { TraceFormatError } from "../errors.ts";
import { type EventFormat, parseEventFormat } from "../event_format.ts";
import { Feature } from "./features.ts";
import { readHeader } from "./header.ts";
import { isPipe, readPipeHeader } from "./pipe.ts";
import { parseTracingData } from "./tracing_data.ts";

/**
 * The layouts of the events `ids` from elsewhere than the recording: `from` is `machine` (this machine's tracefs), a
 * directory such as `/sys/kernel/tracing`, or another perf.data of the machine and boot that made the recording.
 *
 * Throws what Deno throws where it cannot be read, and {@linkcode TraceFormatError} where it has no layouts.
 */
export function readFormatsFrom(from: string, ids: ReadonlySet<number>): Map<number, EventFormat> {
  const path = from === "machine" ? "/sys/kernel/tracing" : from;
  return Deno.statSync(path).isDirectory ? formatsOfTracefs(path, ids) : formatsOfFile(path);
}

function formatsOfTracefs(path: string, ids: ReadonlySet<number>): Map<number, EventFormat> {
  const found = new Map<number, EventFormat>();
  for (const system of Deno.readDirSync(`${path}/events`)) {
    if (!system.isDirectory) continue;
    for (const event of Deno.readDirSync(`${path}/events/${system.name}`)) {
      if (!event.isDirectory) continue;
      const directory = `${path}/events/${system.name}/${event.name}`;
      let id: number;
      try {
        id = Number(Deno.readTextFileSync(`${directory}/id`));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) continue; // the ftrace system's events have formats only
        throw error;
      }
      if (!ids.has(id)) continue;
      found.set(id, parseEventFormat(Deno.readTextFileSync(`${directory}/format`), system.name));
      if (found.size === ids.size) return found;
    }
  }
  return found;
}

function formatsOfFile(path: string): Map<number, EventFormat> {
  const source = fileSource(path);
  const header = isPipe(source) ? readPipeHeader(source) : readHeader(source);
  const section = header.features.get(Feature.TracingData);
  if (section === undefined) {
    throw new TraceFormatError(path, source.size, "a TRACING_DATA section with event formats", "none");
  }
  const bytes = readExactly(source, section.offset, section.size, "TRACING_DATA");
  try {
    return new Map(parseTracingData(bytes).formats);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new TraceFormatError(path, section.offset, "event formats", cause.message, { cause });
  }
}
