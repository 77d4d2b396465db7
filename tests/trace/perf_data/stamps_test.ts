import assert from "node:assert/strict";
import { memorySource } from "../../../lib/trace/byte_source.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { read } from "../../../lib/trace/perf_data/mod.ts";
import { scanTrace } from "../../../lib/trace/scan.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { makePerfData, RECORD, recordsIn, takeApart } from "./make_perf_data.ts";
import { recordWithPerf } from "./record_with_perf.ts";

/** Where a sample's stamp is: behind IDENTIFIER, IP and TID. */
const TIME = 32;

/** Stamps of all switches by the clock itself, twice: as the stream has them and as the event's columns. */
function stamps(trace: Trace): bigint[][] {
  return [trace.switches.column("ts"), trace.event("sched:sched_switch").column("ts") as Float64Array].map((
    ts,
  ) => Array.from(ts, (ns) => trace.epoch + BigInt(ns)));
}

Deno.test("one stamp that makes no sense, wherever it is, is one record less; all others stay exact to the nanosecond", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await recordWithPerf(`${dir}/perf.data`, ["perf", "bench", "sched", "pipe", "-l", "50"], "64K");
    const pieces = takeApart(await Deno.readFile(`${dir}/perf.data`));
    const [expected] = stamps(await openTrace(`${dir}/perf.data`)) as [bigint[]];
    const whole = await openTrace(`${dir}/perf.data`);
    const samples = recordsIn(pieces.records).filter(({ type }) => type === RECORD.sample);
    for (
      const [place, stamp] of [[0, 1n << 62n], [0, 5n], [1, 1n << 55n], [40, (1n << 63n) + 1n], [
        samples.length - 1,
        3n,
      ]] as const
    ) {
      const records = pieces.records.slice();
      new DataView(records.buffer).setBigUint64(samples[place]!.from + TIME, stamp, true);
      const file = makePerfData({ ...pieces, records });
      const trace = await read(memorySource(file));
      const [stream, columns] = stamps(trace) as [bigint[], bigint[]];
      assert.deepEqual(stream, columns);
      // 3 ns after the boot may be: it is within 52 days. It makes all else later, and a scan does not look that far for its epoch.
      if (stamp < 1000n) continue;
      assert.ok(stream.every((each) => expected.includes(each)), `${stamp} at sample ${place}`);
      assert.ok(stream.length >= expected.length - 1);
      assert.ok(trace.quality.holes.filter((hole) => hole.kind === "corrupt").length === 1);
      assert.ok(Math.abs(trace.span.to - whole.span.to) < 1e9 && trace.span.from === 0);
      await Deno.writeFile(`${dir}/damaged.data`, file);
      const scanned: bigint[] = [];
      for await (
        const batch of scanTrace(`${dir}/damaged.data`, { event: "sched:sched_switch", columns: [] })
      ) {
        for (const ns of batch.column("ts") as Float64Array) scanned.push(trace.epoch + BigInt(ns));
      }
      assert.deepEqual(scanned.sort((x, y) => Number(x - y)), stream);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
