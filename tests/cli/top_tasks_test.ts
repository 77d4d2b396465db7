import assert from "node:assert/strict";
import { topTasks } from "../../lib/cli/top_tasks.ts";
import { topLines, type TopSample } from "../../lib/cli/top_view.ts";
import { textWidth } from "../../lib/frame/text_width.ts";
import { scheduleAtRandom } from "../sched/scheduled_truth.ts";
import { randomFrom } from "../seeded.ts";
import { IDLE, type Task, TraceWriter } from "../trace/make_trace.ts";

const HOG: Task = { tid: 10, comm: "hog", prio: 120 };
const POOR: Task = { tid: 11, comm: "poor", prio: 120 };
const LATE: Task = { tid: 12, comm: "late", prio: 120 };

Deno.test("a wait that goes on grows from interval to interval, with the cause of the interval", () => {
  const trace = new TraceWriter().switch(0, 0, IDLE, 0, POOR).switch(1e6, 0, POOR, 0, HOG)
    .waking(2e9, 0, HOG, LATE, 0).switch(3.5e9, 0, HOG, 0, LATE).switch(3.6e9, 0, LATE, 1, HOG)
    .switch(9e9, 0, HOG, 0, IDLE).trace();
  const rowOf = (from: number, to: number, tid: number) =>
    topTasks(trace.window({ from, to, lead: Infinity })).toJSON().find((row) => row.tid === tid);
  const early = rowOf(1e9, 2e9, POOR.tid)!;
  assert.deepEqual([early.run, early.wait, early.gap, early.cause, early.culprit, early.now], [
    0,
    1e9,
    2e9 - 1e6,
    "preempted",
    "hog",
    "waiting",
  ]);
  const third = rowOf(3e9, 4e9, POOR.tid)!;
  assert.equal(third.gap, 4e9 - 1e6, "also without any event of its own");
  assert.equal(third.wait, 1e9);
  const late = rowOf(3e9, 4e9, LATE.tid)!;
  assert.deepEqual(
    [late.run, late.wait, late.gap, late.p99_delay, late.waits, late.cause, late.culprit_tid],
    [
      0.1e9,
      0.5e9,
      1.5e9,
      1.5e9,
      1,
      "queued",
      HOG.tid,
    ],
  );
  const hog = rowOf(3e9, 4e9, HOG.tid)!;
  assert.deepEqual([hog.run, hog.wait, hog.gap, hog.now, hog.cpu], [0.9e9, 0.1e9, 0.1e9, "running", 0]);
});

Deno.test("a wait that goes on counts up to where its CPU's records are missing", () => {
  const trace = new TraceWriter().switch(0, 0, IDLE, 0, LATE).switch(1e6, 0, LATE, 1, HOG)
    .waking(1e9, 0, HOG, LATE, 0)
    .switch(1.2e9, 0, HOG, 0, POOR).switch(1.5e9, 0, HOG, 1, IDLE).switch(2e9, 0, IDLE, 0, POOR).trace();
  const row = topTasks(trace.window({ from: 0.5e9, to: 2e9 })).toJSON().find(({ tid }) => tid === LATE.tid)!;
  assert.deepEqual([row.wait, row.unknown, row.gap, row.now], [0.2e9, 0.8e9, 0.2e9, "unknown"]);
});

Deno.test("run, wait and gap of any interval are those that a made-up scheduler kept account of", () => {
  let compared = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const { trace, states } = scheduleAtRandom(seed, 400);
    const random = randomFrom(seed);
    const { to: end } = trace.span;
    for (let i = 0; i < 4; i++) {
      const [from, to] = [random(end), random(end)].sort((x, y) => x - y) as [number, number];
      if (to - from < 100) continue;
      const rows = topTasks(trace.window({ from, to, lead: Infinity })).toJSON();
      for (const tid of new Set(states.map((state) => state.tid))) {
        const life = states.filter((state) => state.tid === tid);
        const sum = (...wanted: string[]) =>
          life.filter(({ state }) => wanted.includes(state))
            .reduce(
              (total, each) => total + Math.max(0, Math.min(to, each.to) - Math.max(from, each.from)),
              0,
            );
        const waits: { from: number; to: number }[] = [];
        for (const each of life) {
          if (each.state !== "preempted" && each.state !== "woken") continue;
          const last = waits.at(-1);
          if (last?.to === each.from) last.to = each.to;
          else waits.push({ from: each.from, to: each.to });
        }
        const seen = waits.filter((wait) => wait.from < to && wait.to > from)
          .map((wait) => Math.min(to, wait.to) - wait.from);
        const row = rows.find((row) => row.tid === tid);
        const where = `seed ${seed}, thread ${tid}, ${from} to ${to}`;
        assert.equal(row?.run ?? 0, sum("running"), where);
        assert.equal(row?.wait ?? 0, sum("preempted", "woken"), where);
        assert.equal(row?.waits ?? 0, seen.length, where);
        if (seen.length > 0) assert.equal(row!.gap, Math.max(...seen), where);
        compared++;
      }
    }
  }
  assert.ok(compared > 800, `${compared} lives`);
});

function sampleOf(tasks: TopSample["tasks"]): TopSample {
  return {
    tasks,
    at: new Date(2026, 0, 1, 12, 0, 0),
    dur: 1e9,
    events: 12_345,
    lost: 0,
    coverage: 0.5,
    cpus: 2,
    kernel: "6.1",
    own: 0.01,
    ownTids: new Set([HOG.tid]),
  };
}

Deno.test("no picture is wider or higher than its terminal, whatever names there are", () => {
  const names = ["hog", "日本語日本語日本語", "\x1b[2J", "\u202eevil", "a".repeat(200), "é́́́́", "<script>"];
  const writer = new TraceWriter();
  let last: Task = IDLE;
  names.forEach((comm, i) => {
    const task = { tid: 10 + i, comm, prio: 120 };
    writer.switch(i * 1e6, 0, last, 0, task);
    last = task;
  });
  const tasks = topTasks(writer.switch(1e9, 0, last, 0, IDLE).trace());
  for (const width of [1, 10, 20, 40, 60, 80, 100, 120, 300]) {
    for (const height of [1, 3, 5, 8, 30]) {
      const lines = topLines(sampleOf(tasks), { sort: "run", width, height, keys: "q quit" });
      assert.equal(lines.length, height);
      for (const line of lines) {
        assert.ok(textWidth(line) <= width, `${width}: ${line}`);
        // deno-lint-ignore no-control-regex
        assert.doesNotMatch(line, /[\x00-\x1f\u202e]/);
      }
    }
  }
  const wide = topLines(sampleOf(tasks), { sort: "run", width: 120, height: 30 }).join("\n");
  assert.match(wide, /10 \*hog /, "its own threads are marked");
});
