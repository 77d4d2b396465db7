import assert from "node:assert/strict";
import process from "node:process";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { TraceFormatError } from "../../lib/trace/errors.ts";
import { openTrace } from "../../lib/trace/open.ts";
import type { Trace } from "../../lib/trace/trace.ts";
import { join } from "../seeded.ts";
import {
  compressedRecords,
  makePerfData,
  makeRecord,
  type PerfDataPieces,
  RECORD,
  takeApart,
  u32s,
  u64s,
} from "../trace/perf_data/make_perf_data.ts";
import { recordWithPerf } from "../trace/perf_data/record_with_perf.ts";
import { makeTraceDat, numbers, type TraceDatPieces } from "../trace/trace_dat/make_trace_dat.ts";
import { capture } from "../trace/trace_dat/trace_cmd.ts";
import { smallPieces } from "./ingredients.ts";

const MIB = 2 ** 20;
const TRACING_DATA = 1;
const COMPRESSED = 27;
const CLAIMS = [1n << 63n, (1n << 64n) - 1n, 1n << 53n, (1n << 62n) + 104n];

/** Opens `bytes` as a file; none of it may take more than 512 MiB, or ten seconds of CPU time. */
async function open(bytes: Uint8Array, what: string): Promise<Trace | TraceFormatError> {
  const path = await Deno.makeTempFile();
  const field = (name: string) =>
    Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(Deno.readTextFileSync("/proc/self/status"))![1]) *
    1024;
  try {
    await Deno.writeFile(path, bytes);
    Deno.writeTextFileSync("/proc/self/clear_refs", "5"); // the peak is counted anew
    const before = field("VmRSS");
    const began = process.cpuUsage();
    const result = await openTrace(path).then((trace) => {
      void trace.quality.share;
      for (const event of trace.counts.keys()) if (trace.formats.has(event)) trace.event(event).column("ts");
      return trace;
    }).catch((error) => {
      if (!(error instanceof TraceFormatError)) throw new Error(what, { cause: error });
      assert.match(error.message, /byte \d+: expected .+ but found .+/, what);
      return error;
    });
    const { user, system } = process.cpuUsage(began);
    assert.ok(user + system < 10e6, `${what}: ${(user + system) / 1e6} s of CPU time`);
    const memory = field("VmHWM") - before;
    assert.ok(memory < 512 * MIB + 16 * bytes.length, `${what}: ${Math.round(memory / MIB)} MiB`);
    return result;
  } finally {
    await Deno.remove(path);
  }
}

/** Refused, or opened with a hole that tells of it. */
async function isTold(bytes: Uint8Array, what: string): Promise<void> {
  const result = await open(bytes, what);
  if (result instanceof TraceFormatError) return;
  const kinds = [...result.quality.holes.column("kind")];
  assert.ok(kinds.some((kind) => kind === "corrupt" || kind === "truncated"), `${what}: ${kinds}`);
}

async function isRefused(bytes: Uint8Array, what: string): Promise<void> {
  assert.ok(await open(bytes, what) instanceof TraceFormatError, what);
}

let recorded: Promise<PerfDataPieces> | undefined;

/** A small recording of perf, made once. */
function perfData(): Promise<PerfDataPieces> {
  return recorded ??= (async () => {
    const dir = await Deno.makeTempDir();
    await recordWithPerf(`${dir}/perf.data`, ["perf", "bench", "sched", "pipe", "-l", "50"], "64K");
    const pieces = takeApart(await Deno.readFile(`${dir}/perf.data`));
    await Deno.remove(dir, { recursive: true });
    return pieces;
  })();
}

let captured: Promise<TraceDatPieces> | undefined;

/** A small recording of tracefs, made once. */
function traceDat(): Promise<TraceDatPieces> {
  return captured ??= (async () => {
    const dir = await Deno.makeTempDir();
    const pieces = smallPieces(await capture(dir, 100), 3);
    await Deno.remove(dir, { recursive: true });
    return pieces;
  })();
}

/** 4 GiB of zeros in zstd frames, one after another. */
const zstdBomb = () => join(Array<Uint8Array>(16).fill(zstdCompressSync(new Uint8Array(256 * MIB))));

