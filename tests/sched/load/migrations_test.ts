import assert from "node:assert/strict";
import { migrationCounts } from "../../../lib/sched/load/migration_counts.ts";
import { migrations } from "../../../lib/sched/load/migrations.ts";
import { randomFrom } from "../../seeded.ts";
import { IDLE, TraceWriter } from "../../trace/make_trace.ts";
import { randomSchedule } from "../random_schedule.ts";

const task = (tid: number, comm = `t${tid}`) => ({ tid, comm });
const MIGRATION_0 = { ...task(18, "migration/0"), prio: 0 };
const MIGRATION_1 = { ...task(19, "migration/1"), prio: 0 };

Deno.test("every move of a made-up schedule, with its kind", () => {
  let [placed, balanced] = [0, 0];
  for (let seed = 1; seed <= 20; seed++) {
    const schedule = randomSchedule(randomFrom(seed), 2 + (seed % 3), 6, 400);
    const moves = migrations(schedule.trace);
    const raw = schedule.trace.migrations;
    assert.equal(moves.length, raw.length, `seed ${seed}: nothing is unrecorded`);
    const wakeups = schedule.wakeups.filter((wakeup) => wakeup.placed !== wakeup.prev);
    [...moves.rows()].forEach((move, i) => {
      const record = raw.row(i);
      assert.deepEqual(
        [move.ts, move.tid, move.orig_cpu, move.dest_cpu, move.by_cpu, move.recorded, move.censored],
        [record.ts, record.pid, record.orig_cpu, record.dest_cpu, record.cpu, 1, 0],
      );
      // The placement is recorded 1 ns after the waking that it belongs to.
      const wakeup = wakeups.some(({ ts, tid }) => tid === move.tid && ts === move.ts - 1);
      assert.equal(move.kind, wakeup ? "wakeup" : "balance", `seed ${seed}, ${move.ts}`);
      if (wakeup) placed++;
      else balanced++;
      assert.equal(move.crosses, "unknown");
    });
    const counts = [...migrationCounts(moves, "thread").rows()];
    for (const [tid, { migrations }] of schedule.counts) {
      assert.equal(counts.find((row) => row.tid === tid)?.moves ?? 0, migrations);
    }
    assert.equal(
      migrationCounts(moves, "pair").column("moves").reduce((sum, count) => sum + count, 0),
      moves.length,
    );
    // A window has the moves of its time, with the same kinds.
    const { from, to } = { from: schedule.end * 0.3, to: schedule.end * 0.7 };
    const part = migrations(schedule.trace.window({ from, to, lead: Infinity }));
    const whole = moves.filter(({ ts }) => ts >= from && ts <= to);
    assert.deepEqual(part.toJSON(), whole.toJSON());
  }
  assert.ok(placed > 100 && balanced > 100, `${placed} ${balanced}`);
});

