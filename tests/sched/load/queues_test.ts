import assert from "node:assert/strict";
import { idleWhileOverloaded } from "../../../lib/sched/load/idle_while_overloaded.ts";
import { load } from "../../../lib/sched/load/cpu_load.ts";
import { runqueueDepth } from "../../../lib/sched/load/runqueue_depth.ts";
import { workConservation } from "../../../lib/sched/load/work_conservation.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { type Random, randomFrom } from "../../seeded.ts";
import { IDLE, TraceWriter } from "../../trace/make_trace.ts";
import { type RandomSchedule, randomSchedule } from "../random_schedule.ts";
import { type TrueMoment, trueMoments } from "../true_moments.ts";

const sum = (values: Iterable<number>) => Array.from(values).reduce((total, value) => total + value, 0);
const close = (x: number, y: number, what: string) =>
  assert.ok(Math.abs(x - y) < 1e-6, `${what}: ${x}, not ${y}`);

/** Made-up schedules from the time on at which all is known, and their moments. */
function* schedules(): Generator<
  {
    schedule: RandomSchedule;
    trace: Trace;
    moments: TrueMoment[];
    cpus: number;
    random: Random;
    seed: number;
  }
> {
  for (let seed = 1; seed <= 25; seed++) {
    const random = randomFrom(seed);
    const cpus = 1 + random(4);
    const schedule = randomSchedule(random, cpus, 2 + random(7), 500);
    if (schedule.settled < 0) continue;
    const trace = schedule.trace.window({ from: schedule.settled, lead: Infinity });
    const moments = trueMoments(schedule, trace.span.from, trace.span.to);
    yield { schedule, trace, moments, cpus, random, seed };
  }
}

Deno.test("runqueueDepth() is what counting at every moment finds", () => {
  let compared = 0;
  for (const { trace, moments, cpus, seed } of schedules()) {
    const depth = runqueueDepth(trace);
    const rows = [...depth.rows()];
    for (let cpu = 0; cpu < cpus; cpu++) {
      const own = rows.filter((row) => row.cpu === cpu);
      assert.equal(own[0]!.ts, trace.span.from);
      own.forEach((row, i) => assert.equal(row.ts + row.dur, own[i + 1]?.ts ?? trace.span.to, "no gap"));
      for (const moment of moments) {
        const row = own.findLast(({ ts }) => ts <= moment.from)!;
        const waiting = moment.waiting.filter((one) => one.cpu === cpu).length;
        const running = moment.running[cpu]! > 0 ? 1 : 0;
        assert.deepEqual(
          [row.running, row.waiting, row.depth, row.unsure, row.censored],
          [running, waiting, running + waiting, 0, 0],
          `seed ${seed}, CPU ${cpu} at ${moment.from}`,
        );
        compared++;
      }
    }
  }
  assert.ok(compared > 5000);
});

