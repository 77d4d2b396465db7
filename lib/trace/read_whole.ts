import { TraceFormatError } from "./errors.ts";

/** What {@linkcode readWhole} reads from: standard input, an open file. */
export interface Readable {
  /** Fills `into` from its start; returns how many bytes there were, or null at the end. */
  read(into: Uint8Array): Promise<number | null>;
}

/** Options of {@linkcode readWhole}. */
export interface ReadWholeOptions {
  /** Bytes that are expected, so that room is made once. Default 1 MiB; it grows as need be. */
  expected?: number;
  /** Most bytes that are read. Default 4 GiB. */
  most?: number | undefined;
  /** Ends the reading with its reason, looked at between two reads. Default: none. */
  signal?: AbortSignal | undefined;
}

/** All bytes of `input` up to its end. Throws {@linkcode TraceFormatError}, with `name`, where there are more than `most`. */
export async function readWhole(
  input: Readable,
  name: string,
  options: ReadWholeOptions = {},
): Promise<Uint8Array> {
  const { most = 2 ** 32, signal } = options;
  let bytes = new Uint8Array((options.expected ?? 1 << 20) + 1);
  let size = 0;
  for (;;) {
    signal?.throwIfAborted();
    if (size === bytes.length) {
      const wider = new Uint8Array(size * 2);
      wider.set(bytes);
      bytes = wider;
    }
    const n = await input.read(bytes.subarray(size));
    if (n === null) return bytes.subarray(0, size);
    size += n;
    if (size > most) {
      throw new TraceFormatError(name, size, `at most ${most} bytes, as all of it is kept in memory`, "more");
    }
  }
}