Deno.test("the stopper moves for exec and else, whoever is made is placed, and moves without a record are concluded", () => {
  const trace = new TraceWriter()
    .switch(0, 0, IDLE, 0, task(1)).switch(0, 1, IDLE, 0, task(2))
    // 1 execs: the stopper takes it to CPU 1.
    .switch(10, 0, task(1), 0, MIGRATION_0).migrate(11, 0, task(1), 0, 1, MIGRATION_0)
    .switch(12, 0, MIGRATION_0, 1, IDLE).switch(13, 1, task(2), 0, task(1)).exec(14, 1, task(1))
    // 2 waits on CPU 1 and is taken by the stopper of CPU 1 for another reason; then it sleeps and execs later.
    .switch(20, 1, task(1), 0, MIGRATION_1)
    .migrate(21, 1, task(2), 1, 0, MIGRATION_1)
    .switch(22, 1, MIGRATION_1, 1, task(1))
    .switch(23, 0, IDLE, 0, task(2)).switch(30, 0, task(2), 1, IDLE)
    .waking(31, 1, task(1), task(2), 0).switch(32, 0, IDLE, 0, task(2)).exec(33, 0, task(2))
    // 3 is made on CPU 0 and first runs on CPU 1; 4 is made where its maker is.
    .wakeupNew(40, 0, task(2), task(3), 1).wakeupNew(41, 0, task(2), task(4), 0)
    .switch(42, 1, task(1), 0, task(3))
    // 1 was preempted on CPU 1 and runs on CPU 0 without a record; 3 sleeps, is woken and runs on CPU 0 without a record.
    .switch(50, 0, task(2), 1, task(1)).switch(51, 1, task(3), 1, IDLE)
    .waking(52, 0, task(1), task(3), 1).switch(53, 0, task(1), 0, task(3))
    .switch(60, 0, task(3), 1, IDLE).cores([[0], [1]]).packages([[0, 1]]).trace();
  const rows = [...migrations(trace).rows()].map((row) => [
    row.ts,
    row.tid,
    row.orig_cpu,
    row.dest_cpu,
    row.kind,
    row.crosses,
    row.by_tid,
    row.recorded,
    row.censored,
  ]);
  assert.deepEqual(rows, [
    [11, 1, 0, 1, "exec", "core", 18, 1, 0],
    [21, 2, 1, 0, "stopper", "core", 19, 1, 0],
    [40, 3, 0, 1, "fork", "core", -1, 0, 0],
    [50, 1, 1, 0, "balance", "core", -1, 0, 1],
    [53, 3, 1, 0, "wakeup", "core", -1, 0, 1],
  ]);
  const [first] = [...migrationCounts(migrations(trace), "thread").rows()];
  assert.deepEqual([first!.moves, first!.exec, first!.balance, first!.censored], [2, 1, 1, 1]);
});

Deno.test("a hole makes a move's kind unknown", () => {
  const trace = new TraceWriter()
    .switch(0, 0, IDLE, 0, task(1)).switch(0, 1, IDLE, 0, task(2))
    .switch(10, 0, task(7), 1, IDLE) // not 1: it left unseen
    .switch(20, 1, task(2), 1, task(1)).migrate(30, 0, task(9), 0, 1).trace();
  const rows = [...migrations(trace).rows()];
  assert.deepEqual(rows.map(({ tid, kind, censored }) => [tid, kind, censored]), [[1, "unknown", 1], [
    9,
    "wakeup",
    0,
  ]]);
});

Deno.test("how far a move went is the widest boundary that is known", () => {
  const writer = new TraceWriter().switch(0, 0, IDLE, 0, task(1));
  for (let cpu = 1; cpu < 8; cpu++) writer.migrate(cpu, 0, task(1), 0, cpu);
  const trace = writer.trace();
  const cores = [[0, 1], [2, 3], [4, 5], [6]];
  const caches = [[0, 1, 2], [3], [4, 5], [6, 7]];
  const nodes = [[0, 1, 2, 3], [4, 5, 6, 7]];
  const packages = [[0, 1, 2, 3, 4, 5], [6, 7]];
  const crossed = (groups: Parameters<typeof migrations>[1]) =>
    [...migrations(trace, groups).filter(({ recorded }) => recorded === 1).rows()].map(({ crosses }) =>
      crosses
    );
  assert.deepEqual(crossed({ groups: { cores, caches, nodes, packages } }), [
    "none",
    "core",
    "cache",
    "node",
    "node",
    "package",
    "package",
  ]);
  assert.deepEqual(crossed({ groups: { cores } }), [
    "none",
    "core",
    "core",
    "core",
    "core",
    "core",
    "unknown",
  ]);
  assert.deepEqual(crossed({ groups: { packages } }), [
    "unknown",
    "unknown",
    "unknown",
    "unknown",
    "unknown",
    "package",
    "package",
  ]);
  assert.deepEqual(crossed({}), Array(7).fill("unknown"));
  assert.throws(() => migrations(new TraceWriter().trace()), /sched_switch/);
});
