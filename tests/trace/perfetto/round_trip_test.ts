import assert from "node:assert/strict";
import { Kind } from "../../../lib/trace/stream.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { writePerfetto } from "../../../lib/trace/perfetto/mod.ts";
import { capture, rowsOf } from "../trace_dat/trace_cmd.ts";
import { recordWithPerf } from "../perf_data/record_with_perf.ts";

/** What each thread is called in the end, by the records that tell names. */
function namesOf({ stream }: Trace): Map<number, string> {
  const names = new Map<number, string>();
  for (let i = 0; i < stream.length; i++) {
    if (stream.kind[i] === Kind.Comm && stream.tid[i]! > 0) {
      names.set(stream.tid[i]!, stream.comms[stream.a[i]!]!);
    }
  }
  return names;
}

/** Asserts that `copy` has all that Perfetto's format can hold of `trace`. */
function assertNothingLost(copy: Trace, trace: Trace): void {
  assert.equal(copy.format, "Perfetto");
  assert.equal(copy.epoch, trace.epoch);
  assert.deepEqual(copy.clock, trace.clock);
  assert.deepEqual({ ...copy.host }, { ...trace.host });
  assert.deepEqual(copy.topology, trace.topology);
  assert.deepEqual(new Map([...copy.counts].sort()), new Map([...trace.counts].sort()));
  const theirs = rowsOf(trace);
  for (const [event, rows] of rowsOf(copy)) {
    const own = new Set(Object.keys(rows[0]!.fields));
    const wanted = theirs.get(event)!.map((row) => ({
      ...row,
      fields: Object.fromEntries(Object.entries(row.fields).filter(([name]) => own.has(name))),
    }));
    // The format has no field for it.
    const missing = Object.keys(theirs.get(event)![0]!.fields).filter((name) => !own.has(name));
    assert.deepEqual(missing.filter((name) => name !== "group_dead"), [], event);
    // At equal stamps on two CPUs the order is nobody's.
    const sort = (list: typeof rows) => list.sort((x, y) => Number(x.ns - y.ns) || x.cpu - y.cpu);
    assert.deepEqual(sort(rows), sort(wanted), event);
  }
  for (
    const [name, frame, other] of [
      ["switches", copy.switches, trace.switches],
      ["migrations", copy.migrations, trace.migrations],
      ["wakeups", copy.wakeups, trace.wakeups],
      ["holes", copy.quality.holes, trace.quality.holes],
      ["coverage", copy.quality.coverage, trace.quality.coverage],
    ] as const
  ) {
    assert.equal(frame.length, other.length, name);
    // perf has records of tasks that Perfetto has no place for: a loss may seem to begin with the event before them.
    const lines = (f: Trace["switches"]) =>
      [...f.rows()].map((row) => {
        const from = "kind" in row && row["kind"] === "lost" ? { from: undefined } : {};
        return JSON.stringify({ ...row, waker_tid: undefined, ...from });
      }).sort();
    assert.deepEqual(lines(frame as never), lines(other as never), name);
  }
  const froms = (of: Trace) =>
    [...of.quality.holes.rows()].filter(({ kind }) => kind === "lost")
      .sort((x, y) => x.to - y.to || x.cpu - y.cpu).map(({ from }) => from);
  const begins = froms(trace);
  froms(copy).forEach((from, i) => assert.ok(from <= begins[i]!));
  assert.equal(copy.quality.lost, trace.quality.lost);
  for (const [tid, name] of namesOf(trace)) assert.equal(namesOf(copy).get(tid), name, `${tid}`);
  // perf does not know the thread of a record of one that is being taken down.
  const wakers = (of: Trace) =>
    new Map(
      [...of.wakeups.rows()].map((row) => [`${row.ts} ${row.cpu} ${row.kind} ${row.pid}`, row.waker_tid]),
    );
  const own = wakers(copy);
  for (const [key, tid] of wakers(trace)) if (tid !== -1) assert.equal(own.get(key), tid, key);
}

/** Process of each row whose thread is known. */
function processes({ stream }: Trace, event: number): string[] {
  const rows: string[] = [];
  for (let i = 0; i < stream.length; i++) {
    if (stream.kind[i] === event && stream.pid[i]! > 0) {
      rows.push(`${stream.ts[i]} ${stream.cpu[i]} ${stream.pid[i]}`);
    }
  }
  return rows.sort();
}

Deno.test("perf.data -> Perfetto -> our reader loses nothing, also where events were lost", async (t) => {
  const dir = await Deno.makeTempDir();
  try {
    for (const [name, pages, loops] of [["whole", "16M", "50"], ["lossy", "8", "300"]] as const) {
      await t.step(name, async () => {
        const file = `${dir}/${name}.data`;
        await recordWithPerf(file, ["perf", "bench", "sched", "messaging", "-l", loops], pages);
        const trace = await openTrace(file);
        if (name === "lossy") assert.ok(trace.quality.lost > 0);
        await writePerfetto(trace, `${dir}/out.pftrace`);
        const copy = await openTrace(`${dir}/out.pftrace`);
        assertNothingLost(copy, trace);
        const known = new Set(processes(copy, Kind.Switch));
        for (const row of processes(trace, Kind.Switch)) assert.ok(known.has(row), row);
      });
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("tracefs -> Perfetto -> our reader has the interrupts' events too; also packed by gzip", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const trace = await openTrace(await capture(dir, 300));
    const file = `${dir}/out.pftrace`;
    await writePerfetto(trace, file);
    assertNothingLost(await openTrace(file), trace);
    const packed = new Response((await Deno.open(file)).readable.pipeThrough(new CompressionStream("gzip")));
    await Deno.writeFile(`${file}.gz`, new Uint8Array(await packed.arrayBuffer()));
    const again = await openTrace(`${file}.gz`);
    assert.deepEqual(again.counts, (await openTrace(file)).counts);
    // What was written once is the same when it is written again.
    await writePerfetto(await openTrace(file), `${dir}/twice.pftrace`);
    assertNothingLost(await openTrace(`${dir}/twice.pftrace`), trace);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
