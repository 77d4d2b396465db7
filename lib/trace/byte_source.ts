import { TraceFormatError } from "./errors.ts";

/** Bytes that can be read again and again: a file, or memory. */
export interface ByteSource {
  /** What messages call it: the path, or `memory`. */
  readonly name: string;
  /** Bytes in all. */
  readonly size: number;
  /** Whether it is the file at the path `name`, that others can open as well. Default false. */
  readonly isFile?: boolean;
  /** Whether its end is known to be missing, as where a packed file was cut. Default false. */
  readonly truncated?: boolean;
  /** Opens it for reading. The caller disposes of the reader. */
  open(): ByteReader;
}

/** An open {@linkcode ByteSource}. */
export interface ByteReader extends Disposable {
  /** Fills `into` from byte `position` on; returns how many bytes there were (fewer than asked only at the end). */
  read(into: Uint8Array, position: number): number;
}

/** A file as a source. Each open checks that the file is still the one that was first looked at. */
export function fileSource(path: string): ByteSource {
  const first = Deno.statSync(path);
  return {
    name: path,
    isFile: true,
    size: first.size,
    open(): ByteReader {
      const file = Deno.openSync(path, { read: true });
      const now = file.statSync();
      if (now.size !== first.size || now.mtime?.getTime() !== first.mtime?.getTime()) {
        file.close();
        throw new Error(
          `${path} changed since it was opened: ${first.size} bytes then, ${now.size} now; open it again`,
        );
      }
      let at = 0;
      return {
        read(into, position) {
          // File systems refuse to go to places that they cannot have.
          if (!(position < first.size)) return 0;
          if (position !== at) at = file.seekSync(position, Deno.SeekMode.Start);
          let done = 0;
          while (done < into.length) {
            const n = file.readSync(done === 0 ? into : into.subarray(done));
            if (n === null) break;
            done += n;
          }
          at += done;
          return done;
        },
        [Symbol.dispose]: () => file.close(),
      };
    },
  };
}

/** Bytes in memory as a source. */
export function memorySource(bytes: Uint8Array, name = "memory"): ByteSource {
  return {
    name,
    size: bytes.length,
    open: () => ({
      read(into, position) {
        const part = bytes.subarray(position, position + into.length);
        into.set(part);
        return part.length;
      },
      [Symbol.dispose]() {},
    }),
  };
}

/** Reads bytes `[offset, offset + size)` of `source`; throws {@linkcode TraceFormatError} where they are not all there. */
export function readExactly(
  source: ByteSource,
  offset: number,
  size: number,
  what: string,
): Uint8Array<ArrayBuffer> {
  if (offset + size > source.size || size < 0 || offset < 0) {
    throw new TraceFormatError(
      source.name,
      Math.min(Math.max(offset, 0), source.size),
      `${what} of ${size} bytes`,
      `only ${Math.max(0, source.size - offset)} bytes to the end of the file`,
    );
  }
  const bytes = new Uint8Array(size);
  using reader = source.open();
  const got = reader.read(bytes, offset);
  if (got !== size) throw new TraceFormatError(source.name, offset + got, what, "the end of the file");
  return bytes;
}
