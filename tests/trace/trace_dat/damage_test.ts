import assert from "node:assert/strict";
import { deflateSync, zstdCompressSync } from "node:zlib";
import { memorySource } from "../../../lib/trace/byte_source.ts";
import { TraceFormatError } from "../../../lib/trace/errors.ts";
import { read, sniff } from "../../../lib/trace/trace_dat/mod.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { assessQuality, type Quality } from "../../../lib/trace/quality.ts";
import {
  edgeInteger,
  pick,
  type Random,
  randomFrom,
  readInteger,
  spoil,
  writeInteger,
} from "../../seeded.ts";
import { join, makeTraceDat, numbers, piecesOf, type TraceDatPieces } from "./make_trace_dat.ts";
import { capture } from "./trace_cmd.ts";

const SEED = 20261121;

/** Spoils `bytes`; `places` are bytes where numbers of the file's structure stand. */
function spoilAt(bytes: Uint8Array, places: readonly number[], random: Random): Uint8Array {
  if (random(7) < 5) return spoil(bytes, random);
  const spoiled = bytes.slice();
  for (let i = 1 + random(3); i > 0; i--) {
    const at = pick(random, places);
    const size = pick(random, [2, 4, 8] as const);
    const now = readInteger(spoiled, at, size, true);
    writeInteger(spoiled, at, size, edgeInteger(random, size, now, spoiled.length), true);
  }
  return spoiled;
}

/** Bytes ahead of the pages, and around each place where a u64 points to inside of the file. */
function structure(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer);
  const places = Array.from({ length: 400 }, (_, i) => i);
  for (let at = 0; at + 8 <= bytes.length; at++) {
    const value = view.getBigUint64(at, true);
    if (value > 100n && value < BigInt(bytes.length)) {
      places.push(at);
      for (let near = 0; near < 24; near += 2) places.push(Number(value) + near);
    }
  }
  return places;
}

function small(pieces: TraceDatPieces): TraceDatPieces {
  const keep = ["sched_switch", "sched_waking", "sched_migrate_task"];
  const decoder = new TextDecoder();
  const formats = new Map(
    [...pieces.formats].map((
      [system, texts],
    ) => [
      system,
      texts.filter((text) => keep.some((name) => decoder.decode(text).includes(`name: ${name}\n`))),
    ]),
  );
  const cpus = pieces.buffers[0]!.cpus.map((bytes) => bytes.subarray(0, 4096 * 6));
  return {
    ...pieces,
    formats: formats as TraceDatPieces["formats"],
    savedNames: pieces.savedNames.subarray(0, 600),
    buffers: [{ name: "", clock: "mono", cpus }, {
      name: "b",
      clock: "mono",
      cpus: cpus.map((bytes) => bytes.subarray(0, 4096)),
    }],
    chunk: 8192,
  };
}

function rowsOf({ holes, coverage, lost, share }: Quality): unknown {
  return { holes: holes.toJSON(), coverage: coverage.toJSON(), lost, share };
}

const sum = (trace: Trace) => [...trace.counts.values()].reduce((x, y) => x + y, 0);

