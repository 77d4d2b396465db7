import assert from "node:assert/strict";
import { DictColumn } from "../../../lib/frame/column.ts";
import { fileSource } from "../../../lib/trace/byte_source.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { scanTrace, type ScanTraceOptions } from "../../../lib/trace/scan.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { read, writeTraceDat } from "../../../lib/trace/trace_dat/mod.ts";
import { makeTraceDat, piecesOf } from "../trace_dat/make_trace_dat.ts";
import { capture } from "../trace_dat/trace_cmd.ts";

/** The same recording as a capture and as each kind of trace.dat. */
async function recordings(directory: string, clock: "mono" | "x86-tsc"): Promise<string[]> {
  const path = await capture(directory, 1500, clock);
  const linear = `${directory}/v6.dat`;
  await writeTraceDat(path, linear);
  const packed = `${directory}/v7-zstd.dat`;
  await Deno.writeFile(packed, makeTraceDat({ ...piecesOf(path, clock), packing: "zstd" }));
  return clock === "mono" ? [path, linear, packed] : [path, linear];
}

/** All that a trace says of `event`, as plain values. */
function columnsOf(trace: Trace, event: string): Record<string, unknown[]> {
  const frame = trace.event(event);
  return Object.fromEntries(frame.names.map((name) => [name, [...frame.column(name) as Iterable<unknown>]]));
}

/** The rows of `columns` from `from` up to `to`, both among them. */
function within(columns: Record<string, unknown[]>, from: number, to: number): Record<string, unknown[]> {
  const keep = (columns["ts"] as number[]).map((ts) => ts >= from && ts <= to);
  return Object.fromEntries(
    Object.entries(columns).map(([name, values]) => [name, values.filter((_, i) => keep[i])]),
  );
}

async function scanned(path: string, options: ScanTraceOptions): Promise<Record<string, unknown[]>> {
  const all: Record<string, unknown[]> = {};
  const { batchRows = 65536 } = options;
  let short = 0;
  for await (const batch of scanTrace(path, options)) {
    assert.equal(short, 0, "only the last batch may have fewer rows");
    assert.ok(batch.length > 0 && batch.length <= batchRows);
    if (batch.length < batchRows) short++;
    for (const name of batch.names) {
      const column = batch.column(name);
      for (const value of column instanceof DictColumn ? [...column] : column) (all[name] ??= []).push(value);
    }
  }
  return all;
}

for (const clock of ["mono", "x86-tsc"] as const) {
  Deno.test(`a window of pages is what the whole recording has in it: ${clock}`, async () => {
    const directory = await Deno.makeTempDir();
    for (const path of await recordings(directory, clock)) {
      const whole = await openTrace(path);
      const { span } = whole;
      const length = span.to - span.from;
      const ts = whole.stream.ts;
      const windows = [
        { from: span.from + length * 0.4, to: span.from + length * 0.45 },
        { from: ts[100]!, to: ts[100]! },
        { from: span.from + length * 0.9, to: Infinity },
        { from: -Infinity, to: span.from + length * 0.01 },
        { from: span.to + 1, to: span.to + 2 },
      ];
      for (const window of windows) {
        for (const lead of [0, length / 10]) {
          const part = await openTrace(path, { window: { ...window, lead } });
          assert.equal(part.epoch, whole.epoch);
          for (const event of whole.counts.keys()) {
            const expected = within(columnsOf(whole, event), window.from, window.to);
            assert.deepEqual(columnsOf(part, event), expected, `${path}: ${event}`);
            assert.equal(part.counts.get(event) ?? 0, expected["ts"]!.length);
          }
          const rows = [...whole.stream.ts].filter((stamp) => stamp >= window.from && stamp <= window.to);
          assert.deepEqual([...part.stream.ts], rows);
        }
      }
      // The clock's own stamps say the same.
      const stamp = (at: number) => whole.epoch + BigInt(Math.round(at));
      const [first] = windows;
      const byStamp = await openTrace(path, { window: { from: stamp(first!.from), to: stamp(first!.to) } });
      const byOffset = await openTrace(path, {
        window: { from: Math.round(first!.from), to: Math.round(first!.to) },
      });
      assert.deepEqual(byStamp.counts, byOffset.counts);
    }
    await Deno.remove(directory, { recursive: true });
  });
}

Deno.test("events and columns leave out the others, and to ask for them names the option", async () => {
  const directory = await Deno.makeTempDir();
  for (const path of await recordings(directory, "mono")) {
    const whole = await openTrace(path);
    const trace = await openTrace(path, { events: ["sched:sched_waking"], columns: ["pid", "target_cpu"] });
    assert.deepEqual([...trace.counts.keys()], ["sched:sched_waking"]);
    assert.equal(trace.counts.get("sched:sched_waking"), whole.counts.get("sched:sched_waking"));
    const { pid, target_cpu } = columnsOf(whole, "sched:sched_waking");
    const frame = trace.event("sched:sched_waking");
    assert.deepEqual([...frame.column("pid") as Int32Array], pid);
    assert.deepEqual([...frame.column("target_cpu") as Int32Array], target_cpu);
    assert.equal(trace.stream.length, pid!.length);
    assert.throws(() => frame.column("comm"), /option columns/);
    assert.throws(() => trace.eventColumns("sched:sched_switch", ["ts"]), /option events/);
    await assert.rejects(openTrace(path, { events: ["sched:none"] }), /no event "sched:none"/);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a scan has what the event's frame has, in batches, of a window too", async () => {
  const directory = await Deno.makeTempDir();
  for (const path of await recordings(directory, "mono")) {
    const whole = await openTrace(path);
    for (const event of whole.counts.keys()) {
      const expected = columnsOf(whole, event);
      for (const batchRows of [7, 1000, 65536]) {
        assert.deepEqual(await scanned(path, { event, batchRows }), expected, `${path} ${event}`);
      }
    }
    const event = "sched:sched_waking";
    const { from, to } = { from: whole.span.to * 0.3, to: whole.span.to * 0.6 };
    const { ts, cpu, pid } = within(columnsOf(whole, event), from, to);
    const window = { from, to };
    assert.deepEqual(await scanned(path, { event, window, columns: ["pid"] }), { ts, cpu, pid });
    await assert.rejects(scanned(path, { event: "x:y" }), /no event "x:y"/);
    await assert.rejects(scanned(path, { event, columns: ["nope"] }), /no field "nope"/);
    await assert.rejects(scanned(path, { event, signal: AbortSignal.abort(new Error("enough")) }), /enough/);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("of a window no more is read than its pages", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/v6.dat`;
  await writeTraceDat(await capture(directory, 30_000), path);
  const file = fileSource(path);
  let bytes = 0;
  const counted = {
    ...file,
    open() {
      const reader = file.open();
      return {
        read(into: Uint8Array, position: number): number {
          bytes += into.length;
          return reader.read(into, position);
        },
        [Symbol.dispose]: () => reader[Symbol.dispose](),
      };
    },
  };
  const whole = await read(counted);
  assert.ok(bytes > file.size * 0.9);
  const { span, stream } = whole;
  bytes = 0;
  const at = span.to * 0.7;
  const part = await read(counted, { window: { from: at, to: at + span.to * 1e-3, lead: 0 } });
  assert.ok(part.stream.length > 0 && part.stream.length < stream.length / 10);
  assert.ok(bytes < 3e6, `${bytes} of ${file.size} bytes`);
  await Deno.remove(directory, { recursive: true });
});
