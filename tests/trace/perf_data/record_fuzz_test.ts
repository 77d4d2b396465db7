import assert from "node:assert/strict";
import { zstdCompressSync } from "node:zlib";
import { memorySource } from "../../../lib/trace/byte_source.ts";
import { TraceFormatError } from "../../../lib/trace/errors.ts";
import { read } from "../../../lib/trace/perf_data/mod.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { toBigEndian } from "./to_big_endian.ts";

const WORKLOAD = "exec perf bench sched pipe -l 100 >&2";
const EVENTS = "sched:sched_switch,sched:sched_waking,sched:sched_process_exit";

async function record(...args: string[]): Promise<Uint8Array<ArrayBuffer>> {
  const dir = await Deno.makeTempDir();
  try {
    const path = `${dir}/perf.data`;
    const toPipe = args.includes("-");
    const { success, stdout } = await new Deno.Command("perf", {
      args: [
        "record",
        ...[
          "-a",
          "-m",
          "64K",
          "-k",
          "CLOCK_MONOTONIC",
          "-e",
          EVENTS,
          ...(toPipe ? [] : ["-o", path]),
          ...args,
        ],
        ...["--", "sh", "-c", WORKLOAD],
      ],
      stdin: "null",
      stderr: "null",
    }).output();
    assert.ok(success);
    return toPipe ? stdout : await Deno.readFile(path);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Where the records of a file are, and how its numbers are written. */
interface Recording {
  bytes: Uint8Array<ArrayBuffer>;
  little: boolean;
  records: { at: number; size: number; type: number }[];
}

function takeApart(bytes: Uint8Array<ArrayBuffer>): Recording {
  const little = bytes[0] === 0x50;
  const view = new DataView(bytes.buffer);
  const pipe = view.getUint32(little ? 8 : 12, little) === 16;
  let at = pipe ? 16 : Number(view.getBigUint64(40, little));
  const end = pipe ? bytes.length : at + Number(view.getBigUint64(48, little));
  const records: Recording["records"] = [];
  while (at + 8 <= end) {
    const type = view.getUint32(at, little);
    const size = view.getUint16(at + 6, little);
    records.push({ at, size, type });
    at += size;
    if (type === 66) at += Math.ceil(view.getUint32(at - size + 8, little) / 8) * 8;
  }
  return { bytes, little, records };
}

/** Deterministic random numbers (xorshift32), so that a failing case can be run again by its number. */
function randomFrom(seed: number): (below: number) => number {
  let x = (seed * 2654435761) | 1;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}

/** Damages one thing that means something: a size, a type, an id, a part of the data, the order or number of the records. */
function damage(
  { bytes, little, records }: Recording,
  random: (below: number) => number,
): Uint8Array<ArrayBuffer> {
  const damaged = bytes.slice();
  const view = new DataView(damaged.buffer);
  const large = records.filter(({ type }) => type !== 9 && type !== 68);
  const from = random(2) === 0 && large.length > 0 ? large : records;
  const { at, size, type } = from[random(from.length)]!;
  const edge = [0, 1, 7, 8, 9, 15, 16, 24, 4096, 65528, 65535][random(11)]!;
  const inside = () => at + 8 + (size > 8 ? random(size - 8) : 0);
  switch (random(9)) {
    case 0:
      view.setUint16(at + 6, edge, little);
      break;
    case 1:
      view.setUint32(at, [0, 1, 3, 9, 64, 66, 68, 69, 71, 80, 81, 83, 255, 0xffffffff][random(14)]!, little);
      break;
    case 2:
      if (size >= 16) {
        view.setBigUint64(
          at + 8,
          [0n, 1n, 2n ** 31n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n][random(6)]!,
          little,
        );
      }
      break;
    case 3:
      if (size >= 16) {
        view.setUint32(
          at + 8 + random((size - 8) >> 2) * 4,
          [0, 1, 0x7fffffff, 0x80000000, 0xffffffff][random(5)]!,
          little,
        );
      }
      break;
    case 4:
      for (let i = random(4); i >= 0; i--) damaged[inside()] = random(256);
      break;
    case 5: // gone
      damaged.copyWithin(at, at + size);
      break;
    case 6: // twice
      damaged.copyWithin(Math.min(at + size, damaged.length), at);
      break;
    case 7:
      return damaged.slice(0, inside());
    default: // its head, or that of compressed data
      damaged[at + (type === 81 ? 8 + random(Math.min(18, size - 8)) : random(8))]! ^= 1 << random(8);
  }
  return damaged;
}

async function digest(bytes: Uint8Array): Promise<Trace | undefined> {
  let trace: Trace;
  try {
    trace = await read(memorySource(bytes, "fuzz"));
  } catch (error) {
    if (!(error instanceof TraceFormatError)) throw error;
    assert.match(error.message, /byte \d+: expected .+ but found .+/);
    return undefined;
  }
  void trace.quality.share;
  const { ts, length } = trace.stream;
  for (let i = 1; i < length; i++) assert.ok(ts[i]! >= ts[i - 1]!, "stamps never fall");
  return trace;
}

Deno.test("records damaged where it matters give an error or a partial trace, whatever kind of recording it is", async (t) => {
  const plain = await record();
  const kinds = {
    plain,
    "zstd": await record("-z"),
    "pipe": await record("-o", "-"),
    "zstd pipe": await record("-z", "-o", "-"),
    "call chains": await record("-g"),
    "big-endian": toBigEndian(plain),
  };
  for (const [kind, bytes] of Object.entries(kinds)) {
    await t.step(`${kind}: 1000 cases`, async () => {
      const recording = takeApart(bytes);
      const intact = (await digest(bytes))!;
      assert.ok(intact.switches.length > 50);
      let partial = 0;
      for (let seed = 1; seed <= 1000; seed++) {
        const random = randomFrom(seed);
        let damaged = damage(recording, random);
        // Twice only where the places are still those of the records.
        if (random(3) === 0 && damaged.length === bytes.length) {
          damaged = damage({ ...recording, bytes: damaged }, random);
        }
        const trace = await digest(damaged);
        if (trace === undefined) continue;
        partial++;
        const event = "sched:sched_switch";
        if (seed % 5 === 0 && trace.has(event)) {
          trace.event(event).column("next_comm");
          assert.equal(trace.switches.column("prev_comm").length, trace.switches.length);
        }
      }
      assert.ok(partial > 500, `${partial} of 1000`);
    });
  }
});

/** A file of the same events whose records are `pieces`, each a record of its own. */
function withPieces(
  bytes: Uint8Array<ArrayBuffer>,
  type: 81 | 83,
  pieces: readonly Uint8Array[],
): Uint8Array {
  const view = new DataView(bytes.buffer);
  const at = Number(view.getBigUint64(40, true));
  const end = at + Number(view.getBigUint64(48, true));
  const records = pieces.flatMap((piece) => {
    const size = type === 81 ? 8 + piece.length : 16 + Math.ceil(piece.length / 8) * 8;
    const record = new Uint8Array(size);
    const head = new DataView(record.buffer);
    head.setUint32(0, type, true);
    head.setUint16(6, size, true);
    if (type === 83) head.setBigUint64(8, BigInt(piece.length), true);
    record.set(piece, type === 81 ? 8 : 16);
    return [...record];
  });
  // The feature sections stay where they are; their table moves to follow the records, in a file of the same length or more.
  const bits = [...Array(256).keys()].filter((bit) => (bytes[72 + (bit >> 3)]! >> (bit & 7)) & 1);
  const table = bytes.slice(end, end + bits.length * 16);
  const out = new Uint8Array(bytes.length + records.length + table.length);
  out.set(bytes);
  out.set(records, bytes.length);
  out.set(table, bytes.length + records.length);
  const head = new DataView(out.buffer);
  head.setBigUint64(40, BigInt(bytes.length), true);
  head.setBigUint64(48, BigInt(records.length), true);
  return out;
}

const cutInto = (bytes: Uint8Array, size: number) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));

