import { createGzip, createZstdCompress } from "node:zlib";
import type { InitrdCompression } from "./initrd.ts";

/** So much is compressed at a time; between, other work gets its turn. */
const CHUNK = 1 << 20;

/**
 * The `archive` compressed as the kernel's `unpack_to_rootfs` takes it; the same archive gives the same bytes. With "none" it is
 * returned as it is. Throws the reason of `signal` if that comes first.
 */
export async function compress(
  archive: Uint8Array<ArrayBuffer>,
  compression: InitrdCompression,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  if (compression === "none") return archive;
  const stream = compression === "gzip" ? createGzip({ level: 6 }) : createZstdCompress();
  const parts: Uint8Array[] = [];
  stream.on("data", (part: Uint8Array) => parts.push(part));
  const ended = new Promise<void>((resolve, reject) => {
    stream.on("end", resolve);
    stream.on("error", reject);
  });
  try {
    for (let at = 0; at < archive.length; at += CHUNK) {
      signal?.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        stream.write(archive.subarray(at, at + CHUNK), (error) => error ? reject(error) : resolve());
      });
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    stream.end();
    await ended;
  } finally {
    stream.destroy();
  }
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  // The operating system in gzip's header is that of the library's build.
  if (compression === "gzip") whole[9] = 255;
  return whole;
}
