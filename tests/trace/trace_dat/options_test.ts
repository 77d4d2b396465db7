import assert from "node:assert/strict";
import { openTrace } from "../../../lib/trace/open.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { TraceFormatError } from "../../../lib/trace/errors.ts";
import { open, readTraceDatFacts } from "../../../lib/trace/trace_dat/mod.ts";
import { join, makeTraceDat, numbers, piecesOf } from "./make_trace_dat.ts";
import { capture, traceCmd } from "./trace_cmd.ts";

const text = (value: string) => new TextEncoder().encode(`${value}\0`);

/** Stamp of the first event that trace-cmd reports, in ns. */
async function firstReported(path: string, ...args: string[]): Promise<bigint> {
  const report = await traceCmd("report", "-N", "-t", "-i", path, ...args);
  const match = /^.*?\[\d+\] +(\d+)\.(\d{9}): /m.exec(report)!;
  return BigInt(match[1]!) * 1_000_000_000n + BigInt(match[2]!);
}

/** Stamp of the first event of a trace, in ns. */
function firstStamp(trace: Trace): bigint {
  const firsts = [...trace.counts.keys()].map((event) =>
    (trace.event(event).column("ts") as Float64Array)[0]!
  );
  return trace.epoch + BigInt(Math.min(...firsts));
}

Deno.test("options of both versions are told as facts, and stamps are what trace-cmd reports", async () => {
  const directory = await Deno.makeTempDir();
  const pieces = piecesOf(await capture(directory, 50));
  const shift = join([
    numbers(true, [8, 0x1234n], [4, 1], [4, 2]),
    ...[0, 1].map(() => numbers(true, [4, 1], [8, 5n], [8, 2n ** 64n - 7n], [8, 1n])),
    numbers(true, [8, 3n], [8, 4n]),
  ]);
  const options = [
    { id: 7, data: text("-250000") },
    { id: 5, data: text("Linux node 6.1.0-x #1 aarch64") },
    { id: 8, data: numbers(true, [4, pieces.buffers[0]!.cpus.length]) },
    { id: 9, data: text("3.2") },
    { id: 11, data: numbers(true, [8, 0xfeedn]) },
    {
      id: 13,
      data: join([text("guest"), numbers(true, [8, 9n], [4, 2], [4, 0], [4, 100], [4, 1], [4, 101])]),
    },
    { id: 2, data: text("CPU: 0\nentries: 0\noverrun: 5\ncommit overrun: 1\ndropped events: 2\n") },
    { id: 99, data: numbers(true, [4, 1]) },
  ];
  const plain = await open(await write(`${directory}/plain.dat`, makeTraceDat(pieces)));
  for (const version of [6, 7] as const) {
    const path = await write(`${directory}/v${version}.dat`, makeTraceDat({ ...pieces, version, options }));
    const facts = readTraceDatFacts(path);
    assert.equal(facts.version, version);
    assert.equal(facts.traceId, 0xfeedn);
    assert.equal(facts.uname, "Linux node 6.1.0-x #1 aarch64");
    assert.equal(facts.timeOffset, -250_000n);
    assert.deepEqual(facts.guests, [
      { name: "guest", traceId: 9n, cpus: [{ vcpu: 0, pid: 100 }, { vcpu: 1, pid: 101 }] },
    ]);
    assert.deepEqual(facts.unknownOptions, [99]);
    const trace = await openTrace(path);
    assert.equal(trace.host.release, "6.1.0-x");
    assert.equal(trace.host.recorder, "3.2");
    assert.equal(trace.epoch, plain.epoch - 250_000n);
    assert.equal(trace.quality.lost, 8);
    assert.equal(await firstReported(path), firstStamp(trace));
    assert.equal((await traceCmd("report", "--uname", "-i", path)).split("\n")[1], facts.uname);
    const shifted = makeTraceDat({ ...pieces, version, options: [{ id: 12, data: shift }] });
    assert.deepEqual(readTraceDatFacts(await write(path, shifted)).timeShift, {
      peer: 0x1234n,
      flags: 1,
      cpus: [3n, 4n].map((fraction) => [{ time: 5n, offset: -7n, scaling: 1n, fraction }]),
    });
    const dated = makeTraceDat({ ...pieces, version, options: [{ id: 1, data: text("0x5e2a1b3c4d5e6") }] });
    const datedTrace = await open(await write(path, dated));
    const { clock, epoch } = datedTrace;
    assert.equal(clock.wallOffset, 0x5e2a1b3c4d5e6n * 1000n);
    assert.equal(epoch, plain.epoch);
    assert.equal(await firstReported(path), firstStamp(datedTrace) + clock.wallOffset!);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("each buffer of a file can be read, and the main one is read by default", async () => {
  const directory = await Deno.makeTempDir();
  const pieces = piecesOf(await capture(directory, 200));
  const { cpus } = pieces.buffers[0]!;
  const half = cpus.map((bytes) => bytes.subarray(0, Math.ceil(bytes.length / 8192) * 4096));
  const none = cpus.map(() => new Uint8Array());
  for (const [version, packing] of [[6, "none"], [7, "none"], [7, "zlib"], [7, "zstd"]] as const) {
    const buffers = [
      { name: "", clock: "mono", cpus },
      { name: "other", clock: "mono", cpus: half },
      { name: "idle", clock: "mono", cpus: none },
    ];
    const path = await write(`${directory}/i.dat`, makeTraceDat({ ...pieces, version, packing, buffers }));
    const main = await openTrace(path);
    const other = await openTrace(path, { instance: "other" });
    assert.deepEqual(readTraceDatFacts(path).buffers.map(({ name }) => name), ["", "other", "idle"]);
    assert.ok(other.stream.length > 0 && other.stream.length < main.stream.length);
    assert.deepEqual((await open(path, { instance: "" })).counts, main.counts);
    assert.equal((await open(path, { instance: "idle" })).stream.length, 0);
    await assert.rejects(open(path, { instance: "x" }), /no instance "x"; it has: "", "other", "idle"/);
    if (packing !== "zlib") {
      const report = (await traceCmd("report", "-N", "-t", "-i", path)).split("\n");
      const own = report.filter((line) => line.startsWith("other:")).length;
      const sum = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((x, y) => x + y, 0);
      assert.equal(own, sum(other.counts), `version ${version} ${packing}`);
    }
    const rest = [{ name: "", clock: "mono", cpus: none }, buffers[1]!];
    await write(path, makeTraceDat({ ...pieces, version, packing, buffers: rest }));
    assert.deepEqual((await openTrace(path)).counts, other.counts);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a latency tracer's text is refused by what it is", async () => {
  const directory = await Deno.makeTempDir();
  const pieces = { ...piecesOf(await capture(directory, 20)), latency: "# tracer: irqsoff\n" };
  for (const version of [6, 7] as const) {
    const path = await write(`${directory}/l.dat`, makeTraceDat({ ...pieces, version }));
    assert.equal(readTraceDatFacts(path).latency?.size, 18);
    await assert.rejects(open(path), (error) => {
      assert.ok(error instanceof TraceFormatError);
      assert.match(
        error.message,
        /expected pages of a ring buffer \(flyrecord\) but found 18 bytes of a latency/,
      );
      assert.equal(error.offset, readTraceDatFacts(path).latency!.offset);
      return true;
    });
  }
  await Deno.remove(directory, { recursive: true });
});

async function write(path: string, bytes: Uint8Array): Promise<string> {
  await Deno.writeFile(path, bytes);
  return path;
}