Deno.test("compressed records of both kinds, cut anywhere, hold the same records", async () => {
  const uncompressed = await record();
  const { records } = takeApart(uncompressed);
  const expected = await read(memorySource(uncompressed));
  const first = records[0]!.at;
  const end = records.at(-1)!.at + records.at(-1)!.size;
  const packed = zstdCompressSync(uncompressed.subarray(first, end));
  assert.ok(expected.switches.length > 50);
  for (const type of [81, 83] as const) {
    for (const size of [1, 7, 1000, 60000]) {
      const bytes = withPieces(announced(uncompressed), type, cutInto(packed, size));
      const trace = await read(memorySource(bytes));
      assert.deepEqual(trace.stream, expected.stream, `type ${type} in pieces of ${size}`);
      assert.equal(trace.quality.holes.filter((hole) => hole.kind !== "chain").length, 0);
    }
  }
});

/** The same file with the COMPRESSED feature (27) in its table, of which only the presence counts. */
function announced(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer);
  const end = Number(view.getBigUint64(40, true)) + Number(view.getBigUint64(48, true));
  const before = [...Array(27).keys()].filter((bit) => (bytes[72 + (bit >> 3)]! >> (bit & 7)) & 1).length;
  const bits = [...Array(256).keys()].filter((bit) => (bytes[72 + (bit >> 3)]! >> (bit & 7)) & 1).length;
  const entry = new Uint8Array(16);
  const table = [
    ...bytes.slice(end, end + before * 16),
    ...entry,
    ...bytes.slice(end + before * 16, end + bits * 16),
  ];
  // The table grows over what follows it, so that the records and the table move to the end of the file.
  const start = Number(view.getBigUint64(40, true));
  const records = bytes.slice(start, end);
  const out = new Uint8Array(bytes.length + records.length + table.length);
  out.set(bytes);
  out.set(records, bytes.length);
  out.set(table, bytes.length + records.length);
  out[72 + 3]! |= 1 << 3;
  new DataView(out.buffer).setBigUint64(40, BigInt(bytes.length), true);
  return out;
}

Deno.test("a zstd bomb is refused within bounds, and listed as a hole", async () => {
  const bytes = announced(await record());
  const bomb = zstdCompressSync(new Uint8Array(1 << 30)); // 1 GiB of zeros in 32 KiB
  const started = performance.now();
  const trace = await read(memorySource(withPieces(bytes, 81, cutInto(bomb, 60000))));
  assert.ok(performance.now() - started < 5000, "it is not unpacked");
  assert.equal(trace.stream.length, 0);
  assert.ok(trace.quality.holes.filter((hole) => hole.kind === "corrupt").length > 0);
  // A frame that asks for a window of 2 GiB gets none.
  const greedy = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 3, 0, 2, 0, ...Array(32).fill(0));
  const refused = await read(memorySource(withPieces(bytes, 81, [greedy])));
  assert.ok(refused.quality.holes.filter((hole) => hole.kind === "corrupt").length > 0);
});
