import assert from "node:assert/strict";
import { mergeHostGuest } from "../../../lib/vm/merge/merge_host_guest.ts";
import { GUEST_WAIT_PARTS } from "../../../lib/vm/merge/merged_parts.ts";
import { MissingEventError } from "../../../lib/trace/errors.ts";
import { randomFrom } from "../../seeded.ts";
import { type RandomSchedule, randomSchedule } from "../../sched/random_schedule.ts";
import { scheduleAtRandom } from "../../sched/scheduled_truth.ts";
import { IDLE, TraceWriter } from "../../trace/make_trace.ts";
import { bruteForce, onClock } from "./brute_force.ts";

const WAITING = GUEST_WAIT_PARTS.filter((part) =>
  part.startsWith("vcpu_") && part !== "vcpu_halted" && part !== "vcpu_blocked"
);

/** Sum of `names` in `row`. */
function sum(row: Record<string, unknown>, names: readonly string[]): number {
  return names.reduce((all, name) => all + (row[name] as number), 0);
}

/** Two schedules that know nothing of one another: each moment of the one lies over some moment of the other. */
function pair(seed: number): { host: RandomSchedule; guest: RandomSchedule } {
  const random = randomFrom(seed);
  return {
    host: randomSchedule(random, 2 + random(2), 5 + random(3), 600),
    guest: randomSchedule(random, 2, 4 + random(3), 500),
  };
}

for (const rate of [1, 0.999, 0.9]) {
  Deno.test(`a guest's waits are split to the nanosecond, as a model finds them that looks at each ns (rate ${rate})`, () => {
    let compared = 0;
    for (let seed = 1; seed <= 25; seed++) {
      const { host, guest } = pair(seed * 7 + Math.round(rate * 1000));
      const shift = randomFrom(seed)(400) - 200;
      // A clock that is quicker than the host's has a stamp of its own for each ns of the host.
      const { trace, clock } = onClock(guest.trace, { rate, shift });
      const vcpus = [{ index: 0, tid: 100 }, { index: 1, tid: 101 }];
      // Half of them through a window in which everything is known of everybody.
      const settled = Math.max(host.settled, guest.settled + shift);
      const window = seed % 2 === 0;
      const merged = mergeHostGuest({
        host: window ? host.trace.window({ from: settled, lead: Infinity }) : host.trace,
        guest: trace,
        clock,
        vcpus,
      });
      const truth = bruteForce(host, guest, shift, vcpus, merged.span);
      const { threads, vcpus: times } = merged;
      for (let row = 0; row < threads.length; row++) {
        const { tid, wall } = threads.row(row);
        const known = truth.threads.get(tid)!;
        assert.equal(
          sum(threads.row(row), [
            "run",
            "stolen",
            "paused",
            ...GUEST_WAIT_PARTS,
            "asleep",
            "blocked",
            "stopped",
          ]),
          wall,
        );
        const found = {
          run: threads.column("run")[row]!,
          stolen: threads.column("stolen")[row]!,
          paused: threads.column("paused")[row]!,
          queued: threads.column("guest_queued")[row]!,
          kept: sum(threads.row(row), WAITING),
          halted: threads.column("vcpu_halted")[row]!,
          vcpuBlocked: threads.column("vcpu_blocked")[row]!,
        };
        // The traces tell nothing of the time before everybody was seen: what is known must not be more than what was.
        if (window) assert.deepEqual(found, known);
        else {for (const key of Object.keys(found) as (keyof typeof found)[]) {
            assert.ok(found[key] <= known[key], key);
          }}
        compared++;
      }
      for (let row = 0; row < times.length; row++) {
        assert.equal(
          sum(times.row(row), ["run", ...GUEST_WAIT_PARTS.filter((part) => part !== "guest_queued")]),
          times.column("wall")[row]!,
        );
      }
      const { waits } = merged;
      for (let row = 0; row < waits.length; row++) {
        assert.equal(sum(waits.row(row), GUEST_WAIT_PARTS), waits.column("dur")[row]!);
        const { ts, dur, tid, culprit_tid } = waits.row(row);
        const by = truth.blame(tid, ts, ts + dur);
        const known = Math.max(0, ...by.values());
        if (culprit_tid >= 0) assert.equal(by.get(culprit_tid), known, "the culprit took most");
        else assert.ok(known === 0 || waits.column("unknown")[row]! > 0);
      }
      assert.equal(waits.length, merged.total);
    }
    assert.ok(compared > 80);
  });
}