Deno.test("a trace.dat damaged in thousands of ways opens with holes or says which byte makes no sense", async () => {
  const directory = await Deno.makeTempDir();
  const pieces = small(piecesOf(await capture(directory, 300)));
  const kinds = [[6, "none"], [7, "none"], [7, "zlib"], [7, "zstd"]] as const;
  const files = kinds.map(([version, packing]) => {
    const bytes = makeTraceDat({ ...pieces, version, packing });
    return { bytes, places: structure(bytes) };
  });
  const whole = sum(await read(memorySource(files[0]!.bytes)));
  const random = randomFrom(SEED);
  let opened = 0;
  let refused = 0;
  let slowest = 0;
  for (let i = 0; i < 8000; i++) {
    const { bytes, places } = files[i % files.length]!;
    const spoiled = spoilAt(bytes, places, random);
    const begin = performance.now();
    try {
      const trace = await read(memorySource(spoiled, "spoiled"));
      opened++;
      assert.ok(sum(trace) <= whole * 3 + 1000, `case ${i}: ${sum(trace)} events`);
      if (i % 4 === 0) {
        const { ts, length } = trace.stream;
        assert.deepEqual(
          trace.span,
          length === 0 ? { from: 0, to: 0 } : { from: ts[0]!, to: ts[length - 1]! },
        );
        assert.deepEqual(rowsOf(trace.quality), rowsOf(assessQuality(trace.stream, trace.knownHoles)));
      }
      if (i % 8 === 0) {
        for (const event of trace.counts.keys()) {
          const frame = trace.event(event);
          for (const name of frame.names) assert.equal(frame.column(name).length, frame.length);
        }
      }
    } catch (error) {
      if (!(error instanceof TraceFormatError)) throw new Error(`case ${i}`, { cause: error });
      assert.ok(error.offset >= 0 && error.offset <= spoiled.length, `case ${i}: ${error.message}`);
      assert.match(error.message, /^spoiled: byte \d+: expected .+ but found \P{Cc}+$/u, `case ${i}`);
      refused++;
    }
    slowest = Math.max(slowest, performance.now() - begin);
  }
  assert.ok(opened > 2000 && refused > 1000, `${opened} opened, ${refused} refused`);
  assert.ok(slowest < 5000, `${slowest} ms for one of some 100 kB`);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("bytes missing from the pages are holes, and all else is read", async () => {
  const directory = await Deno.makeTempDir();
  const pieces = small(piecesOf(await capture(directory, 300)));
  const file = (more: Partial<TraceDatPieces>) => makeTraceDat({ ...pieces, ...more });
  const linear = file({ version: 6, buffers: pieces.buffers.slice(0, 1) });
  const cut = await read(memorySource(linear.subarray(0, linear.length - 5000)));
  const kinds = (trace: Trace) => new Set(trace.quality.holes.column("kind"));
  assert.ok(sum(cut) > 0 && sum(cut) < sum(await read(memorySource(linear))));
  assert.ok(kinds(cut).has("truncated"));
  // One chunk's bytes are junk: its two pages are left out.
  for (const packing of ["zlib", "zstd"] as const) {
    const packed = file({ version: 7, packing, buffers: pieces.buffers.slice(0, 1) });
    const first = pieces.buffers[0]!.cpus.find(({ length }) => length > 8192)!.subarray(0, 8192);
    const body = packing === "zstd" ? zstdCompressSync(first) : deflateSync(first);
    const at = indexOf(packed, body);
    const junk = packed.slice();
    junk.fill(0x55, at, at + 200);
    const trace = await read(memorySource(junk));
    assert.ok(sum(trace) > 0 && sum(trace) < sum(await read(memorySource(packed))));
    assert.ok(kinds(trace).has("corrupt"));
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("what claims to become or to hold far more than it is gets refused before it is made", async () => {
  const directory = await Deno.makeTempDir();
  const pieces = small(piecesOf(await capture(directory, 100)));
  const before = Deno.memoryUsage().rss;
  for (const [packing, pack] of [["zstd", zstdCompressSync], ["zlib", deflateSync]] as const) {
    // A section's body that becomes 128 times what its header allows, and one that claims 4 GB.
    const bytes = makeTraceDat({ ...pieces, packing });
    const names = pack(join([numbers(true, [8, pieces.savedNames.length]), pieces.savedNames]));
    const at = indexOf(bytes, names);
    const bomb = pack(new Uint8Array(names.length * 128)).subarray(0, names.length);
    for (const [body, claim] of [[bomb, names.length], [names, 0xffff_ffff], [names, 1 << 27]] as const) {
      const hostile = bytes.slice();
      hostile.set(numbers(true, [4, body.length], [4, claim]), at - 8);
      hostile.set(body, at);
      await assert.rejects(read(memorySource(hostile)), TraceFormatError);
    }
    // Pages: 8 GB of zeros in 500 chunks.
    const zeros = pack(new Uint8Array(1 << 24));
    const chunk = join([numbers(true, [4, zeros.length], [4, 1 << 24]), zeros]);
    const many = join([numbers(true, [4, 500]), ...Array.from({ length: 500 }, () => chunk)]);
    const hostile = withPackedPages(pieces, packing, many);
    const begin = performance.now();
    const trace = await read(memorySource(hostile));
    assert.ok([...trace.quality.holes.column("kind")].includes("corrupt"), packing);
    assert.ok(performance.now() - begin < 20_000);
  }
  assert.ok(Deno.memoryUsage().rss - before < 2 ** 31, "less than 2 GiB for 8 GB claimed");
  // A size of 2^63 bytes.
  const linear = makeTraceDat({ ...pieces, version: 6 });
  const hostile = linear.slice();
  hostile.set(numbers(true, [8, 1n << 63n]), 30);
  await assert.rejects(read(memorySource(hostile)), (error) => {
    assert.ok(error instanceof TraceFormatError);
    assert.match(
      error.message,
      /byte \d+: expected header_page of at most \d+ bytes but found a size of 9223372036854775808/,
    );
    return true;
  });
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a format text with a million fields, or millions of spaces, is refused or skipped in time", async () => {
  const directory = await Deno.makeTempDir();
  const pieces = small(piecesOf(await capture(directory, 50)));
  const encode = (text: string) => new TextEncoder().encode(text);
  const field = (i: number) => `\tfield:int f${i};\toffset:8;\tsize:4;\tsigned:1;\n`;
  const head = "name: sched_switch\nID: 314\nformat:\n";
  const fields = head + Array.from({ length: 20_000 }, (_, i) => field(i)).join("");
  const spaces = `${head}\nprint fmt: ${" ".repeat(900_000)}x`;
  for (const text of [fields, spaces, `${head}${" ".repeat(900_000)}`]) {
    const formats = new Map(pieces.formats).set("sched", [encode(text)]);
    const begin = performance.now();
    await assert.rejects(read(memorySource(makeTraceDat({ ...pieces, formats }))), TraceFormatError);
    assert.ok(performance.now() - begin < 2000);
  }
  const large = new Map(pieces.formats).set("sched", [encode(`${head}${"x".repeat(1 << 20)}`)]);
  await assert.rejects(
    read(memorySource(makeTraceDat({ ...pieces, formats: large }))),
    /a format of "sched" of at most 1048576 bytes/,
  );
  await Deno.remove(directory, { recursive: true });
});

Deno.test("what is no trace.dat, or of another version, is refused", async () => {
  assert.equal(sniff(new Uint8Array(4)), false);
  assert.equal(sniff(new TextEncoder().encode("\x17\x08Dtracing6\0")), true);
  const refuse = async (text: string, why: RegExp) =>
    await assert.rejects(read(memorySource(new TextEncoder().encode(text))), why);
  await refuse("", /memory: byte 0: expected .* but found/);
  await refuse("\x17\x08Dtracing9\0", /byte 10: expected version 6 or 7 of trace.dat but found 9/);
  await refuse("\x17\x08Dtracing6\0\x02", /expected a byte order of 0 or 1 but found 2/);
  await refuse(
    `\x17\x08Dtracing7\0\x00\x08${"\x00\x10\x00\x00"}lzma\0`,
    /byte 18: expected none, zlib or zstd but found "lzma"/,
  );
});

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  outer: for (let at = 0; at + part.length <= bytes.length; at++) {
    for (let i = 0; i < part.length; i++) if (bytes[at + i] !== part[i]) continue outer;
    return at;
  }
  throw new Error("not in it");
}

/** A file with the packed pages `chunks` of one CPU. */
function withPackedPages(pieces: TraceDatPieces, packing: "zstd" | "zlib", chunks: Uint8Array): Uint8Array {
  const place = 1 << 20;
  const option = join([
    numbers(true, [8, place - 16]),
    new TextEncoder().encode("\0mono\0"),
    numbers(true, [4, pieces.pageSize], [4, 1], [4, 0], [8, place], [8, chunks.length]),
  ]);
  const file = makeTraceDat({ ...pieces, packing, buffers: [], options: [{ id: 3, data: option }] });
  const out = new Uint8Array(place + chunks.length);
  out.set(file);
  out.set(numbers(true, [2, 3], [2, 1], [4, 0], [8, chunks.length]), place - 16);
  out.set(chunks, place);
  return out;
}

Deno.test("pages that are claimed to be of 16 MiB cost nothing where there are none", async () => {
  const directory = await Deno.makeTempDir();
  const pieces = small(piecesOf(await capture(directory, 50)));
  const cpus = Array.from({ length: 1000 }, () => new Uint8Array(8));
  const file = makeTraceDat({ ...pieces, version: 6, buffers: [{ name: "", clock: "mono", cpus }] });
  // The size of a page stands behind the magic, the version, the byte order and the size of a long.
  file.set(numbers(true, [4, 1 << 24]), 14);
  const before = Deno.memoryUsage().rss;
  const trace = await read(memorySource(file));
  assert.equal(trace.stream.length, 0);
  assert.ok(Deno.memoryUsage().rss - before < 2 ** 28);
  await Deno.remove(directory, { recursive: true });
});
