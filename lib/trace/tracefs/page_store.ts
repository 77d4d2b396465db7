import { fileSource } from "../byte_source.ts";

/** The pages of one CPU, wherever they are kept. */
export interface CpuPages {
  /** Number of the CPU. */
  readonly cpu: number;
  /** Bytes of its pages in all; what is behind the last whole page is the end of a cut one. */
  readonly size: number;
}

/** Pages of all CPUs, that can be read again and again. */
export interface PageStore {
  /** In rising order of their numbers. */
  readonly cpus: readonly CpuPages[];
  /** Opens it for reading. The caller disposes of the reader. */
  open(): PageReader;
  /** There will be several passes over the pages: what it took work to unpack may be kept, if it is not too much. */
  keep?(): void;
  /** Byte of the file that byte `at` of the pages of `cpus[list]` is kept in. */
  fileOffset(list: number, at: number): number;
}

/** An open {@linkcode PageStore}. */
export interface PageReader extends Disposable {
  /**
   * Fills `into` from byte `position` of the pages of `cpus[list]` on; returns how many bytes there were, fewer than asked
   * only at the end.
   */
  read(list: number, into: Uint8Array, position: number): number;
}

/** Pages that are kept in a file for each CPU, as `trace_pipe_raw` gave them. */
export function filePages(files: readonly { readonly cpu: number; readonly path: string }[]): PageStore {
  const sorted = files.toSorted((x, y) => x.cpu - y.cpu);
  const sources = sorted.map(({ path }) => fileSource(path));
  return {
    cpus: sorted.map(({ cpu }, list) => ({ cpu, size: sources[list]!.size })),
    fileOffset: (_list, at) => at,
    open() {
      const stack = new DisposableStack();
      try {
        const readers = sources.map((source) => stack.use(source.open()));
        const opened = stack.move();
        return {
          read: (list, into, position) => readers[list]!.read(into, position),
          [Symbol.dispose]: () => opened.dispose(),
        };
      } finally {
        stack.dispose();
      }
    },
  };
}

/** Pages in memory. */
export function memoryPages(
  parts: readonly { readonly cpu: number; readonly bytes: Uint8Array }[],
): PageStore {
  const sorted = parts.toSorted((x, y) => x.cpu - y.cpu);
  return {
    cpus: sorted.map(({ cpu, bytes }) => ({ cpu, size: bytes.length })),
    fileOffset: (_list, at) => at,
    open: () => ({
      read(list, into, position) {
        const part = sorted[list]!.bytes.subarray(position, position + into.length);
        into.set(part);
        return part.length;
      },
      [Symbol.dispose]() {},
    }),
  };
}
