import assert from "node:assert/strict";
import { DictColumn } from "../../../lib/frame/column.ts";
import { fileSource } from "../../../lib/trace/byte_source.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { scanTrace, type ScanTraceOptions } from "../../../lib/trace/scan.ts";
import { read } from "../../../lib/trace/text/mod.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { writeTraceDat } from "../../../lib/trace/trace_dat/mod.ts";
import { capture, traceCmd } from "../trace_dat/trace_cmd.ts";

function columnsOf(trace: Trace, event: string): Record<string, unknown[]> {
  const frame = trace.event(event);
  return Object.fromEntries(frame.names.map((name) => [name, [...frame.column(name) as Iterable<unknown>]]));
}

async function scanned(path: string, options: ScanTraceOptions): Promise<Record<string, unknown[]>> {
  const all: Record<string, unknown[]> = {};
  for await (const batch of scanTrace(path, options)) {
    for (const name of batch.names) {
      const column = batch.column(name);
      for (const value of column instanceof DictColumn ? [...column] : column) (all[name] ??= []).push(value);
    }
  }
  return all;
}

/** What trace-cmd prints of a recording of this machine, some megabytes of it. */
async function report(directory: string): Promise<string> {
  const dat = `${directory}/v6.dat`;
  await writeTraceDat(await capture(directory, 30_000), dat);
  const path = `${directory}/report.txt`;
  await Deno.writeTextFile(path, await traceCmd("report", "-t", "-i", dat));
  assert.ok((await Deno.stat(path)).size > 5e6);
  return path;
}

Deno.test("a window of a long text is what the whole text has in it, and little more is read", async () => {
  const directory = await Deno.makeTempDir();
  const path = await report(directory);
  const whole = await openTrace(path);
  const { to } = whole.span;
  const file = fileSource(path);
  let bytes = 0;
  const counted = {
    ...file,
    open() {
      const reader = file.open();
      return {
        read(into: Uint8Array, position: number): number {
          const got = reader.read(into, position);
          bytes += got;
          return got;
        },
        [Symbol.dispose]: () => reader[Symbol.dispose](),
      };
    },
  };
  for (const [from, until] of [[0.5, 0.51], [0.999, 1.5], [-1, 0.001], [0.25, 0.25], [2, 3]] as const) {
    const window = { from: to * from, to: to * until, lead: to / 100 };
    const expected = whole.window(window);
    const part = await openTrace(path, { window });
    assert.equal(part.epoch, whole.epoch);
    assert.deepEqual([...part.stream.ts], [...expected.stream.ts]);
    for (const [event, count] of expected.counts) {
      assert.equal(part.counts.get(event) ?? 0, count, event);
      if (count > 0) assert.deepEqual(columnsOf(part, event), columnsOf(expected, event), event);
    }
    bytes = 0;
    read(counted, { window });
    assert.ok(bytes < file.size * 0.6, `${bytes} of ${file.size} bytes for ${from} to ${until}`);
  }
  // Lines that are not in the order of time: all of them are read, and it is still the same.
  const lines = (await Deno.readTextFile(path)).split("\n");
  const mixed = `${directory}/mixed.txt`;
  const half = lines.length >> 1;
  await Deno.writeTextFile(mixed, [...lines.slice(half), ...lines.slice(1, half), ""].join("\n"));
  const disordered = await openTrace(mixed);
  const window = { from: to * 0.4, to: to * 0.6, lead: 0 };
  assert.deepEqual(
    [...(await openTrace(mixed, { window })).stream.ts],
    [...disordered.window(window).stream.ts],
  );
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a scan of a text has what the event's frame has, in batches, of a window too", async () => {
  const directory = await Deno.makeTempDir();
  const path = await report(directory);
  const whole = await openTrace(path);
  for (const event of ["sched:sched_switch", "irq:softirq_entry"]) {
    if (!whole.has(event)) continue;
    assert.deepEqual(await scanned(path, { event, batchRows: 777 }), columnsOf(whole, event), event);
  }
  const event = "sched:sched_waking";
  const window = { from: whole.span.to * 0.3, to: whole.span.to * 0.6 };
  const { ts, cpu, pid } = columnsOf(whole.window({ ...window, lead: 0 }), event);
  assert.deepEqual(await scanned(path, { event, window, columns: ["pid"] }), { ts, cpu, pid });
  await assert.rejects(scanned(path, { event: "x:y" }), /no event "x:y"/);
  await assert.rejects(scanned(path, { event, columns: ["nope"] }), /no field "nope"/);
  await Deno.remove(directory, { recursive: true });
});
