import type { Columns } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import type { ByteSource } from "../byte_source.ts";
import type { ScanRequest } from "../scan.ts";
import { windowBounds } from "../window.ts";
import { TextColumns } from "./decode.ts";
import { KNOWN_EVENTS } from "./event_names.ts";
import { findTextWindow, rangeOf } from "./find_window.ts";
import { eventBlocks, type SeenEvent } from "./scan_events.ts";
import { textStart } from "./text_start.ts";

/**
 * One event of ftrace or `perf script` text batch by batch; see `scanTrace`. Rows come as the lines stand, stamps count
 * from the first line's that becomes a row of the stream. A field that is no number in every line of a batch is text in that batch.
 */
export async function* scanText(
  source: ByteSource,
  request: ScanRequest,
): AsyncGenerator<Frame<Columns>, void, undefined> {
  const { event, columns, window, batchRows, signal } = request;
  const epoch = textStart(source, undefined) ?? 0n;
  const bounds = window === undefined ? undefined : windowBounds({ ...window, lead: 0 }, epoch);
  const range = bounds === undefined ? undefined : findTextWindow(source, epoch, bounds);
  const part = range === undefined ? source : rangeOf(source, range);
  const seconds = Number(epoch / 1_000_000_000n);
  const start = Number(epoch % 1_000_000_000n);

  const ready: Frame<Columns>[] = [];
  let batch: TextColumns | undefined;
  const begin = ({ fields }: SeenEvent) => {
    const own = fields.filter((name) => !["ts", "cpu", "common_pid"].includes(name));
    const known = new Set([...own, "common_pid", "common_flags", "text"]);
    const unknown = columns?.find((name) => !known.has(name));
    if (unknown !== undefined && KNOWN_EVENTS[event] === undefined) {
      throw new RangeError(
        `${event} has no field ${JSON.stringify(unknown)}; it has: ts, cpu, common_pid, ${own.join(", ")}`,
      );
    }
    return new TextColumns(
      event,
      [...new Set(["ts", "cpu", ...columns ?? ["common_pid", ...own]])],
      batchRows,
    );
  };
  const blocks = eventBlocks(part, {
    event(seen, line, bytes) {
      if (seen.name !== event) return;
      const ts = (line.seconds - seconds) * 1e9 + line.ns - start;
      if (bounds !== undefined && (ts < bounds.from || ts > bounds.to)) return;
      batch ??= begin(seen);
      batch.add(ts, line, bytes);
      if (!batch.full) return;
      ready.push(new Frame<Columns>(batch.finish(false)));
      batch = undefined;
    },
  });
  let events: ReadonlyMap<string, SeenEvent> | undefined;
  while (events === undefined) {
    signal?.throwIfAborted();
    const { done, value } = blocks.next();
    if (done) events = value;
    while (ready.length > 0) yield ready.shift()!;
  }
  if (batch !== undefined) yield new Frame<Columns>(batch.finish(false));
  if (!events.has(event) && range === undefined) {
    const known = [...events.keys()].join(", ") || "none";
    throw new RangeError(`The recording has no event ${JSON.stringify(event)}; it has: ${known}`);
  }
}