Deno.test("a bomb among the compressed records of a perf.data is a hole, in both kinds of record", async () => {
  const pieces = await perfData();
  const features = new Map(pieces.features).set(COMPRESSED, new Uint8Array(20));
  const bomb = zstdBomb();
  for (const type of [81, 83] as const) {
    for (const size of [60_000, 300]) {
      const records = compressedRecords(bomb, type, size);
      await isTold(makePerfData({ ...pieces, features, records }), `type ${type} in pieces of ${size}`);
    }
  }
  // Records that make sense, as many as fit: 500 MB of them out of 60 kB.
  const round = makeRecord(RECORD.finishedRound, new Uint8Array());
  const many = zstdCompressSync(new Uint8Array(500e6).map((_, i) => round[i & 7]!));
  await isTold(makePerfData({ ...pieces, features, records: compressedRecords(many, 81) }), "empty rounds");
});

Deno.test("a zstd frame that claims a content or a window of any size gets no room for it", async () => {
  const pieces = await perfData();
  const features = new Map(pieces.features).set(COMPRESSED, new Uint8Array(20));
  for (const content of CLAIMS) {
    // Magic, a content size of eight bytes, a window descriptor or none, a last raw block of one byte.
    for (const head of [[0xc0, 0], [0xc0, 21 << 3], [0xe0]]) {
      const frame = join([
        Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, ...head),
        u64s(content),
        Uint8Array.of(9, 0, 0, 65),
      ]);
      const records = compressedRecords(frame, 81);
      await open(makePerfData({ ...pieces, features, records }), `a content of ${content} in a record`);
      await isRefused(frame, `a content of ${content} in a file`);
    }
  }
});

Deno.test("what is packed as a file may not become more than its bound", async () => {
  // gzip makes 1000 of 1, zstd 30,000; both times more than the bound comes out.
  const piece = gzipSync(new Uint8Array(512 * MIB));
  const gzip = join([piece, piece, piece]);
  for (const [what, bytes] of [["gzip", gzip], ["zstd", zstdBomb()]] as const) {
    const path = await Deno.makeTempFile();
    await Deno.writeFile(path, bytes);
    await assert.rejects(openTrace(path), { name: "TraceFormatError", message: /unpacks to more/ }, what);
    await Deno.remove(path);
  }
  // A bomb of a perf.data within a wrap that is none.
  const pieces = await perfData();
  const features = new Map(pieces.features).set(COMPRESSED, new Uint8Array(20));
  const inner = makePerfData({ ...pieces, features, records: compressedRecords(zstdBomb(), 83) });
  await isTold(zstdCompressSync(inner), "a bomb in a wrap");
  await isTold(gzipSync(inner), "a bomb in a wrap");
});

Deno.test("sections of a perf.data that claim 2^63 bytes, or to lie there", async () => {
  const file = makePerfData(await perfData());
  const view = new DataView(file.buffer);
  const table = Number(view.getBigUint64(40, true) + view.getBigUint64(48, true));
  const attrs = Number(view.getBigUint64(24, true));
  const stride = Number(view.getBigUint64(16, true));
  const places = [8, 16, 24, 32, 40, 48, 56, 64, attrs + stride - 16, attrs + stride - 8];
  for (let i = 0; i < 10; i++) places.push(table + i * 16, table + i * 16 + 8);
  for (const at of places) {
    for (const claim of CLAIMS) {
      const hostile = file.slice();
      new DataView(hostile.buffer).setBigUint64(at, claim, true);
      await open(hostile, `${claim} at byte ${at}`);
    }
  }
  for (const claim of CLAIMS) {
    // Counts within TRACING_DATA: sizes of the texts that come first.
    const pieces = await perfData();
    const tracing = pieces.features.get(TRACING_DATA)!.slice();
    const at = new TextDecoder("latin1").decode(tracing).indexOf("header_page\0") + 12;
    new DataView(tracing.buffer).setBigUint64(at, claim, true);
    const features = new Map(pieces.features).set(TRACING_DATA, tracing);
    await isRefused(makePerfData({ ...pieces, features }), `header_page of ${claim} bytes`);
  }
});

