import assert from "node:assert/strict";
import { memorySource } from "../../../lib/trace/byte_source.ts";
import { read } from "../../../lib/trace/perf_data/mod.ts";
import { scriptLines } from "./perf_script.ts";
import { recordWithPerf } from "./record_with_perf.ts";
import { toBigEndian } from "./to_big_endian.ts";

Deno.test("read() of a big-endian machine's file gives what the same file in this machine's order gives", async (t) => {
  const dir = await Deno.makeTempDir();
  try {
    const file = `${dir}/perf.data`;
    await recordWithPerf(file, ["perf", "bench", "sched", "messaging", "-l", "30"]);
    const bytes = await Deno.readFile(file);
    const big = toBigEndian(bytes);
    const expected = await read(memorySource(bytes));
    const found = await read(memorySource(big));
    assert.equal(found.epoch, expected.epoch);
    assert.deepEqual(found.stream, expected.stream);
    assert.deepEqual([...found.counts], [...expected.counts]);
    assert.deepEqual(found.host, expected.host);
    assert.deepEqual(found.topology, expected.topology);
    assert.deepEqual(found.clock, expected.clock);
    assert.equal(found.quality.lost, expected.quality.lost);
    for (const event of expected.counts.keys()) {
      const [one, other] = [expected.event(event), found.event(event)];
      for (const name of one.names) {
        assert.deepEqual([...other.column(name)], [...one.column(name)], `${event} ${name}`);
      }
    }
    await t.step("perf reads the file that is tested with as it reads the original", async () => {
      await Deno.writeFile(`${dir}/big.data`, toBigEndian(bytes, false));
      const lines = await scriptLines(`${dir}/big.data`);
      assert.ok(lines.length > 100);
      assert.deepEqual(lines, await scriptLines(file));
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
