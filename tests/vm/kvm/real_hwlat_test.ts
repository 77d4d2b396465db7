import assert from "node:assert/strict";
import { parseHwlat } from "../../../lib/vm/kvm/parse_hwlat.ts";

/**
 * Consoles of guests that ran the tracer of 6.12: sixteen inner guests, eight at a time on the threads of one core of an emulated machine,
 * and one guest with a round of 12 ms, so that it tells many. What the console said besides is in it as well; three lines are torn.
 */
async function consoles(): Promise<Uint8Array> {
  const file = await Deno.open(new URL("../../fixtures/hwlat-6.12.txt.gz", import.meta.url));
  return await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).bytes();
}

/** What awk makes of the same text, field by field of a line split at everything that is no digit. */
const AWK = String.raw`/#[0-9]+ +inner\/outer.* count:[0-9]+\r*$/ {
  sub(/^.*#/, ""); split($0, field, /[^0-9]+/)
  rows++; seq += field[1]; inner += field[2]; outer += field[3]; count += field[6]
  if (field[2] > longest) longest = field[2]
  if (field[3] > longest) longest = field[3]
  if (field[2] > 100000 || field[3] > 100000) over++
}
END { printf "%d %d %.0f %.0f %d %d %d\n", rows, seq, inner, outer, count, longest, over }`;

Deno.test("real samples add up to what awk makes of the same consoles", async () => {
  const bytes = await consoles();
  const samples = parseHwlat(bytes);
  const awk = new Deno.Command("awk", { args: [AWK], stdin: "piped", stdout: "piped" }).spawn();
  const writer = awk.stdin.getWriter();
  await writer.write(bytes);
  await writer.close();
  const { stdout } = await awk.output();
  const told = new TextDecoder().decode(stdout).trim().split(" ").map(Number);
  const sum = (name: "seq" | "inner" | "outer" | "count") =>
    samples.column(name).reduce((total, value) => total + value, 0);
  const inner = samples.column("inner"), outer = samples.column("outer");
  const gaps = Array.from(inner, (value, row) => Math.max(value, outer[row]!));
  assert.deepEqual([
    samples.length,
    sum("seq"),
    sum("inner") / 1e3,
    sum("outer") / 1e3,
    sum("count"),
    Math.max(...gaps) / 1e3,
    gaps.filter((gap) => gap > 100e6).length,
  ], told);
  assert.ok(samples.length > 1300, `${samples.length} samples`);
  assert.deepEqual(new Set(samples.column("cpu")), new Set([0, 1]));
  // Within a guest the samples are numbered one by one (but for the torn ones), and their stamps rise: a wrong digit would show.
  const seq = samples.column("seq"), ts = samples.column("ts"), time = samples.column("time");
  let guests = 0;
  for (let row = 0; row < samples.length; row++) {
    if (seq[row] === 1) guests++;
    else {
      assert.equal(seq[row], seq[row - 1]! + 1, `row ${row}`);
      assert.ok(ts[row]! > ts[row - 1]!, `row ${row}`);
      assert.ok(time[row]! > time[row - 1]!, `row ${row}`);
    }
  }
  assert.equal(guests, 17);
});
