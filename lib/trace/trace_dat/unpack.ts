/** Deno's own, which is there without an import: that would load it where nothing is packed. */
declare const process: { getBuiltinModule(id: "node:zlib"): typeof import("node:zlib") };

/** How parts of a trace.dat are packed. */
export type Packing = "none" | "zlib" | "zstd";

/** Whether `name`, out of a file, is one. */
export function isPacking(name: string): name is Packing {
  return name === "none" || name === "zlib" || name === "zstd";
}

/**
 * Unpacks `bytes` into exactly `size` bytes. Never makes more than that, whatever `bytes` would become. Throws an
 * `Error` where they become anything else.
 */
export function unpack(bytes: Uint8Array, size: number, packing: Packing): Uint8Array {
  if (packing === "none") return checked(bytes, size);
  // Loaded when there is something to unpack: that takes longer than to read a small file.
  const { inflateSync, zstdDecompressSync } = process.getBuiltinModule("node:zlib");
  const options = { maxOutputLength: Math.max(1, size), chunkSize: Math.min(Math.max(64, size), 1 << 20) };
  return checked(packing === "zstd" ? zstdDecompressSync(bytes, options) : inflateSync(bytes, options), size);
}

function checked(unpacked: Uint8Array, size: number): Uint8Array {
  if (unpacked.length !== size) throw new Error(`${unpacked.length} bytes instead of ${size}`);
  return unpacked;
}
