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
  for (const _ of lineBlocks(source, visit, tooLong));
}

/** The same, with a rest after each block that was read. */
export function* lineBlocks(
  source: ByteSource,
  visit: LineVisitor,
  tooLong: (offset: number) => void,
): Generator<undefined, void, undefined> {
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
    let at = 0;
    if (skipping) {
      const end = bytes.indexOf(10);
      skipping = end < 0;
      at = skipping ? filled : end + 1;
    }
    at = Math.min(filled, visitBlock(bytes, at, ended, offset, visit));
    if (!ended && filled - at > buffer.length >> 1 && bytes.indexOf(10, at) < 0) {
      tooLong(offset + at);
      skipping = true;
      at = filled;
    }
    buffer.copyWithin(0, at, filled);
    filled -= at;
    yield;
  }
}

/** Visits the lines from `at` on that have enough behind them, or all if the text ended; where the next one starts. */
function visitBlock(
  bytes: Uint8Array,
  at: number,
  ended: boolean,
  offset: number,
  visit: LineVisitor,
): number {
  const filled = bytes.length;
  // Lines that start behind this wait until there is more behind them.
  const last = ended ? filled : filled - LOOK_AHEAD;
  while (at < last) {
    let end = bytes.indexOf(10, at);
    if (end < 0) {
      if (!ended) break;
      end = filled;
    }
    at = visit(bytes, at, end, filled, offset);
  }
  return at;
}
