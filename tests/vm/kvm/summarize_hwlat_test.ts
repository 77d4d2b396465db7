import assert from "node:assert/strict";
import { parseHwlat } from "../../../lib/vm/kvm/parse_hwlat.ts";
import { summarizeHwlat } from "../../../lib/vm/kvm/summarize_hwlat.ts";

const sample = (inner: number, outer: number) =>
  `   <...>-5   [001] d....     3.630702: #1     inner/outer(us): ${inner}/${outer} ts:1598486359.129995457 count:1\n`;

Deno.test("the gap of a sample is the longer of the two, and a guest without samples is there too", () => {
  const samples = parseHwlat(sample(10, 20_000) + sample(100_001, 5) + sample(30, 40), { vm: "1" });
  const summary = summarizeHwlat(samples, { vms: ["0", "1"] });
  assert.deepEqual([...summary.column("vm")], ["0", "1"]);
  assert.deepEqual([...summary.column("samples")], [0, 3]);
  assert.deepEqual([...summary.column("max")], [NaN, 100_001_000]);
  assert.deepEqual([...summary.column("median")], [NaN, 20_000_000]);
  assert.deepEqual([...summary.column("mean")], [NaN, (20_000_000 + 100_001_000 + 40_000) / 3]);
  assert.deepEqual([...summary.column("over")], [0, 1]);
  assert.deepEqual([...summarizeHwlat(samples, { over: 1e9 }).column("over")], [0]);
});