Deno.test("load() is what adding up every moment finds, in one bin and in many", () => {
  for (const { trace, moments, cpus, seed } of schedules()) {
    const whole = load(trace);
    assert.deepEqual([...whole.column("cpu")], Array.from({ length: cpus }, (_, cpu) => cpu));
    const bin = 37;
    const binned = [...load(trace, { bin }).rows()];
    for (const row of whole.rows()) {
      const { cpu } = row;
      const what = `seed ${seed}, CPU ${cpu}`;
      const over = (of: (moment: TrueMoment, waiting: number) => number) =>
        sum(
          moments.map((moment) =>
            of(moment, moment.waiting.filter((one) => one.cpu === cpu).length) * (moment.to - moment.from)
          ),
        );
      const busy = over(({ running }) => running[cpu]! > 0 ? 1 : 0);
      const waited = over((_, waiting) => waiting);
      const dur = trace.span.to - trace.span.from;
      assert.deepEqual([row.ts, row.dur, row.busy, row.idle, row.unknown], [
        trace.span.from,
        dur,
        busy,
        dur - busy,
        0,
      ], what);
      assert.equal(row.waited, waited, what);
      close(row.mean_depth, (busy + waited) / dur, what);
      close(row.contended, over((_, waiting) => waiting > 0 ? 1 : 0) / dur, what);
      close(row.utilization, busy / dur, what);
      assert.equal(
        row.max_depth,
        Math.max(
          ...moments.map(({ running, waiting }) =>
            (running[cpu]! > 0 ? 1 : 0) + waiting.filter((one) => one.cpu === cpu).length
          ),
        ),
        what,
      );
      assert.deepEqual([row.coverage, row.censored], [1, 0], what);
      assert.equal(row.switches, [...trace.switches.rows()].filter((one) => one.cpu === cpu).length, what);
      assert.ok(Number.isNaN(row.irq), "no interrupt was recorded");
      const bins = binned.filter((one) => one.cpu === cpu);
      assert.equal(bins.length, Math.ceil(dur / bin));
      for (const name of ["dur", "busy", "idle", "waited", "switches", "wakeups"] as const) {
        assert.equal(sum(bins.map((one) => one[name])), row[name], `${what} ${name}`);
      }
      bins.forEach((one, i) => assert.equal(one.ts + one.dur, bins[i + 1]?.ts ?? trace.span.to));
      for (const one of bins) {
        const part = moments.filter(({ from, to }) => from < one.ts + one.dur && to > one.ts);
        const inBin = (moment: TrueMoment) =>
          Math.min(moment.to, one.ts + one.dur) - Math.max(moment.from, one.ts);
        assert.equal(one.busy, sum(part.map((moment) => moment.running[cpu]! > 0 ? inBin(moment) : 0)), what);
      }
    }
  }
});

Deno.test("load() counts the wakeups that ran where they ran", () => {
  for (const { schedule, trace, cpus, seed } of schedules()) {
    const wakeups = load(trace).column("wakeups");
    for (let cpu = 0; cpu < cpus; cpu++) {
      const ran = schedule.wakeups.filter(({ ran, ranOn }) => ranOn === cpu && ran >= trace.span.from);
      // One that had begun to wait before the window is woken in it all the same; one that ran at its very start is not seen to.
      const atStart = ran.filter(({ ran }) => ran === trace.span.from).length;
      assert.equal(wakeups[cpu], ran.length - atStart, `seed ${seed}, CPU ${cpu}`);
    }
  }
});

Deno.test("idleWhileOverloaded() is SchedViz's three figures at every moment", () => {
  for (const { trace, moments, seed } of schedules()) {
    let [wall, perCpu, perThread, idleTime] = [0, 0, 0, 0];
    for (const { from, to, running, waiting } of moments) {
      const queue = running.map((_, cpu) => waiting.filter((one) => one.cpu === cpu).length);
      const idle = running.filter((tid, cpu) => tid === 0 && queue[cpu] === 0).length;
      const over = running.filter((tid, cpu) => tid > 0 && queue[cpu]! > 0).length;
      const threads = sum(running.map((tid, cpu) => tid > 0 ? queue[cpu]! : 0));
      if (idle > 0 && over > 0) wall += to - from;
      perCpu += Math.min(idle, over) * (to - from);
      perThread += Math.min(idle, threads) * (to - from);
      idleTime += idle * (to - from);
    }
    const found = idleWhileOverloaded(trace).row(0);
    assert.deepEqual(
      [found.wall_time, found.per_cpu_time, found.per_thread_time, found.coverage, found.censored],
      [wall, perCpu, perThread, 1, 0],
      `seed ${seed}`,
    );
    close(found.utilization, 1 - idleTime / (found.dur * moments[0]!.running.length), `seed ${seed}`);
    const bins = idleWhileOverloaded(trace, { bin: 41 });
    for (const name of ["dur", "wall_time", "per_cpu_time", "per_thread_time"] as const) {
      assert.equal(sum(bins.column(name)), found[name], `seed ${seed} ${name}`);
    }
  }
});

