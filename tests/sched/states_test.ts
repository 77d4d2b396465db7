import assert from "node:assert/strict";
import { CAUSE_COLUMNS } from "../../lib/sched/gap_cause.ts";
import { gaps } from "../../lib/sched/gaps.ts";
import { ledger, LEDGER_PARTS } from "../../lib/sched/ledger.ts";
import { states } from "../../lib/sched/states.ts";
import { whyNotRunning } from "../../lib/sched/why_not_running.ts";
import { randomFrom } from "../seeded.ts";
import { IDLE, TraceWriter } from "../trace/make_trace.ts";
import { MADE_CAUSES, scheduleAtRandom } from "./scheduled_truth.ts";

for (let seed = 1; seed <= 12; seed++) {
  Deno.test(`states() and ledger() tell what the scheduler that made a trace did (seed ${seed})`, () => {
    const { trace, states: truth, time, tasks } = scheduleAtRandom(seed, 3000);
    const found = states(trace, { tids: tasks.map(({ tid }) => tid) });
    // The last switch, of a CPU to whom it runs, may end and begin a run at the end of the trace.
    const rows = [...found.rows()].map(({ tid, ts, dur, state }) => ({ tid, from: ts, to: ts + dur, state }));
    assert.deepEqual(joined(rows), joined(truth));
    const table = ledger(trace, { tids: tasks.map(({ tid }) => tid) });
    const { to } = trace.span;
    for (const row of table.rows()) {
      const own = time.get(row.tid)!;
      const of = (what: string) => own.get(what) ?? 0;
      assert.equal(row.wall, to);
      assert.equal(row.run, of("run"));
      assert.equal(row.blocked, of("blocked"));
      assert.equal(
        row.asleep_task + row.asleep_irq + row.asleep_timer + row.asleep_softirq + row.asleep_unknown,
        of("slept"),
      );
      assert.equal(row.queued_fair + row.queued_rt + row.queued_deadline + row.queued_other, of("queued"));
      for (const cause of ["preempted", "throttled", "migrated", "waking"] as const) {
        assert.equal(row[cause], of(cause), `${cause} of ${row.tid}`);
      }
      assert.equal(row.unknown, 0);
      assert.equal(LEDGER_PARTS.reduce((sum, part) => sum + row[part], 0), to);
    }
    for (const { tid } of tasks) {
      const own = gaps(trace, { threshold: 0, tids: [tid] });
      for (const cause of MADE_CAUSES) {
        const sum = own.gaps.column(cause as "queued").reduce((all, ns) => all + ns, 0);
        assert.equal(sum, time.get(tid)!.get(cause) ?? 0, `gaps(): ${cause} of ${tid}`);
      }
    }
  });
}

/** States without the places where a thread was moved. */
function joined(rows: readonly { tid: number; from: number; to: number; state: string }[]): typeof rows {
  const out: { tid: number; from: number; to: number; state: string }[] = [];
  for (const row of rows) {
    const last = out.at(-1);
    if (last !== undefined && last.tid === row.tid && last.to === row.from && last.state === row.state) {
      last.to = row.to;
    } else out.push({ ...row });
  }
  return out;
}

Deno.test("states() and ledger() of a window are those of the whole, cut at its edges", () => {
  const { trace, tasks } = scheduleAtRandom(99, 3000);
  const tids = tasks.map(({ tid }) => tid);
  const { to: end } = trace.span;
  const [from, to] = [Math.round(0.31 * end), Math.round(0.62 * end)];
  const whole = [...states(trace, { tids }).rows()]
    .filter((row) => row.ts < to && row.ts + row.dur > from)
    .map((row) => {
      const ts = Math.max(from, row.ts);
      return { tid: row.tid, ts, dur: Math.min(to, row.ts + row.dur) - ts, state: row.state };
    });
  const part = trace.window({ from, to, lead: Infinity });
  const { from: first, to: last } = part.span;
  const cut = [...states(part, { tids }).rows()].map(({ tid, ts, dur, state }) => ({ tid, ts, dur, state }));
  assert.deepEqual([first, last], [from, to]);
  assert.deepEqual(cut, whole);
  for (const row of ledger(part, { tids }).rows()) assert.equal(row.wall, to - from);
});

