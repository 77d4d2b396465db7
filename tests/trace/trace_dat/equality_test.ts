import assert from "node:assert/strict";
import { openTrace } from "../../../lib/trace/open.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { readTraceDatFacts, writeTraceDat } from "../../../lib/trace/trace_dat/mod.ts";
import { toBigEndian } from "./big_endian.ts";
import { makeTraceDat, piecesOf } from "./make_trace_dat.ts";
import { capture, fieldNames, parseReport, type Row, rowsOf, traceCmd } from "./trace_cmd.ts";

/** Numbers and text that trace-cmd prints in another form (0x1f, 001) made comparable. */
function plain(value: string): string {
  return /^(0x[0-9a-f]+|\d+)$/i.test(value) ? String(BigInt(value)) : value;
}

async function assertSameAsReport(path: string, trace: Trace): Promise<number> {
  const reported = parseReport(await traceCmd("report", "-N", "-R", "-t", "-i", path), fieldNames(trace));
  const byEvent = Map.groupBy(reported, ({ event }) => event);
  const own = rowsOf(trace);
  assert.deepEqual([...byEvent.keys()].sort(), [...own.keys()].sort());
  const key = ({ ns, cpu, pid }: Row) => `${ns} ${cpu} ${pid}`;
  let compared = 0;
  for (const [event, rows] of byEvent) {
    const mine = own.get(event)!;
    assert.equal(mine.length, rows.length, `${path}: ${event}`);
    // At equal stamps on two CPUs the order is nobody's.
    mine.sort((x, y) => Number(x.ns - y.ns) || x.cpu - y.cpu);
    rows.sort((x, y) => Number(x.ns - y.ns) || x.cpu - y.cpu);
    rows.forEach((row, i) => {
      if (key(row) !== key(mine[i]!)) assert.equal(key(mine[i]!), key(row), `${path}: ${event} ${i}`);
      for (const [name, value] of Object.entries(row.fields)) {
        const found = mine[i]!.fields[name]!;
        if (plain(value) !== plain(found)) {
          assert.equal(found, value, `${path}: ${event} ${i} ${name}: ${key(row)}`);
        }
        compared++;
      }
    });
  }
  return compared;
}

function assertSameTrace(one: Trace, other: Trace, what: string): void {
  assert.deepEqual([...one.counts].sort(), [...other.counts].sort(), what);
  assert.equal(one.epoch, other.epoch, what);
  for (const column of ["kind", "ts", "cpu", "tid", "a", "b", "c"] as const) {
    assert.ok(
      one.stream[column].every((value, i) => value === other.stream[column][i]),
      `${what}: ${column}`,
    );
  }
  assert.equal(one.stream.length, other.stream.length);
  assert.deepEqual(rowsOf(one), rowsOf(other), what);
  assert.deepEqual(one.savedNames, other.savedNames);
}

Deno.test("each version and packing has what trace-cmd reports and what the capture has", async () => {
  const directory = await Deno.makeTempDir();
  const path = await capture(directory, 2000);
  const original = await openTrace(path);
  const v6 = `${directory}/v6.dat`;
  await writeTraceDat(path, v6);
  const files = [v6];
  for (const packing of ["none", "zstd"]) {
    const v7 = `${directory}/v7-${packing}.dat`;
    await traceCmd("convert", "-i", v6, "-o", v7, "--file-version", "7", "--compression", packing);
    assert.equal(readTraceDatFacts(v7).packing, packing);
    files.push(v7);
  }
  for (const file of files) {
    const trace = await openTrace(file);
    assert.equal(trace.format, "trace.dat");
    assertSameTrace(trace, original, file);
    assert.equal(trace.quality.lost, 0);
    assert.equal(trace.clock.name, "mono");
    assert.equal(trace.host.release, Deno.osRelease());
    assert.equal(trace.host.hostname, Deno.hostname());
    const compared = await assertSameAsReport(file, trace);
    assert.ok(compared > 10_000, `${compared} fields`);
  }
  // trace-cmd is often built without zlib: its packing is held against the same pages not packed.
  const zlib = `${directory}/v7-zlib.dat`;
  await Deno.writeFile(zlib, makeTraceDat({ ...piecesOf(path), packing: "zlib" }));
  assertSameTrace(await openTrace(zlib), original, zlib);
  // The maker of such files is held against trace-cmd by the packings that it has.
  for (const packing of ["none", "zstd"] as const) {
    for (const version of [6, 7] as const) {
      if (version === 6 && packing !== "none") continue;
      const made = `${directory}/made-${version}-${packing}.dat`;
      await Deno.writeFile(made, makeTraceDat({ ...piecesOf(path), version, packing }));
      const trace = await openTrace(made);
      assertSameTrace(trace, original, made);
      await assertSameAsReport(made, trace);
    }
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("stamps of the time-stamp counter become the nanoseconds that trace-cmd prints", async () => {
  const directory = await Deno.makeTempDir();
  const path = await capture(directory, 500, "x86-tsc");
  const file = `${directory}/tsc.dat`;
  await writeTraceDat(path, file);
  const trace = await openTrace(file);
  const { tscToNs } = readTraceDatFacts(file);
  assert.ok(tscToNs!.mult > 0);
  assert.equal(trace.clock.name, "x86-tsc");
  await assertSameAsReport(file, trace);
  const original = await openTrace(path);
  assert.equal(trace.stream.length, original.stream.length);
  assert.ok(Math.abs(trace.clock.hz! / original.clock.hz! - 1) < 2 ** -30);
  trace.stream.ts.forEach((ts, i) => assert.ok(Math.abs(ts - original.stream.ts[i]!) <= 1 + ts * 2 ** -30));
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a file of the other byte order has what trace-cmd reports", async () => {
  const directory = await Deno.makeTempDir();
  const path = await capture(directory, 500);
  const original = await openTrace(path);
  const pieces = toBigEndian(piecesOf(path));
  for (const [version, packing] of [[6, "none"], [7, "none"], [7, "zstd"], [7, "zlib"]] as const) {
    const file = `${directory}/big.dat`;
    await Deno.writeFile(file, makeTraceDat({ ...pieces, version, packing }));
    assert.equal(readTraceDatFacts(file).littleEndian, false);
    const trace = await openTrace(file);
    assertSameTrace(trace, original, `big endian, version ${version}, ${packing}`);
    if (packing !== "zlib") await assertSameAsReport(file, trace);
  }
  await Deno.remove(directory, { recursive: true });
});
