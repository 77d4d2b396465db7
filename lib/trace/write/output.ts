import { TraceOutputError } from "../errors.ts";

/** Where a writer puts what it makes: a path, `-` for standard output, or a stream, which is closed at the end. */
export type TraceOutput = string | WritableStream<Uint8Array>;

/** Takes bytes in their order. They are written when the promise resolves: the memory may be used again. */
export type WriteBytes = (bytes: Uint8Array) => Promise<void>;

/** Options of {@linkcode withOutput}. */
export interface WithOutputOptions {
  /** Ends the writing with its reason before the next piece. Default: none. */
  signal?: AbortSignal | undefined;
}

/**
 * Calls `fill` with a function that writes to `output`.
 *
 * A file comes to be under another name beside its place, and takes it when it is whole: where anything fails, also by
 * the signal, nothing is left and an older file is as it was. What is there and is no regular file (a pipe, a device) is
 * written to as it is, as are standard output and streams; a stream is aborted with the error.
 *
 * Throws what `fill` throws, the signal's reason, and a {@linkcode TraceOutputError} where the output cannot be written.
 */
export async function withOutput(
  output: TraceOutput,
  options: WithOutputOptions,
  fill: (write: WriteBytes) => Promise<void>,
): Promise<void> {
  const { signal } = options;
  signal?.throwIfAborted();
  if (output instanceof WritableStream) return await fillStream(output, signal, fill);
  if (output === "-") return await fill(writeTo(Deno.stdout, "standard output", signal));
  await withFile(output, signal, (_file, write) => fill(write));
}

/** The same for a path, with the file itself. */
export async function withFile(
  output: string,
  signal: AbortSignal | undefined,
  fill: (file: Deno.FsFile, write: WriteBytes) => Promise<void>,
): Promise<void> {
  const place = await Deno.stat(output).catch(() => undefined);
  if (place !== undefined && !place.isFile) {
    using file = await Deno.open(output, { write: true });
    return await fill(file, writeTo(file, output, signal));
  }
  await replaceFile(output, signal, fill);
}

/** The same for writers that go back in the file: `output` must be a path that is no pipe. */
export async function replaceFile(
  output: string,
  signal: AbortSignal | undefined,
  fill: (file: Deno.FsFile, write: WriteBytes) => Promise<void>,
): Promise<void> {
  signal?.throwIfAborted();
  // A link stays a link: the file it leads to is replaced.
  const target = await Deno.realPath(output).catch(() => output);
  const temporary = `${target}.${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`;
  try {
    using file = await Deno.open(temporary, { write: true, createNew: true });
    await fill(file, writeTo(file, output, signal));
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
  try {
    signal?.throwIfAborted();
    await Deno.rename(temporary, target);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

function writeTo(
  file: { write(bytes: Uint8Array): Promise<number> },
  name: string,
  signal: AbortSignal | undefined,
): WriteBytes {
  return async (bytes) => {
    signal?.throwIfAborted();
    try {
      for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
    } catch (cause) {
      throw new TraceOutputError(name, cause);
    }
  };
}

async function fillStream(
  stream: WritableStream<Uint8Array>,
  signal: AbortSignal | undefined,
  fill: (write: WriteBytes) => Promise<void>,
): Promise<void> {
  const writer = stream.getWriter();
  try {
    await fill(async (bytes) => {
      signal?.throwIfAborted();
      // A stream may keep what it is given.
      await writer.write(bytes.slice());
    });
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
    throw error;
  }
}