Deno.test("a vCPU's time by the host's causes is what the scheduler that made the trace knows", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const truth = scheduleAtRandom(seed, 800);
    const host = truth.trace;
    const worker = { tid: 7, comm: "worker" };
    const guest = new TraceWriter().switch(0, 0, IDLE, 0, worker).waking(1, 0, worker, worker, 0)
      .switch(host.span.to, 0, worker, 1, IDLE).trace();
    const vcpus = [{ index: 0, tid: 10 }, { index: 1, tid: 13 }];
    const { vcpus: times, culprits, span } = mergeHostGuest({
      host,
      guest,
      clock: { guest: 0n, host: host.epoch, rate: 1, sd: 0, max: 0 },
      vcpus,
    });
    assert.deepEqual(span, host.span);
    for (let row = 0; row < times.length; row++) {
      const found = times.row(row);
      const known = truth.time.get(found.tid)!;
      const of = (what: string) => known.get(what) ?? 0;
      assert.deepEqual({
        run: found.run,
        preempted: found.vcpu_preempted,
        queued: found.vcpu_queued,
        throttled: found.vcpu_throttled,
        migrated: found.vcpu_migrated,
        waking: found.vcpu_waking,
        asleep: found.vcpu_halted + found.vcpu_blocked,
      }, {
        run: of("run"),
        preempted: of("preempted"),
        queued: of("queued"),
        throttled: of("throttled"),
        migrated: of("migrated"),
        waking: of("waking"),
        asleep: of("slept") + of("blocked"),
      });
      assert.equal(found.coverage, 1);
    }
    const blamed = culprits.column("vcpu_wait").reduce((all, ns) => all + ns, 0);
    const behind = [...times.rows()].reduce((all, row) => all + row.vcpu_preempted + row.vcpu_queued, 0);
    assert.ok(blamed >= behind, "somebody is named for every ns that a vCPU waited behind somebody");
  }
});

Deno.test("a fit that is off by no more than it says puts each part off by no more than the row says", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { host, guest } = pair(seed);
    const vcpus = [{ index: 0, tid: 100 }, { index: 1, tid: 101 }];
    const max = 40;
    const { trace, clock } = onClock(guest.trace, { rate: 1, shift: 0, max });
    const truth = mergeHostGuest({ host: host.trace, guest: trace, clock, vcpus });
    const off = BigInt(randomFrom(seed)(2 * max + 1) - max);
    const found = mergeHostGuest({
      host: host.trace,
      guest: trace,
      clock: { ...clock, host: clock.host + off },
      vcpus,
    });
    const known = new Map(
      Array.from(truth.waits.rows(), (row) => [`${row.tid} ${row.ts}`, row]),
    );
    let compared = 0;
    for (const row of found.waits.rows()) {
      const same = known.get(`${row.tid} ${row.ts - Number(off)}`);
      if (same === undefined || same.dur !== row.dur) continue; // the edge of the span cuts one of them
      compared++;
      for (const part of GUEST_WAIT_PARTS) {
        assert.ok(
          Math.abs(row[part] - same[part]) <= row.error,
          `${part} ${row[part]} ${same[part]} ${row.error}`,
        );
      }
    }
    assert.ok(compared > 10);
  }
});

