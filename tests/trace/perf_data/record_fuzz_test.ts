import assert from "node:assert/strict";
import { zstdCompressSync } from "node:zlib";
import { memorySource } from "../../../lib/trace/byte_source.ts";
import { TraceFormatError } from "../../../lib/trace/errors.ts";
import { read } from "../../../lib/trace/perf_data/mod.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { perfDataStructure } from "../../fuzz/perf_data.ts";
import { damageStructure } from "../../fuzz/structure.ts";
import { randomFrom } from "../../seeded.ts";
import { compressedRecords, makePerfData, takeApart } from "./make_perf_data.ts";
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
        ...[
          "record",
          "-a",
          "-m",
          "64K",
          "-k",
          "CLOCK_MONOTONIC",
          "-e",
          EVENTS,
          ...(toPipe ? [] : ["-o", path]),
        ],
        ...args,
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
      const structure = perfDataStructure(bytes);
      const intact = (await digest(bytes))!;
      assert.ok(intact.switches.length > 50);
      let partial = 0;
      for (let seed = 1; seed <= 1000; seed++) {
        const trace = await digest(damageStructure(bytes, structure, randomFrom(seed)));
        if (trace === undefined) continue;
        partial++;
        const event = "sched:sched_switch";
        if (seed % 5 === 0 && trace.has(event)) {
          trace.event(event).column("next_comm");
          assert.equal(trace.switches.column("prev_comm").length, trace.switches.length);
        }
      }
      assert.ok(partial > 300, `${partial} of 1000`);
    });
  }
});

Deno.test("compressed records of both kinds, cut anywhere, hold the same records", async () => {
  const uncompressed = await record();
  const expected = await read(memorySource(uncompressed));
  assert.ok(expected.switches.length > 50);
  const pieces = takeApart(uncompressed);
  const COMPRESSED = 27; // of this feature only the presence counts
  const features = new Map(pieces.features).set(COMPRESSED, new Uint8Array(20));
  const packed = zstdCompressSync(pieces.records);
  for (const type of [81, 83] as const) {
    for (const size of [1, 7, 1000, 60000]) {
      const records = compressedRecords(packed, type, size);
      const trace = await read(memorySource(makePerfData({ ...pieces, features, records })));
      assert.deepEqual(trace.stream, expected.stream, `type ${type} in pieces of ${size}`);
      assert.equal(trace.quality.holes.filter((hole) => hole.kind !== "chain").length, 0);
    }
  }
});
