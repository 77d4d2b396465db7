import assert from "node:assert/strict";
import { DictColumn } from "../../../lib/frame/column.ts";
import { Frame } from "../../../lib/frame/frame.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { writePerfetto } from "../../../lib/trace/perfetto/mod.ts";
import { IDLE, TraceWriter } from "../make_trace.ts";
import { scriptLines } from "../perf_data/perf_script.ts";
import { recordWithPerf } from "../perf_data/record_with_perf.ts";
import { pluginText } from "../write/plugin_text.ts";
import { runPython } from "./perfetto_python.ts";

// deno-lint-ignore no-explicit-any -- lines of several forms
type Line = any;

/** What Perfetto's own definitions find in the file at `path`. */
async function decoded(path: string): Promise<Line[]> {
  const lines = (await runPython("decoded_by_perfetto.py", path)).trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  assert.equal(lines[0].unknown, false, "every field is one of Perfetto's");
  return lines.slice(1);
}

const STATES = ["S", "D", "T", "t", "X", "Z", "P", "I"];
const letters = (bits: number) =>
  (STATES.filter((_, i) => (bits & (1 << i)) !== 0).join("|") || "R") + ((bits & 0x100) !== 0 ? "+" : "");

/** The text of an event in perf's plugin spelling, out of fields as Perfetto has them. */
function textOf(event: string, f: Record<string, string | number>): string {
  switch (event) {
    case "sched_switch":
      return `${f["prev_comm"]}:${f["prev_pid"]} [${f["prev_prio"]}] ${
        letters(f["prev_state"] as number)
      } ==> ` +
        `${f["next_comm"]}:${f["next_pid"]} [${f["next_prio"]}]`;
    case "sched_waking":
    case "sched_wakeup_new":
      return `${f["comm"]}:${f["pid"]} [${f["prio"]}] CPU:${f["target_cpu"]}`;
    case "sched_migrate_task":
      return `comm=${f["comm"]} pid=${f["pid"]} prio=${f["prio"]} orig_cpu=${f["orig_cpu"]} dest_cpu=${
        f["dest_cpu"]
      }`;
    case "sched_process_fork":
      return `comm=${f["parent_comm"]} pid=${f["parent_pid"]} child_comm=${f["child_comm"]} child_pid=${
        f["child_pid"]
      }`;
    case "sched_process_exit":
      return `comm=${f["comm"]} pid=${f["pid"]} prio=${f["prio"]}`;
    default:
      return `filename=${f["filename"]} pid=${f["pid"]} old_pid=${f["old_pid"]}`;
  }
}

/** Newer kernels' `group_dead` has no place in Perfetto's message. */
const ownText = (text: string) => pluginText(text).replace(/ group_dead=\w+$/, "");

