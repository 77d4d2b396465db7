/**
 * Records one second of this machine and shows how its CPU-time was shared. Needs root.
 *
 *     deno run -A examples/record_and_explain.ts
 */
import { openTrace, runs } from "@schedscope/schedscope";
import { record } from "@schedscope/schedscope/record";

const dir = await Deno.makeTempDir();
const { path, door, reason } = await record({ output: `${dir}/trace.tracefs`, duration: 1e9 });
console.log(`recorded by ${door}: ${reason}`);

const trace = await openTrace(path);
const slices = runs(trace);
const shares = new Map<string, number>();
for (const { comm, dur } of slices.rows()) shares.set(comm, (shares.get(comm) ?? 0) + dur);
for (const [comm, ns] of [...shares].sort((x, y) => y[1] - x[1]).slice(0, 8)) {
  console.log(`${comm.padEnd(16)} ${(100 * ns / (trace.span.to - trace.span.from)).toFixed(1)} % of one CPU`);
}
await Deno.remove(dir, { recursive: true });
