import assert from "node:assert/strict";
import { TraceFormatError } from "../../../lib/trace/errors.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { readTraceDatFacts, writeTraceDat } from "../../../lib/trace/trace_dat/mod.ts";
import { capture, traceCmd } from "./trace_cmd.ts";

const names = (directory: string) => [...Deno.readDirSync(directory)].map(({ name }) => name).sort();

Deno.test("what cannot be written leaves nothing behind, and an older file as it was", async () => {
  const directory = await Deno.makeTempDir();
  const output = `${directory}/out.dat`;
  await Deno.writeTextFile(output, "older");
  await assert.rejects(writeTraceDat(`${directory}/none`, output), TraceFormatError);
  const path = await capture(directory, 50);
  const reason = new Error("enough");
  await assert.rejects(writeTraceDat(path, output, { signal: AbortSignal.abort(reason) }), reason);
  assert.equal(await Deno.readTextFile(output), "older");
  assert.deepEqual(names(directory), ["mono.tracefs", "out.dat"]);
  await writeTraceDat(path, output);
  assert.equal(readTraceDatFacts(output).version, 6);
  assert.deepEqual(names(directory), ["mono.tracefs", "out.dat"]);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("CPUs without pages and a page cut short make a file that trace-cmd reports", async () => {
  const directory = await Deno.makeTempDir();
  const path = await capture(directory, 300);
  const raw = names(`${path}/per_cpu`).filter((name) => name.endsWith(".raw"));
  const sizeOf = (name: string) => Deno.statSync(`${path}/per_cpu/${name}`).size;
  const [busiest, ...others] = raw.toSorted((x, y) => sizeOf(y) - sizeOf(x));
  for (const other of others) await Deno.remove(`${path}/per_cpu/${other}`);
  const size = sizeOf(busiest!);
  await Deno.truncate(`${path}/per_cpu/${busiest}`, size - 100);
  const output = `${directory}/out.dat`;
  await writeTraceDat(path, output);
  const { buffers } = readTraceDatFacts(output);
  assert.equal(buffers[0]!.cpus.length, raw.length);
  assert.equal(buffers[0]!.cpus.find(({ size }) => size > 0)!.size, size - 4096);
  const trace = await openTrace(output);
  const events = [...trace.counts.values()].reduce((sum, count) => sum + count, 0);
  const lines = (await traceCmd("report", "-N", "-t", "-i", output)).split("\n");
  assert.ok(events > 0);
  assert.equal(lines.filter((line) => / \[\d+\] /.test(line)).length, events);
  await Deno.remove(directory, { recursive: true });
});
