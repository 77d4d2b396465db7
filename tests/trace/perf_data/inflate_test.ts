import assert from "node:assert/strict";
import process from "node:process";
import { constants, zstdCompressSync } from "node:zlib";
import { Inflater, loadInflater } from "../../../lib/trace/perf_data/inflate.ts";
import { join, randomFrom } from "../../seeded.ts";

/** Bytes that repeat near and far: what records look like to a compressor. */
function plain(size: number): Uint8Array<ArrayBuffer> {
  const random = randomFrom(size);
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size;) {
    const length = Math.min(size - at, 1 + random(2000));
    if (at > 0 && random(4) !== 0) bytes.copyWithin(at, random(at), at + length);
    else for (let i = 0; i < Math.min(length, 100); i++) bytes[at + i] = random(256);
    at += length;
  }
  return bytes;
}

function compress(bytes: Uint8Array, level: number, windowLog: number): Uint8Array<ArrayBuffer> {
  const params = {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_windowLog]: windowLog,
    [constants.ZSTD_c_contentSizeFlag]: 0,
    [constants.ZSTD_c_checksumFlag]: level & 1,
  };
  return new Uint8Array(zstdCompressSync(bytes, { params }));
}

/** What comes out of `packed` in pieces of `size` bytes, and why it ended. */
function inflate(
  packed: Uint8Array<ArrayBuffer>,
  size: number,
): { bytes: Uint8Array; why: string | undefined } {
  const out: Uint8Array[] = [];
  const inflater = new Inflater((bytes) => out.push(bytes.slice()));
  let why: string | undefined;
  for (let at = 0; at < packed.length; at += size) why ??= inflater.push(packed.subarray(at, at + size));
  return { bytes: join(out), why };
}

Deno.test("an Inflater gives back what was compressed, whatever the window and the pieces, frame after frame", async () => {
  await loadInflater();
  const bytes = plain(5_000_000);
  for (
    const [level, windowLog] of [[1, 10], [3, 14], [5, 17], [3, 18], [9, 21], [19, 23], [22, 27]] as const
  ) {
    const { bytes: found, why } = inflate(compress(bytes, level, windowLog), 60_000);
    assert.equal(why, undefined, `level ${level}, window ${windowLog}`);
    assert.deepEqual(found, bytes, `level ${level}, window ${windowLog}`);
  }
  const small = bytes.subarray(0, 300_000);
  const frames = join([compress(small, 3, 12), compress(small.subarray(7), 1, 20), compress(small, 19, 16)]);
  const expected = join([small, small.subarray(7), small]);
  for (const size of [1, 5, 4000, frames.length]) assert.deepEqual(inflate(frames, size).bytes, expected);
});

Deno.test("a large window costs no more than a small one", async () => {
  await loadInflater();
  const bytes = plain(20_000_000);
  const cost = (windowLog: number) => {
    const packed = compress(bytes, 1, windowLog);
    const began = process.cpuUsage();
    assert.equal(inflate(packed, 60_000).bytes.length, bytes.length);
    const { user, system } = process.cpuUsage(began);
    return user + system;
  };
  cost(17);
  const [small, large] = [cost(17), cost(27)];
  assert.ok(large < 10 * small + 500_000, `${large} us with 128 MiB, ${small} us with 128 KiB`);
});

Deno.test("a stream that goes wrong again and again is given up, and a window beyond all use is refused", async () => {
  await loadInflater();
  // A frame of one byte with a window of 128 MiB, and one with 2 GiB.
  const frame = (window: number) => Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, window << 3, 9, 0, 0, 65);
  const began = process.cpuUsage();
  for (const window of [17, 21]) {
    const inflater = new Inflater(() => {});
    const answers = Array.from(
      { length: 3000 },
      () => inflater.push(join([frame(window), new Uint8Array(8)])),
    );
    assert.ok(answers.filter((why) => why !== undefined).length > 2800);
  }
  assert.notEqual(inflate(frame(21), 100).why, undefined);
  const many = inflate(join(Array.from({ length: 5000 }, () => frame(17))), 60_000);
  assert.equal(many.why, undefined);
  assert.equal(many.bytes.length, 5000);
  const { user, system } = process.cpuUsage(began);
  assert.ok(user + system < 10e6, `${(user + system) / 1e6} s`);
  assert.ok(Deno.memoryUsage().rss < 2e9);
});

Deno.test("damage anywhere ends in an answer", async () => {
  await loadInflater();
  const packed = compress(plain(300_000), 3, 17);
  for (let seed = 1; seed <= 3000; seed++) {
    const random = randomFrom(seed);
    const damaged = packed.slice();
    for (let i = 1 + random(6); i > 0; i--) {
      damaged[random(random(2) === 0 ? 200 : damaged.length)] = random(256);
    }
    const { bytes } = inflate(damaged, 1 + random(20_000));
    assert.ok(bytes.length <= 2 ** 24 + 256 * packed.length);
  }
});