Deno.test("whyNotRunning() says what states() says, at any time of any thread", () => {
  const { trace, states: truth, tasks } = scheduleAtRandom(5, 500);
  const WORDS: Readonly<Record<string, RegExp>> = {
    running: /was running on CPU \d/,
    sleeping: / slept at /,
    blocked: /was blocked, uninterruptibly/,
    preempted: /was runnable .* did not run.*had lost its CPU/,
    woken: /was runnable .* did not run.*had been woken/,
  };
  for (const row of truth) {
    const words = whyNotRunning(trace, row.tid, row.from + (row.to - row.from) / 2);
    assert.match(words, new RegExp(`^${tasks.find(({ tid }) => tid === row.tid)!.comm}\\[${row.tid}\\] `));
    // A thread that is moved while it waits begins a new stretch of the same wait.
    const first = truth.findLast((one) =>
      one.tid === row.tid && one.from <= row.from &&
      truth.every((before) =>
        before.tid !== row.tid || before.to !== one.from || !["preempted", "woken"].includes(before.state)
      )
    )!;
    assert.match(words, WORDS[["preempted", "woken"].includes(row.state) ? first.state : row.state]!);
  }
  assert.equal(whyNotRunning(trace, 4711, 5), "Thread 4711 does not occur in the trace.");
  assert.throws(
    () => whyNotRunning(trace, 10, -1),
    /Expected a time within the trace's 0 to \d+ ns but found -1/,
  );
});

Deno.test("whatever a trace holds, each thread's states follow one another and its ledger adds up to them", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = randomFrom(seed);
    const tasks = [1, 2, 3, 4, 5].map((tid) => ({
      tid,
      comm: tid === 5 ? "migration/0" : `t${tid}`,
      prio: 20 * tid + 40,
    }));
    const any = () => random(6) === 0 ? IDLE : tasks[random(tasks.length)]!;
    const writer = new TraceWriter();
    for (let i = 0, ts = 0; i < 2000; i++) {
      ts += random(60);
      const kind = random(20);
      if (kind < 11) writer.switch(ts, random(3), any(), [0, 1, 2, 0x100, 0x10, 0x80, 4][random(7)]!, any());
      else if (kind < 16) writer.waking(ts, random(3), any(), any(), random(4));
      else if (kind < 19) writer.migrate(ts, random(3), any(), random(3), random(3));
      else writer.lost(ts, random(3), 1 + random(9));
    }
    const whole = writer.trace();
    const { to: end } = whole.span;
    for (
      const trace of [
        whole,
        whole.window({ from: Math.floor(end / 3), to: Math.floor(end / 2), lead: end / 10 }),
      ]
    ) {
      const { from, to } = trace.span;
      const life = new Map<number, number>();
      const until = new Map<number, number>();
      let last = -1;
      for (const row of states(trace).rows()) {
        assert.ok(row.tid >= last, "sorted by thread");
        last = row.tid;
        assert.ok(row.dur > 0 && row.ts >= (until.get(row.tid) ?? from) && row.ts + row.dur <= to);
        until.set(row.tid, row.ts + row.dur);
        life.set(row.tid, (life.get(row.tid) ?? 0) + row.dur);
      }
      const booked = new Map<number, number>();
      for (const row of ledger(trace).rows()) {
        assert.ok(LEDGER_PARTS.every((part) => row[part] >= 0), JSON.stringify(row));
        booked.set(row.tid, row.wall);
      }
      assert.deepEqual([...booked].sort((x, y) => x[0] - y[0]), [...life]);
      for (const row of gaps(trace, { threshold: 0 }).gaps.rows()) {
        assert.equal(CAUSE_COLUMNS.reduce((sum, cause) => sum + row[cause], 0), row.dur);
        assert.ok(CAUSE_COLUMNS.every((cause) => row[cause] >= 0), JSON.stringify(row));
      }
      for (const tid of [1, 2, 3]) whyNotRunning(trace, tid, from + random(to - from));
    }
  }
});