Deno.test("the vCPU of another guest is a culprit by its name; each guest is merged by itself", () => {
  const names = ["CPU 0/KVM", "CPU 0/KVM", "hog"];
  const [a, b, hog] = names.map((comm, i) => ({ tid: 100 + i, comm }));
  const host = new TraceWriter()
    .switch(0, 0, IDLE, 0, IDLE)
    .waking(10, 0, IDLE, a!, 0).switch(10, 0, IDLE, 0, a!)
    .waking(100, 0, a!, b!, 0)
    .switch(200, 0, a!, 0x100, b!) // b runs, a is preempted
    .waking(250, 0, b!, hog!, 0)
    .switch(300, 0, b!, 0, hog!) // the hog, both wait
    .switch(700, 0, hog!, 1, a!)
    .switch(900, 0, a!, 1, b!)
    .switch(1000, 0, b!, 1, IDLE)
    .trace();
  const worker = { tid: 7, comm: "<b>worker" };
  const other = { tid: 8, comm: "other" };
  const guest = () =>
    new TraceWriter()
      .switch(0, 0, IDLE, 0, other)
      .waking(150, 0, other, worker, 0)
      .switch(800, 0, other, 1, worker)
      .switch(950, 0, worker, 1, IDLE)
      .trace();
  const clock = { guest: 0n, host: 0n, rate: 1, sd: 0, max: 0 };
  const first = mergeHostGuest({ host, guest: guest(), clock, vcpus: [{ index: 0, tid: 100 }] });
  const wait = first.waits.row(0);
  assert.deepEqual(
    [wait.tid, wait.ts, wait.dur, wait.guest_queued, wait.vcpu_preempted, wait.vcpu_queued],
    [7, 150, 650, 50 + 100, 100, 400],
  );
  assert.deepEqual([wait.cause, wait.culprit, wait.culprit_tid, wait.culprit_cpu], [
    "vcpu_queued",
    "hog",
    102,
    0,
  ]);
  assert.deepEqual([wait.guest_cause, wait.guest_culprit], ["queued", "other"]);
  assert.equal(wait.censored, 0);
  const kept = Array.from(first.culprits.rows());
  assert.deepEqual(
    kept.map((
      { culprit, culprit_tid, vcpu_wait, guest_wait },
    ) => [culprit, culprit_tid, vcpu_wait, guest_wait]),
    [["hog", 102, 400, 400], ["CPU 0/KVM", 101, 100, 100]],
  );
  const running = Array.from(first.threads.rows()).find((row) => row.tid === 8)!;
  assert.deepEqual([running.run, running.stolen], [190 + 100, 500]);
  const second = mergeHostGuest({ host, guest: guest(), clock, vcpus: [{ index: 0, tid: 101 }] });
  const { vcpu_halted, vcpu_blocked, vcpu_queued, guest_queued, unknown } = second.waits.row(0);
  // b is woken at 100, waits for a until 200, runs until 300, and waits for the hog and a.
  assert.deepEqual([vcpu_halted, vcpu_blocked, guest_queued, unknown], [0, 0, 100, 0]);
  assert.equal(vcpu_queued + second.waits.row(0).vcpu_preempted, 50 + 500);
});