Deno.test("idleWhileOverloaded() has the example of SchedViz's documentation", () => {
  // Two CPUs overloaded for half a second, one with one waiting thread and one with two; three others idle.
  const task = (tid: number) => ({ tid, comm: `t${tid}` });
  const writer = new TraceWriter();
  for (let cpu = 0; cpu < 5; cpu++) writer.switch(0, cpu, task(90 + cpu), 1, cpu < 2 ? task(1 + cpu) : IDLE);
  for (const [tid, cpu] of [[11, 0], [21, 1], [22, 1]] as const) {
    writer.waking(0, cpu, task(1 + cpu), task(tid), cpu);
  }
  // Then the CPUs that were overloaded run their own out while the others begin to run something.
  for (let cpu = 2; cpu < 5; cpu++) writer.switch(500e6, cpu, IDLE, 0, task(30 + cpu));
  writer.switch(1000e6, 2, task(32), 1, IDLE);
  const found = idleWhileOverloaded(writer.trace().window({ to: 999e6 })).row(0);
  assert.deepEqual([found.wall_time, found.per_cpu_time, found.per_thread_time], [500e6, 1000e6, 1500e6]);
});

Deno.test("workConservation() finds each idle CPU's episodes, with and without a map of who may run where", () => {
  let found = 0;
  for (const { schedule, trace, moments, cpus, random, seed } of schedules()) {
    const allowed = new Map(
      schedule.tids.filter(() => random(2) === 0).map((tid) => [
        tid,
        Array.from({ length: cpus }, (_, cpu) => cpu).filter(() => random(2) === 0),
      ]),
    );
    for (const map of [undefined, allowed]) {
      const threshold = random(2) * 15;
      const expected: [from: number, to: number, cpu: number][] = [];
      for (let cpu = 0; cpu < cpus; cpu++) {
        let since = NaN;
        for (
          const { from, running, waiting } of [...moments, { from: trace.span.to, running: [], waiting: [] }]
        ) {
          const is = running[cpu] === 0 && !waiting.some((one) => one.cpu === cpu) &&
            waiting.some((one) => running[one.cpu]! > 0 && (map?.get(one.tid)?.includes(cpu) ?? true));
          if (is && Number.isNaN(since)) since = from;
          if (is || Number.isNaN(since)) continue;
          if (from - since >= threshold) expected.push([since, from, cpu]);
          since = NaN;
        }
      }
      expected.sort((x, y) => x[0] - y[0] || x[2] - y[2]);
      const options = map === undefined ? { threshold } : { threshold, allowed: map };
      const rows = [...workConservation(trace, options).rows()];
      assert.deepEqual(
        rows.map(({ ts, dur, idle_cpu }) => [ts, ts + dur, idle_cpu]),
        expected,
        `seed ${seed}`,
      );
      for (const row of rows) {
        const { waiting, running } = moments.find(({ from }) => from === row.ts)!;
        const who = waiting.filter((one) =>
          running[one.cpu]! > 0 && (map?.get(one.tid)?.includes(row.idle_cpu) ?? true)
        );
        assert.equal(row.waiters, who.length);
        assert.ok(who.some((one) => one.tid === row.tid && one.cpu === row.cpu));
        assert.ok(row.waits_since <= row.ts);
        found++;
      }
    }
  }
  assert.ok(found > 300, `only ${found}`);
});

const worker = (tid: number) => ({ tid, comm: `w${tid}` });

Deno.test("a kernel thread of one CPU is no violation anywhere else", () => {
  const trace = (comm: string) =>
    new TraceWriter()
      .switch(0, 0, IDLE, 0, worker(1)).switch(0, 1, worker(2), 1, IDLE)
      .waking(1e6, 0, worker(1), { tid: 3, comm }, 0)
      .switch(5e6, 0, worker(1), 1, { tid: 3, comm })
      .switch(6e6, 0, { tid: 3, comm }, 1, IDLE).trace();
  assert.equal(workConservation(trace("kworker/0:1H")).length, 0);
  assert.equal(workConservation(trace("ksoftirqd/0")).length, 0);
  const row = workConservation(trace("kworker/u8:1")).row(0);
  assert.deepEqual([row.ts, row.dur, row.tid, row.cpu, row.idle_cpu, row.waits_since], [
    1e6,
    4e6,
    3,
    0,
    1,
    1e6,
  ]);
  assert.equal(workConservation(trace("kworker/u8:1"), { allowed: new Map([[3, [0]]]) }).length, 0);
  assert.equal(workConservation(trace("kworker/0:1"), { allowed: new Map([[3, [0, 1]]]) }).length, 1);
  assert.equal(workConservation(trace("x"), { threshold: 5e6 }).length, 0);
});

