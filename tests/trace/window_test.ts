import assert from "node:assert/strict";
import type { Columns } from "../../lib/frame/column.ts";
import type { Frame } from "../../lib/frame/frame.ts";
import { gaps } from "../../lib/sched/gaps.ts";
import { runs } from "../../lib/sched/runs.ts";
import { states } from "../../lib/sched/states.ts";
import { timehist } from "../../lib/sched/timehist/timehist.ts";
import { fileSource } from "../../lib/trace/byte_source.ts";
import { openTrace } from "../../lib/trace/open.ts";
import { read } from "../../lib/trace/perf_data/mod.ts";
import type { Trace } from "../../lib/trace/trace.ts";
import { makePerfData } from "../bench/make_perf_data.ts";
import { recordWithPerf } from "./perf_data/record_with_perf.ts";

const WORKLOAD = ["perf", "bench", "sched", "messaging", "-g", "4", "-l", "100"];

const recordings = new Map<string, string>();

async function recording(): Promise<string> {
  let path = recordings.get("");
  if (path === undefined) {
    path = await Deno.makeTempFile({ suffix: ".perf.data" });
    recordings.set("", path);
    // A small buffer makes many rounds, so that there is something to bisect.
    await recordWithPerf(path, WORKLOAD, "256K");
  }
  return path;
}

Deno.test.afterAll(async () => {
  for (const path of recordings.values()) await Deno.remove(path);
});

/** Windows in the middle, at the edges, beyond them, empty, and of a single stamp. */
function windowsOf(trace: Trace): { from?: number; to?: number; lead?: number }[] {
  const { to } = trace.span;
  const mid = trace.stream.ts[trace.stream.length >> 1]!;
  return [
    { from: 0.4 * to, to: 0.45 * to },
    { from: 0.5 * to, to: 0.9 * to, lead: 1e6 },
    { from: 0.7 * to, lead: 0 },
    { to: 0.1 * to },
    { from: -1e9, to: 2 * to },
    { from: mid, to: mid },
    { from: 0.5 * to, to: 0.8 * to, lead: Infinity },
    { from: 2 * to, to: 3 * to },
    {},
  ];
}

type Row = Record<string, unknown>;
const rowsOf = <C extends Columns>(frame: Frame<C>): Row[] =>
  Array.from({ length: frame.length }, (_, i) => frame.row(i) as Row);

/**
 * Rows of `part` that are not censored are rows of `whole`, and those of `whole` that are not censored are in `part`, at
 * most marked as censored.
 */
function assertSameInside(part: Row[], whole: Row[], what: string): void {
  // A gap has the name that its thread had last, which may come after the window.
  const keyOf = (row: Row) => JSON.stringify(what === "gaps" ? { ...row, comm: "" } : row);
  const placeOf = (row: Row) => `${row["ts"]} ${row["tid"]}`;
  const wholeKeys = new Set(whole.map(keyOf));
  const partKeys = new Set(part.map(keyOf));
  const censored = new Set(part.filter((row) => row["censored"] !== 0).map(placeOf));
  for (const row of part) {
    if (row["censored"] === 0) {
      assert.ok(wholeKeys.has(keyOf(row)), `${what}: ${keyOf(row)} is not of the whole`);
    }
  }
  for (const row of whole) {
    if (row["censored"] !== 0) continue;
    assert.ok(
      partKeys.has(keyOf(row)) || censored.has(placeOf(row)),
      `${what}: no ${keyOf(row)} in the window`,
    );
  }
}

