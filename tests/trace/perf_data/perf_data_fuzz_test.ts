import assert from "node:assert/strict";
import { memorySource } from "../../../lib/trace/byte_source.ts";
import { TraceFormatError } from "../../../lib/trace/errors.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { read } from "../../../lib/trace/perf_data/mod.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { gaps } from "../../../lib/sched/gaps.ts";
import { randomFrom } from "../../seeded.ts";
import { recordWithPerf } from "./record_with_perf.ts";

/** Reads everything a user would look at. Only a TraceFormatError may come of it. */
async function digest(bytes: Uint8Array): Promise<Trace | undefined> {
  let trace: Trace;
  try {
    trace = await read(memorySource(bytes, "fuzz"));
  } catch (error) {
    if (error instanceof TraceFormatError) {
      assert.match(error.message, /byte \d+: expected .+ but found .+/);
      return undefined;
    }
    throw error;
  }
  void trace.quality.share;
  const { ts, length } = trace.stream;
  for (let i = 1; i < length; i++) assert.ok(ts[i]! >= ts[i - 1]!, "stamps never fall");
  return trace;
}

async function smallRecording(): Promise<Uint8Array<ArrayBuffer>> {
  const dir = await Deno.makeTempDir();
  try {
    await recordWithPerf(`${dir}/perf.data`, ["perf", "bench", "sched", "pipe", "-l", "100"], "64K");
    return await Deno.readFile(`${dir}/perf.data`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("a damaged perf.data gives an error or a partial trace with its holes, never a crash", async (t) => {
  const whole = await smallRecording();
  const intact = (await digest(whole))!;
  assert.equal(
    intact.quality.holes.filter((hole) => hole.kind === "corrupt" || hole.kind === "truncated").length,
    0,
  );
  const view = new DataView(whole.buffer);
  const data = { offset: Number(view.getBigUint64(40, true)), size: Number(view.getBigUint64(48, true)) };

  await t.step("cut anywhere: 500 cases", async () => {
    const random = randomFrom(1);
    let partial = 0;
    for (let i = 0; i < 500; i++) {
      const trace = await digest(whole.slice(0, random(whole.length)));
      if (trace !== undefined) partial++;
    }
    // The formats stand behind the records, so that a file cut before them has nothing to read its records by.
    assert.ok(partial < 500);
  });

  await t.step("records cut, formats whole: the hole is listed", async () => {
    const cut = whole.slice();
    new DataView(cut.buffer).setUint32(data.offset + 6, 0xffff0000, true);
    const trace = (await digest(cut))!;
    assert.ok(trace.quality.holes.length > 0);
  });

  await t.step("random bytes anywhere: 3000 cases", async () => {
    for (let seed = 1; seed <= 3000; seed++) {
      const random = randomFrom(seed);
      const damaged = whole.slice();
      const count = 1 + random(24);
      for (let i = 0; i < count; i++) damaged[random(damaged.length)] = random(256);
      await digest(damaged);
    }
  });

  await t.step("random bytes in the header and the records: 3000 cases, all analysed", async () => {
    let holed = 0;
    for (let seed = 1; seed <= 3000; seed++) {
      const random = randomFrom(seed ^ 0x5bd1e995);
      const damaged = whole.slice();
      const inHeader = random(8) === 0;
      const [from, size] = inHeader ? [0, data.offset] : [data.offset, data.size];
      const count = 1 + random(8);
      for (let i = 0; i < count; i++) damaged[from + random(size)] = random(256);
      const trace = await digest(damaged);
      if (trace === undefined) continue;
      if (trace.quality.holes.length > intact.quality.holes.length) holed++;
      if (seed % 10 !== 0 || !trace.has("sched:sched_switch") || !trace.has("sched:sched_waking")) continue;
      gaps(trace, { threshold: 0, limit: 50 });
    }
    assert.ok(holed > 300, `${holed} of 3000 damaged files had their holes listed`);
  });

  await t.step("sizes that lie", async () => {
    for (const at of [8, 16, 24, 32, 40, 48, 56, 64]) {
      for (const value of [0n, 1n, 15n, 2n ** 31n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
        const damaged = whole.slice();
        new DataView(damaged.buffer).setBigUint64(at, value, true);
        await digest(damaged);
      }
    }
  });
});

Deno.test("openTrace() says what it found where there is no trace", async () => {
  const dir = await Deno.makeTempDir();
  const file = `${dir}/input`;
  try {
    await Deno.writeTextFile(file, "");
    await assert.rejects(openTrace(file), /byte 0: expected perf.data .* but found an empty file/);
    await Deno.writeTextFile(file, "hello, this is no trace\n");
    await assert.rejects(openTrace(file), /byte 0: expected perf.data .* but found "hello, this is/);
    await Deno.writeTextFile(file, "PERFILE2");
    await assert.rejects(openTrace(file), /byte 8: expected the 104-byte header/);
    await Deno.writeTextFile(file, "2ELIFREP" + "\0".repeat(100));
    await assert.rejects(openTrace(file), /byte 8: expected header size 104/);
    await assert.rejects(openTrace(`${dir}/nosuch`), Deno.errors.NotFound);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