Deno.test("Perfetto's own definitions find each event that perf script prints, with all of its fields", async () => {
  const dir = await Deno.makeTempDir();
  const file = `${dir}/perf.data`;
  try {
    await recordWithPerf(file, ["perf", "bench", "sched", "messaging", "-l", "50"]);
    const trace = await openTrace(file);
    await writePerfetto(trace, `${dir}/out.pftrace`);
    const lines = await decoded(`${dir}/out.pftrace`);
    const events = lines.filter(({ event }) => event !== undefined);
    const script = await scriptLines(file);
    assert.equal(events.length, script.length);
    const key = (ts: bigint, cpu: number, event: string, text: string) =>
      `${String(ts).padStart(20, "0")} [${cpu}] ${event}: ${text}`;
    const theirs = script.map((line) =>
      key(line.time, line.cpu, line.event.replace("sched:", ""), ownText(line.text))
    ).sort();
    const ours = events.map(({ event, ts, cpu, fields }) =>
      key(BigInt(ts), cpu, event, textOf(event, fields))
    )
      .sort();
    ours.forEach((line, i) => assert.equal(line, theirs[i]));
    // Wakers: the thread in whose context the waking was made, and its common_flags.
    const wakings = script.filter(({ event, tid }) => event === "sched:sched_waking" && tid >= 0);
    const wakers = new Map(
      events.filter(({ event }) => event === "sched_waking").map((
        one,
      ) => [`${one.ts} ${one.cpu} ${one.fields.pid}`, one.pid]),
    );
    for (const { time, cpu, tid, text } of wakings) {
      const wakee = /:(\d+) \[/.exec(pluginText(text))![1];
      assert.equal(wakers.get(`${time} ${cpu} ${wakee}`), tid, text);
    }
    const flags = trace.wakeups.column("common_flags");
    assert.equal(
      events.filter(({ event }) => /waking|wakeup/.test(event)).reduce((sum, one) => sum + one.flags, 0),
      flags.reduce((sum, value) => sum + value, 0),
    );
    // Bundles are of one CPU each and in order.
    const last = new Map<number, bigint>();
    for (const { cpu, ts } of events) {
      assert.ok(BigInt(ts) >= (last.get(cpu) ?? 0n));
      last.set(cpu, BigInt(ts));
    }
    const { clocks, primary } = lines.find((line) => line.clocks !== undefined);
    assert.equal(clocks["3"], String(trace.epoch));
    assert.equal(BigInt(clocks["1"]) - BigInt(clocks["3"]), trace.clock.wallOffset);
    assert.equal(primary, 3);
    const threads = lines.filter(({ thread }) => thread !== undefined);
    const self = await perfComm(file);
    assert.ok(
      threads.some(({ name }) => name === "sched-messaging"),
      "the benchmark's threads have their name",
    );
    for (const [tid, name] of self) {
      assert.ok(threads.some((one) => one.thread === tid && one.name === name), `${tid} is called ${name}`);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/** Names and threads out of the COMM records that perf prints. */
async function perfComm(file: string): Promise<[number, string][]> {
  const { stdout } = await new Deno.Command("perf", {
    args: ["script", "--show-task-events", "-F", "comm,tid,time,event,trace", "-i", file],
    stderr: "null",
  }).output();
  const text = new TextDecoder("latin1").decode(stdout);
  return [...text.matchAll(/PERF_RECORD_COMM(?: exec)?: (.*):\d+\/(\d+)$/gm)].filter(([, , tid]) =>
    tid !== "0"
  ).map((
    [, name, tid],
  ) => [Number(tid), name!]);
}

Deno.test("tracks of one's own: parents, names, arguments, flows, and slices that overlap", async () => {
  const dir = await Deno.makeTempDir();
  const a = { tid: 11, comm: "a" };
  const b = { tid: 12, comm: "b" };
  const trace = new TraceWriter().switch(1_000_000, 0, IDLE, 0, a).switch(1_000_100, 0, a, 1, b).lost(
    1_000_500,
    0,
    7,
  )
    .switch(1_000_900, 0, b, 0, IDLE).trace();
  const slices = new Frame({
    ts: Float64Array.of(50, 0, 20, 400),
    dur: Float64Array.of(30, 40, 100, 0),
    name: DictColumn.from(["queued", "slept", "queued", "<b>"]),
    flow_id: Uint32Array.of(9, 0, 9, 0),
    culprit: DictColumn.from(["x", "y", "z", "w"]),
    share: Float64Array.of(0.5, 1, -2, 1e300),
  });
  const file = `${dir}/t.pftrace`;
  await writePerfetto(trace, file, {
    tracks: [
      { name: "gaps", parent: { tid: 11 }, slices },
      { name: "load", parent: { cpu: 3 }, slices: slices.select("ts", "dur") },
    ],
  });
  const lines = await decoded(file);
  const tracks = lines.filter(({ track }) => track !== undefined);
  const thread = tracks.find(({ tid }) => tid === 11);
  assert.equal(thread.pid, 11);
  const gaps = tracks.filter(({ track }) => track === "gaps");
  assert.equal(gaps.length, 2, "overlapping slices go to a second line");
  for (const { parent_uuid } of gaps) assert.equal(parent_uuid, thread.uuid);
  assert.deepEqual(tracks.filter(({ track }) => /^CPU/.test(track)).map(({ track }) => track), [
    "CPU 3: load",
    "CPU 3: load",
  ]);
  const own = lines.filter(({ on }) => on === "gaps");
  assert.deepEqual(
    own.filter(({ type }) => type !== 2).map((
      { slice, ts, type, flow, args },
    ) => [slice, ts, type, flow, args]),
    [
      ["slept", "1000000", 1, [], { culprit: "y", share: 1 }],
      ["queued", "1000020", 1, ["9"], { culprit: "z", share: -2 }],
      ["queued", "1000050", 1, ["9"], { culprit: "x", share: 0.5 }],
      ["<b>", "1000400", 3, [], { culprit: "w", share: 1e300 }],
    ],
  );
  assert.deepEqual(own.filter(({ type }) => type === 2).map(({ ts }) => ts), [
    "1000040",
    "1000120",
    "1000080",
  ]);
  const holes = lines.filter(({ on, type }) => on === "schedscope holes" && type === 1);
  assert.deepEqual(holes.map(({ slice, ts, args }) => [slice, ts, args]), [
    ["lost", "1000100", { cpu: 0, lost: 7, told: 0 }],
  ]);
  assert.deepEqual(lines.find(({ overrun }) => overrun !== undefined).overrun, { "0": 7 });
  await assert.rejects(
    writePerfetto(trace, file, { tracks: [{ name: "bad", slices: slices.select("ts") }] }),
    /column dur.*track "bad"/,
  );
  await Deno.remove(dir, { recursive: true });
});