Deno.test("window() of a trace has what was recorded in it, and analyses say what they say of the whole", async (t) => {
  const whole = await openTrace(await recording());
  const wholeRuns = timehist(whole);
  const wholeGaps = rowsOf(gaps(whole, { threshold: 20_000, limit: 1e6 }).gaps);
  for (const window of windowsOf(whole)) {
    await t.step(JSON.stringify(window), () => {
      const part = whole.window(window);
      const { from, to } = part.span;
      const inside = (ts: number) => ts >= from && ts <= to;
      assert.equal(part.epoch, whole.epoch);
      for (const table of ["switches", "wakeups", "migrations"] as const) {
        const expected = rowsOf(whole[table] as Frame<Columns>).filter((row) => inside(row["ts"] as number));
        assert.deepEqual(rowsOf(part[table] as Frame<Columns>), expected, table);
      }
      for (const event of whole.counts.keys()) {
        const expected = rowsOf(whole.event(event)).filter((row) => inside(row["ts"] as number));
        assert.equal(part.counts.get(event), expected.length, event);
        assert.deepEqual(rowsOf(part.event(event)), expected, event);
      }
      for (const ts of part.stream.ts) assert.ok(inside(ts));
      if (part.context!.has("sched:sched_switch")) {
        const expected = rowsOf(wholeRuns).filter((row) => inside(row["ts"] as number));
        const found = rowsOf(timehist(part));
        assert.equal(found.length, expected.length);
        found.forEach((row, i) => {
          // The process of a thread may have been told before the lead only.
          const told = { ...expected[i], ...(row["pid"] === -1 ? { pid: -1 } : {}) };
          if (row["censored"] === 0) assert.deepEqual(row, told);
          else {for (const name of ["ts", "cpu", "tid", "comm", "next_pid"]) {
              assert.equal(row[name], expected[i]![name]);
            }}
        });
        assertSameInside(rowsOf(runs(part)), rowsOf(runs(whole, { from, to })), "runs");
      }
      if (part.context!.has("sched:sched_waking") && part.context!.has("sched:sched_switch")) {
        const clipped = wholeGaps.filter((row) => {
          const begin = row["ts"] as number;
          return begin >= from && begin + (row["dur"] as number) <= to;
        });
        const found = rowsOf(gaps(part, { threshold: 20_000, limit: 1e6 }).gaps);
        assertSameInside(found, clipped, "gaps");
        for (const row of found) {
          assert.ok(inside(row["ts"] as number) && (row["ts"] as number) + (row["dur"] as number) <= to);
        }
      }
    });
  }
});

Deno.test("with all of the lead, a window's analyses know all that the whole trace's do", async () => {
  const whole = await openTrace(await recording());
  const { to: end } = whole.span;
  const part = whole.window({ from: 0.4 * end, to: 0.6 * end, lead: Infinity });
  const { from, to } = part.span;
  assert.deepEqual(rowsOf(timehist(part)), rowsOf(timehist(whole, { from, to })));
  // Whether a hole follows the run that is under way at the end, only the whole trace knows.
  const sure = (rows: Row[]) => rows.filter((row) => row["ts"] as number + (row["dur"] as number) < to);
  assert.deepEqual(sure(rowsOf(runs(part))), sure(rowsOf(runs(whole, { from, to }))));
  const busy = timehist(part).column("tid").find((tid) => tid > 0)!;
  assert.deepEqual(rowsOf(states(part, { tids: [busy] })), rowsOf(states(whole, { tids: [busy], from, to })));
});

Deno.test("a window of a window is the same as the smaller one at once", async () => {
  const whole = await openTrace(await recording());
  const { to: end } = whole.span;
  const once = whole.window({ from: 0.4 * end, to: 0.5 * end, lead: 0.1 * end });
  const twice = whole.window({ from: 0.3 * end, to: 0.6 * end, lead: 0.1 * end }).window({
    from: 0.4 * end,
    to: 0.5 * end,
    lead: 0.1 * end,
  });
  assert.deepEqual(twice.span, once.span);
  assert.deepEqual(twice.stream, once.stream);
  assert.deepEqual(rowsOf(timehist(twice)), rowsOf(timehist(once)));
});

Deno.test("a window may be given by the clock's own stamps, and one that ends before it begins is refused", async () => {
  const whole = await openTrace(await recording());
  const { to: end } = whole.span;
  const from = whole.epoch + BigInt(Math.round(0.4 * end));
  const to = whole.epoch + BigInt(Math.round(0.5 * end));
  const byStamp = whole.window({ from, to });
  const byOffset = whole.window({ from: Math.round(0.4 * end), to: Math.round(0.5 * end) });
  assert.deepEqual(byStamp.stream, byOffset.stream);
  assert.throws(() => whole.window({ from: 2, to: 1 }), /from is not after its to but found 2 to 1/);
  assert.throws(() => whole.window({ lead: -1 }), /at least 0 ns/);
});

