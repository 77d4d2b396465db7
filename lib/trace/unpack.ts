import { Buffer } from "node:buffer";
import { createGunzip, createZstdDecompress, zstdDecompressSync } from "node:zlib";
import type { ByteSource } from "./byte_source.ts";
import { memorySource } from "./byte_source.ts";
import { TraceFormatError } from "./errors.ts";

/** Options of {@linkcode unpack}. */
export interface UnpackOptions {
  /**
   * Most bytes that may come out of a packed file. Default: 200 times the packed size, but at least 256 MiB and at most
   * 4 GiB.
   */
  maxUnpacked?: number | undefined;
  /** Ends the unpacking with its reason. Default: none. */
  signal?: AbortSignal | undefined;
}

/** How a file that begins with `head` is packed; undefined where it is not. */
export function packingOf(head: Uint8Array): "gzip" | "zstd" | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  const zstd = head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd;
  return zstd || isSkippable(head, 0) ? "zstd" : undefined;
}

/**
 * What is packed in `packed` by gzip or zstd (any number of members or frames, one after another), in memory.
 *
 * Where the packed bytes end too early, what could be had is the result, and it is marked as truncated. Throws
 * {@linkcode TraceFormatError} where they are damaged so that nothing comes out, or where more comes out than is allowed.
 */
export async function unpack(
  packed: Uint8Array,
  packing: "gzip" | "zstd",
  name: string,
  options: UnpackOptions = {},
): Promise<ByteSource> {
  const most = options.maxUnpacked ?? Math.min(4 * GIB, Math.max(GIB / 4, RATIO * packed.length));
  const out: Uint8Array[] = [];
  let size = 0;
  const refuse = (cause?: unknown): never => {
    const allowed = `at most ${most} bytes packed in ${packed.length} (maxUnpacked allows more)`;
    throw new TraceFormatError(name, 0, allowed, `${packing} data that unpacks to more`, { cause });
  };
  const take = (chunk: Uint8Array) => {
    options.signal?.throwIfAborted();
    size += chunk.length;
    if (size > most) refuse();
    // A chunk is a view of the decoder's whole buffer: of a small one only the bytes are kept.
    out.push(2 * chunk.length < chunk.buffer.byteLength ? new Uint8Array(chunk) : chunk);
  };
  const { parts, end } = packing === "gzip" ? { parts: [packed], end: packed.length } : zstdFrames(packed);
  let truncated = end > packed.length;
  if (parts.length > FREE_FRAMES + packed.length / LEAST_MEAN) {
    const expected = `frames of at least ${LEAST_MEAN} bytes on the average`;
    throw new TraceFormatError(name, 0, expected, `${parts.length} in ${packed.length} bytes`);
  }
  for (const [i, part] of parts.entries()) {
    options.signal?.throwIfAborted();
    // Of a great many small frames each would have a decoder of its own, which costs more than the frame.
    if (parts.length > MOST_SMALL && part.length <= SMALL && (i < parts.length - 1 || !truncated)) {
      const unpacked = unpackSmall(part, most - size);
      if (unpacked === "too large") refuse();
      else if (unpacked !== undefined) {
        take(unpacked);
        continue;
      }
    }
    const stream = packing === "gzip"
      ? createGunzip({ chunkSize: CHUNK })
      : createZstdDecompress({ chunkSize: CHUNK });
    try {
      stream.end(Buffer.from(part.buffer, part.byteOffset, part.byteLength));
      for await (const chunk of stream) take(chunk);
    } catch (error) {
      stream.destroy();
      if (error instanceof TraceFormatError || options.signal?.aborted) throw error;
      if (size === 0) {
        const what = error instanceof Error ? error.message : String(error);
        throw new TraceFormatError(name, part.byteOffset - packed.byteOffset, `${packing} data`, what, {
          cause: error,
        });
      }
      truncated = true;
      break;
    }
  }
  const bytes = new Uint8Array(size);
  for (let at = 0; out.length > 0;) {
    // Each piece is let go as soon as it is copied.
    const chunk = out.shift()!;
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return { ...memorySource(bytes, name), truncated };
}

const GIB = 2 ** 30;
const RATIO = 200;
const CHUNK = 1 << 20;

/** Up to so many frames each may have a decoder of its own. */
const MOST_SMALL = 64;
/** A small frame, in bytes. */
const SMALL = 1 << 16;
/** However short, so many frames are taken. */
const FREE_FRAMES = 1 << 14;
/** Frames of fewer bytes on the average cost more time than their bytes are worth. */
const LEAST_MEAN = 64;

/** What is packed in one small zstd frame; undefined where it is damaged. */
function unpackSmall(frame: Uint8Array, most: number): Uint8Array | "too large" | undefined {
  try {
    return zstdDecompressSync(frame, { maxOutputLength: Math.max(1, most) });
  } catch (error) {
    return error instanceof RangeError ? "too large" : undefined;
  }
}

/**
 * The frames in `bytes`, each as a part, and where they end, which lies behind the last byte if that is missing. The
 * decoder stops after the first frame, and does not say so when one is cut. Layout: RFC 8878, section 3.1.
 */
function zstdFrames(bytes: Uint8Array): { parts: Uint8Array[]; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (isSkippable(bytes, at)) {
      at += 8 + (at + 8 <= bytes.length ? view.getUint32(at + 4, true) : 0);
      continue;
    }
    if (packingOf(bytes.subarray(at, at + 4)) !== "zstd") {
      // What follows the frames is no frame: the decoder is to say so, if it is the first.
      if (parts.length === 0) parts.push(bytes.subarray(at));
      return { parts, end: bytes.length + 1 };
    }
    const end = zstdFrameEnd(view, at);
    parts.push(bytes.subarray(at, end));
    at = end;
  }
  return { parts, end: at };
}

/** Where the frame at `at` ends: behind the last byte of the view where the frame is cut. */
function zstdFrameEnd(view: DataView, at: number): number {
  const missing = view.byteLength + 1;
  if (at + 5 > view.byteLength) return missing;
  const descriptor = view.getUint8(at + 4);
  const single = (descriptor >> 5) & 1;
  const dictionary = [0, 1, 2, 4][descriptor & 3]!;
  const content = [single, 2, 4, 8][descriptor >> 6]!;
  at += 5 + (1 - single) + dictionary + content;
  for (let last = false; !last;) {
    if (at + 3 > view.byteLength) return missing;
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    last = (header & 1) === 1;
    // A block of one byte repeated has only that byte.
    at += 3 + (((header >> 1) & 3) === 1 ? 1 : header >> 3);
  }
  if ((descriptor & 4) !== 0) at += 4;
  return at > view.byteLength ? missing : at;
}

/** Frames with a magic of 0x184D2A50 to 5F hold no data; pzstd writes them. */
function isSkippable(bytes: Uint8Array, at: number): boolean {
  return (bytes[at]! & 0xf0) === 0x50 && bytes[at + 1] === 0x2a && bytes[at + 2] === 0x4d &&
    bytes[at + 3] === 0x18;
}
