import assert from "node:assert/strict";
import { zstdCompressSync } from "node:zlib";
import type { ByteSource } from "../../lib/trace/byte_source.ts";
import { unpack } from "../../lib/trace/unpack.ts";
import { join } from "../seeded.ts";

const pack = (bytes: Uint8Array) => new Uint8Array(zstdCompressSync(bytes));

function contentOf(source: ByteSource): Uint8Array {
  const bytes = new Uint8Array(source.size);
  using reader = source.open();
  reader.read(bytes, 0);
  return bytes;
}

Deno.test("a file of thousands of small zstd frames unpacks in the memory of what comes out", async () => {
  const parts = Array.from({ length: 4000 }, (_, i) => new TextEncoder().encode(`line ${i}, `.repeat(9)));
  const packed = join(parts.map(pack));
  const before = Deno.memoryUsage().rss;
  const unpacked = contentOf(await unpack(packed, "zstd", "x"));
  assert.deepEqual(unpacked, join(parts));
  // A decoder's buffer of 1 MiB for each would be 4 GB.
  assert.ok(Deno.memoryUsage().rss - before < 500e6);

  const cut = await unpack(packed.subarray(0, packed.length - 5), "zstd", "x");
  assert.deepEqual(contentOf(cut).subarray(0, 100), unpacked.subarray(0, 100));
  assert.ok(cut.size < unpacked.length && cut.size > unpacked.length - 200);
});

Deno.test("small frames cannot become more than all may, nor be without number", async () => {
  const bombs = join(Array<Uint8Array>(100).fill(pack(new Uint8Array(4e6))));
  await assert.rejects(unpack(bombs, "zstd", "x"), /byte 0: expected at most 268435456 bytes packed in/);
  await assert.rejects(unpack(bombs, "zstd", "x", { maxUnpacked: 10e6 }), /expected at most 10000000 bytes/);
  const tiny = join(Array<Uint8Array>(50_000).fill(pack(Uint8Array.of(65))));
  await assert.rejects(
    unpack(tiny, "zstd", "x"),
    /byte 0: expected frames of at least 64 bytes on the average/,
  );
});