Deno.test("openTrace({ window }) and window() of the whole agree, however the recording is stored", async (t) => {
  const path = await recording();
  const whole = await openTrace(path);
  for (const window of windowsOf(whole)) {
    await t.step(JSON.stringify(window), async () => {
      const expected = whole.window(window);
      const found = await openTrace(path, { window });
      assert.equal(found.epoch, expected.epoch);
      assert.deepEqual(found.span, expected.span);
      assert.deepEqual(found.stream.ts, expected.stream.ts);
      for (const table of ["switches", "wakeups", "migrations"] as const) {
        assert.deepEqual(rowsOf(found[table] as Frame<Columns>), rowsOf(expected[table] as Frame<Columns>));
      }
      assert.deepEqual([...found.counts], [...expected.counts]);
      assert.deepEqual(found.context!.span, expected.context!.span);
      assert.deepEqual(found.context!.stream.ts, expected.context!.stream.ts);
      if (expected.context!.has("sched:sched_switch")) {
        assert.deepEqual(rowsOf(timehist(found)), rowsOf(timehist(expected)));
        assert.deepEqual(rowsOf(runs(found)), rowsOf(runs(expected)));
      }
    });
  }
});

Deno.test("events and columns of openTrace: what was not asked for is told by the option's name", async () => {
  const path = await recording();
  const whole = await openTrace(path);
  const part = await openTrace(path, { events: ["sched:sched_switch"], columns: ["prev_pid", "next_comm"] });
  assert.deepEqual([...part.counts], [["sched:sched_switch", whole.counts.get("sched:sched_switch")]]);
  assert.deepEqual(part.switches.column("next_comm").codes, whole.switches.column("next_comm").codes);
  assert.equal(part.wakeups.length, 0);
  assert.throws(
    () => part.switches.column("prev_comm"),
    /option columns prev_pid, next_comm; add "prev_comm"/,
  );
  assert.throws(
    () => part.event("sched:sched_waking").column("pid"),
    /sched_waking was not read: .* option events sched:sched_switch/,
  );
  await assert.rejects(
    openTrace(path, { events: ["sched:sched_swich"] }),
    /events: the recording has no event/,
  );
  await assert.rejects(
    openTrace(path, { columns: ["prev_pit"] }),
    /columns: no event .* has a field "prev_pit"/,
  );
});

Deno.test("a small window of a large perf.data reads a small part of it, and has all that the whole has", async () => {
  const path = await Deno.makeTempFile({ suffix: ".perf.data" });
  try {
    await makePerfData(path, 60e6, { runs: 400 });
    const whole = await openTrace(path);
    assert.equal(whole.stream.late!.length, 0);
    const { to: end } = whole.span;
    const begin = whole.switches.column("ts")[0]!;
    for (const share of [0.02, 0.3, 0.5, 0.77, 0.99]) {
      const window = {
        from: begin + share * (end - begin),
        to: begin + share * (end - begin) + 5e6,
        lead: 2e6,
      };
      let bytes = 0;
      const file = fileSource(path);
      const source = {
        ...file,
        open() {
          const reader = file.open();
          return {
            read(into: Uint8Array, position: number) {
              const got = reader.read(into, position);
              bytes += got;
              return got;
            },
            [Symbol.dispose]: () => reader[Symbol.dispose](),
          };
        },
      };
      const part = (await read(source, { window })).window(window);
      const expected = whole.window(window);
      assert.ok(part.stream.length > 100);
      // The names that were read are fewer, and no row points to one here.
      assert.deepEqual({ ...part.stream, comms: [] }, { ...expected.stream, comms: [] });
      assert.deepEqual({ ...part.context!.stream, comms: [] }, { ...expected.context!.stream, comms: [] });
      assert.deepEqual([...part.counts], [...expected.counts]);
      assert.equal(part.epoch, expected.epoch);
      // The epoch's rounds, those that are looked at while halving, and what is too near to halve.
      assert.ok(bytes < 20e6, `${bytes} bytes were read`);
    }
  } finally {
    await Deno.remove(path);
  }
});