Deno.test("records of a pipe that claim 4 GiB behind them", async () => {
  const { attrs, records, features } = await perfData();
  const pipe = (tracingSize: number) =>
    join([
      new TextEncoder().encode("PERFILE2"),
      u64s(16),
      ...attrs.map(({ attr, ids }) => makeRecord(64, join([attr, u64s(...ids)]))),
      makeRecord(RECORD.tracingData, u32s(tracingSize, 0)),
      features.get(TRACING_DATA)!,
      new Uint8Array((8 - features.get(TRACING_DATA)!.length % 8) % 8),
      records,
    ]);
  const whole = await open(pipe(features.get(TRACING_DATA)!.length), "as it was recorded");
  assert.ok(!(whole instanceof TraceFormatError) && whole.switches.length > 50);
  for (const size of [0xffff_ffff, 0x8000_0000, 0x7fff_ffff]) {
    await isRefused(pipe(size), `${size} bytes of formats`);
  }
  // AUXTRACE says in a u64 how much follows it.
  for (const claim of CLAIMS) {
    const auxiliary = makeRecord(71, u64s(claim, 0, 0, 0, 0));
    const file = makePerfData({ attrs, features, records: join([records, auxiliary, records]) });
    await isTold(file, `${claim} bytes behind an AUXTRACE`);
  }
});

Deno.test("tables of a trace.dat that claim 2^63 bytes, or to lie there", async () => {
  const pieces = await traceDat();
  for (const version of [6, 7] as const) {
    const file = makeTraceDat({ ...pieces, version, packing: "none" });
    const view = new DataView(file.buffer);
    // Every u64 ahead of the pages, and every one that points into the file: offsets and sizes of whatever kind.
    const places = new Set<number>();
    for (let at = 18; at + 8 <= file.length; at++) {
      const value = view.getBigUint64(at, true);
      const points = value > 100n && value < BigInt(file.length);
      if (points && (at < 4096 || at % 2 === 0) && file[at + 5] === 0) places.add(at);
    }
    const list = [...places].filter((_, i) => i % Math.ceil(places.size / 150) === 0);
    for (const at of list) {
      for (const claim of [1n << 63n, (1n << 53n) - 1n]) {
        const hostile = file.slice();
        hostile.set(numbers(true, [8, claim]), at);
        await open(hostile, `${claim} at byte ${at} of version ${version}`);
      }
    }
  }
  // Counts of CPUs, formats, options: u32s of all ones in the head.
  const file = makeTraceDat({ ...pieces, version: 6, packing: "none" });
  const tag = new TextDecoder("latin1").decode(file).indexOf("options  \0");
  for (const at of [14, tag - 4, tag + 12]) {
    const hostile = file.slice();
    hostile.set(numbers(true, [4, 0xffff_ffff]), at);
    await open(hostile, `all ones at byte ${at}`);
  }
});

Deno.test("a format text with a million fields is refused, or its event left out, in every format that has such texts", async () => {
  const field = (i: number) => `\tfield:int f${i};\toffset:8;\tsize:4;\tsigned:1;\n`;
  const encoder = new TextEncoder();
  const text = encoder.encode(
    `name: sched_switch\nID: 314\nformat:\n${
      Array.from({ length: 1_000_000 }, (_, i) => field(i)).join("")
    }\nprint fmt: ""\n`,
  );
  assert.ok(text.length > 40e6);
  const pieces = await perfData();
  const tracing = pieces.features.get(TRACING_DATA)!;
  const at = new TextDecoder("latin1").decode(tracing).indexOf("name: sched_switch\n");
  const size = Number(new DataView(tracing.buffer, tracing.byteOffset).getBigUint64(at - 8, true));
  const fat = join([tracing.subarray(0, at - 8), u64s(text.length), text, tracing.subarray(at + size)]);
  const features = new Map(pieces.features).set(TRACING_DATA, fat);
  await isRefused(makePerfData({ ...pieces, features }), "perf.data");
  for (const [version, packing] of [[6, "none"], [7, "none"], [7, "zstd"]] as const) {
    const formats = new Map((await traceDat()).formats).set("sched", [text]);
    await isRefused(makeTraceDat({ ...await traceDat(), formats, version, packing }), `trace.dat ${version}`);
  }
  const dir = await Deno.makeTempDir();
  const path = await capture(dir, 50);
  await Deno.writeFile(`${path}/events/sched/sched_switch.format`, text);
  await assert.rejects(openTrace(path), { name: "TraceFormatError" });
  await Deno.remove(dir, { recursive: true });
});
