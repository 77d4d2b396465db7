/** Bytes of a line that are kept; a longer one is cut into lines of this length. */
const MOST = 1 << 16;

/** How to read lines. */
export interface ReadLinesOptions {
  /** Most bytes of a line; a longer one is cut into several. Default 65 536. */
  readonly most?: number;
}

/**
 * The lines that `conn` delivers, without their ends (`\n`, `\r\n`; also `\r\r\n`, which a serial console makes of it). What is no
 * UTF-8 becomes U+FFFD. The last line comes also without its end. Ends when the other side closes, or `conn` is closed.
 */
export async function* readLines(
  conn: { read(bytes: Uint8Array): Promise<number | null> },
  options: ReadLinesOptions = {},
): AsyncGenerator<string> {
  const most = options.most ?? MOST;
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(1 << 16);
  let line = new Uint8Array(4096);
  let length = 0;
  // Whether what is in `line` goes on from what was cut off: its end alone is no line.
  let cut = false;
  const take = (): string => {
    let end = length;
    while (end > 0 && line[end - 1] === 13) end--;
    length = 0;
    return decoder.decode(line.subarray(0, end));
  };
  while (true) {
    const size = await readSome(conn, chunk);
    if (size === null) break;
    let from = 0;
    while (from < size) {
      const found = chunk.subarray(0, size).indexOf(10, from);
      const to = Math.min(found < 0 ? size : found, from + most - length);
      if (length + to - from > line.length) {
        const larger = new Uint8Array(Math.min(most, Math.max(line.length * 2, length + to - from)));
        larger.set(line.subarray(0, length));
        line = larger;
      }
      line.set(chunk.subarray(from, to), length);
      length += to - from;
      from = to;
      if (to === found) {
        from++;
        const text = take();
        if (!cut || text !== "") yield text;
        cut = false;
      } else if (length === most) {
        yield take();
        cut = true;
      }
    }
  }
  if (length > 0) yield take();
}

/** As `conn.read`; null also where the connection is closed or reset. */
async function readSome(
  conn: { read(bytes: Uint8Array): Promise<number | null> },
  bytes: Uint8Array,
): Promise<number | null> {
  try {
    return await conn.read(bytes);
  } catch (error) {
    if (
      error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted ||
      error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.ConnectionAborted
    ) return null;
    throw error;
  }
}
