import type { ByteSource } from "../byte_source.ts";

/**
 * Gets the line `bytes[from, to)`, without its end. `limit` is the end of what may be looked at behind it, at least
 * {@linkcode LOOK_AHEAD} bytes if there are as many; `offset` is what is to be added to a position for the byte of the file.
 * Returns where the next line starts: `to + 1` unless it took more than one.
 */
export type LineVisitor = (
  bytes: Uint8Array,
  from: number,
  to: number,
  limit: number,
  offset: number,
) => number;

/** Bytes behind a line that a visitor may look at. */
export const LOOK_AHEAD = 4096;

const BUFFER = 1 << 20;

/**
 * Calls `visit` for each line of `source`, in memory of fixed size. Lines that do not fit into half of it are left out;
 * `tooLong` is told where they start.
 */
export function forEachLine(source: ByteSource, visit: LineVisitor, tooLong: (offset: number) => void): void {
  const buffer = new Uint8Array(Math.min(BUFFER, source.size + 1));
  using reader = source.open();
  let filled = 0;
  let position = 0;
  let skipping = false;
  for (let ended = false; !ended;) {
    const got = reader.read(buffer.subarray(filled), position);
    position += got;
    filled += got;
    ended = position >= source.size || got === 0;
    const offset = position - filled;
    const bytes = buffer.subarray(0, filled);
    // Lines that start behind this wait until there is more behind them.
    const last = ended ? filled : filled - LOOK_AHEAD;
    let at = 0;
    while (at < last) {
      let end = bytes.indexOf(10, at);
      if (end < 0) {
        if (!ended) {
          if (filled - at <= buffer.length >> 1) break;
          if (!skipping) tooLong(offset + at);
          skipping = true;
          at = filled;
          break;
        }
        end = filled;
      }
      if (skipping) {
        skipping = false;
        at = end + 1;
      } else at = visit(bytes, at, end, filled, offset);
    }
    at = Math.min(at, filled);
    buffer.copyWithin(0, at, filled);
    filled -= at;
  }
}