Deno.test("holes of either trace are unknown and censor; a vCPU without a thread is offline or unknown", () => {
  const a = { tid: 100, comm: "CPU 0/TCG" };
  const x = { tid: 101, comm: "x" };
  const host = new TraceWriter()
    .switch(0, 0, IDLE, 0, a)
    .switch(100, 0, a, 1, IDLE)
    // how a came to run and left again is missing
    .switch(300, 0, a, 1, x)
    .waking(400, 0, x, a, 0)
    .switch(500, 0, x, 1, a)
    .switch(900, 0, a, 0x10, IDLE) // ends
    .switch(1000, 0, IDLE, 0, IDLE)
    .trace();
  const w = { tid: 7, comm: "w" };
  const v = { tid: 8, comm: "v" };
  const guest = new TraceWriter()
    .switch(0, 0, IDLE, 0, v)
    .switch(0, 1, IDLE, 0, v)
    .waking(50, 0, v, w, 0)
    .switch(600, 0, v, 1, w)
    .switch(700, 0, w, 0, IDLE)
    .switch(1000, 0, IDLE, 0, w)
    .trace();
  const clock = { guest: 0n, host: 0n, rate: 1, sd: 1, max: 2 };
  const merged = mergeHostGuest({ host, guest, clock, vcpus: [{ index: 0, tid: 100 }] });
  const [first, second] = Array.from(merged.waits.rows());
  assert.equal(first!.dur, 550);
  assert.ok(first!.unknown > 0 && first!.censored === 1);
  assert.equal(sum(first!, GUEST_WAIT_PARTS), 550);
  assert.deepEqual([second!.vcpu_offline, second!.dur, second!.cause], [100, 300, "guest_queued"]);
  // A guest CPU that no vCPU is given for.
  const none = mergeHostGuest({ host, guest, clock, vcpus: [{ index: 1, tid: 100 }] });
  assert.equal(none.waits.row(0).unknown, 550);
  const { level, state, ts, dur } = Object.fromEntries(
    ["level", "state", "ts", "dur"].map((name) => [name, merged.states().column(name as "ts")]),
  ) as unknown as {
    level: { at(i: number): string };
    state: { at(i: number): string };
    ts: number[];
    dur: number[];
  };
  let until = 0;
  for (let row = 0; level.at(row) === "vcpu"; row++) {
    assert.equal(ts[row], until, "the vCPU's rows follow one another");
    until += dur[row]!;
    assert.ok(state.at(row) !== "");
  }
  assert.equal(until, 1000);
});

Deno.test("what cannot be merged is said", () => {
  const { host, guest } = pair(3);
  const { trace, clock } = onClock(guest.trace, { rate: 1, shift: 0 });
  const vcpus = [{ index: 0, tid: 100 }, { index: 1, tid: 101 }];
  const merge = (more: object) => () =>
    mergeHostGuest({ host: host.trace, guest: trace, clock, vcpus, ...more });
  assert.throws(merge({ vcpus: [...vcpus, { index: 1, tid: 102 }] }), /vCPU 1 is there twice/);
  assert.throws(merge({ vcpus: [{ index: 0, tid: 100 }, { index: 1, tid: 100 }] }), /same thread \(100\)/);
  assert.throws(merge({ clock: { ...clock, host: clock.host + 10n ** 12n } }), /no time in common/);
  assert.throws(merge({ clock: { ...clock, rate: NaN } }), /rate of NaN/);
  assert.throws(merge({ clock: { tsc: clock } }), /clock mono, of which there is no fit/);
  assert.throws(merge({ guest: new TraceWriter().trace() }), MissingEventError);
});

Deno.test("a limit keeps the longest waits, a threshold those of its length; the sums are of all", () => {
  const { host, guest } = pair(11);
  const { trace, clock } = onClock(guest.trace, { rate: 1, shift: 0 });
  const vcpus = [{ index: 0, tid: 100 }, { index: 1, tid: 101 }];
  const all = mergeHostGuest({ host: host.trace, guest: trace, clock, vcpus });
  const lengths = Array.from(all.waits.column("dur")).sort((x, y) => y - x);
  for (const limit of [0, 1, 5, 17, lengths.length, 1000]) {
    const few = mergeHostGuest({ host: host.trace, guest: trace, clock, vcpus, limit });
    assert.deepEqual(Array.from(few.waits.column("dur")).sort((x, y) => y - x), lengths.slice(0, limit));
    assert.equal(few.total, lengths.length);
    assert.deepEqual(few.causes.toJSON(), all.causes.toJSON());
    assert.ok(few.waits.column("ts").every((ts, i, of) => i === 0 || of[i - 1]! <= ts));
  }
  const threshold = lengths[10]!;
  const long = mergeHostGuest({ host: host.trace, guest: trace, clock, vcpus, threshold });
  assert.equal(long.total, lengths.filter((dur) => dur >= threshold).length);
});