Deno.test("what a hole hides is unknown, not idle", () => {
  // CPU 1 goes idle at 10 and is next seen to switch from thread 5 at 40: nobody knows since when that ran.
  const trace = new TraceWriter()
    .switch(0, 0, IDLE, 0, worker(1)).switch(0, 1, IDLE, 0, worker(2))
    .waking(5, 0, worker(1), worker(3), 0)
    .switch(10, 1, worker(2), 1, IDLE)
    .switch(40, 1, worker(5), 1, worker(2))
    .switch(50, 0, worker(1), 1, worker(3))
    .switch(60, 1, worker(2), 1, IDLE)
    .switch(100, 0, worker(3), 1, IDLE).trace();
  const [zero, one] = [...load(trace).rows()];
  assert.deepEqual([zero!.busy, zero!.idle, zero!.unknown, zero!.censored], [100, 0, 0, 0]);
  assert.deepEqual([one!.busy, one!.idle, one!.unknown, one!.censored], [30, 40, 30, 1]);
  close(one!.coverage, 0.7, "coverage");
  close(one!.utilization, 3 / 7, "utilization");
  const idle = idleWhileOverloaded(trace).row(0);
  assert.deepEqual([idle.wall_time, idle.censored], [0, 1]);
  close(idle.coverage, 170 / 200, "coverage");
  const steps = [...runqueueDepth(trace).rows()].filter(({ cpu }) => cpu === 1);
  assert.deepEqual(steps.map(({ ts, running, censored }) => [ts, running, censored]), [
    [0, 1, 0],
    [10, 0, 1],
    [40, 1, 0],
    [60, 0, 0],
  ]);
});

Deno.test("records that were lost hide who ran, where the switches fit together all the same", () => {
  const trace = new TraceWriter()
    .switch(0, 0, IDLE, 0, worker(1)).waking(0, 0, worker(1), worker(2), 0)
    .switch(10, 0, worker(1), 1, IDLE).lost(35, 0, 7)
    .switch(40, 0, IDLE, 0, worker(1)).switch(50, 0, worker(1), 1, worker(2))
    .switch(60, 0, worker(2), 1, IDLE).trace();
  const [row] = [...load(trace).rows()];
  assert.deepEqual([row!.busy, row!.idle, row!.unknown], [30, 0, 30]);
});

Deno.test("interrupts that nest count once, and in the bins in which they are", () => {
  const trace = new TraceWriter()
    .switch(0, 0, IDLE, 0, worker(1)).waking(1, 0, worker(1), worker(2), 0)
    .event("irq:softirq_entry", 10, 0, { vec: 1 }).event("irq:irq_handler_entry", 12, 0, {
      irq: 1,
      name: "x",
    })
    .event("irq:irq_handler_exit", 15, 0, { irq: 1 }).event("irq:softirq_exit", 25, 0, { vec: 1 })
    .switch(100, 0, worker(1), 1, worker(2)).trace();
  assert.deepEqual([...load(trace).column("irq")], [15]);
  assert.deepEqual([...load(trace, { bin: 20 }).column("irq")], [10, 5, 0, 0, 0]);
});

Deno.test("what cannot be is named", () => {
  const trace = new TraceWriter().switch(0, 0, IDLE, 0, worker(1)).switch(1e9, 0, worker(1), 1, IDLE).trace();
  assert.throws(() => load(trace), /load needs sched:sched_waking/);
  const whole = new TraceWriter().switch(0, 0, IDLE, 0, worker(1)).waking(1, 0, worker(1), worker(2), 0)
    .switch(1e9, 0, worker(1), 1, IDLE).trace();
  assert.throws(() => load(whole, { bin: 0 }), /bin above 0 ns but found 0/);
  assert.throws(() => load(whole, { bin: 1 }), /at most ten million/);
  assert.throws(() => workConservation(whole, { threshold: -1 }), /threshold of at least 0 ns but found -1/);
  assert.throws(() => load(new TraceWriter().trace()), /sched_switch/);
});
