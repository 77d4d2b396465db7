import assert from "node:assert/strict";
import type { FairnessOptions } from "../../../lib/sched/fairness/fairness_options.ts";
import { fairness } from "../../../lib/sched/fairness/fairness.ts";
import { jain, jainIndex } from "../../../lib/sched/fairness/jain.ts";
import { lag } from "../../../lib/sched/fairness/lag.ts";
import { serviceWindows } from "../../../lib/sched/fairness/service_windows.ts";
import { smpNiceError } from "../../../lib/sched/fairness/smp_nice.ts";
import { niceWeight } from "../../../lib/sched/nice_weight.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { pick, type Random, randomFrom } from "../../seeded.ts";
import { randomSchedule } from "../random_schedule.ts";
import { trueMoments } from "../true_moments.ts";
import { trueCurves, type TruePoint, valueAt } from "./true_fairness.ts";

interface Case {
  trace: Trace;
  curves: Map<string, TruePoint[]>;
  options: FairnessOptions;
  random: Random;
  what: string;
}

/** Made-up schedules with random weights, by thread and in groups, on all CPUs and on some, and where groups share the CPUs first. */
function* cases(): Generator<Case> {
  for (let seed = 1; seed <= 24; seed++) {
    const random = randomFrom(seed);
    const count = 1 + random(4);
    const schedule = randomSchedule(random, count, 2 + random(8), 400);
    if (schedule.settled < 0) continue;
    const trace = schedule.trace.window({ from: schedule.settled, lead: Infinity });
    const moments = trueMoments(schedule, trace.span.from, trace.span.to);
    const weights = new Map(
      schedule.tids.map((tid) => [tid, niceWeight(pick(random, [-20, -5, 0, 0, 5, 19]))]),
    );
    const all = Array.from({ length: count }, (_, cpu) => cpu);
    const share = (tid: number) => tid % 4 === 0 ? undefined : `s${tid % 4}`;
    const shareWeights = new Map([["s1", 10], ["s2", 1024 + random(5000)]]);
    for (const [grouped, shared] of [[false, false], [true, false], [false, true], [true, true]] as const) {
      const group = (tid: number) => tid % 5 === 4 ? undefined : `g${tid % 3}`;
      const some = all.filter(() => random(3) > 0);
      const cpus = some.length > 0 && random(2) === 0 ? some : all;
      const name = grouped ? group : (tid: number) => `t${(tid - 100) % 3} [${tid}]`;
      yield {
        trace,
        curves: trueCurves(moments, {
          weight: (tid) => weights.get(tid)!,
          entity: name,
          cpus,
          ...(shared ? { share, shareWeight: (name) => shareWeights.get(name) ?? 1024 } : {}),
        }),
        options: {
          by: grouped ? group : "thread",
          weights,
          cpus,
          ...(shared ? { shares: { by: share, weights: shareWeights } } : {}),
        },
        random,
        what: `seed ${seed}, ${grouped ? "groups" : "threads"} on CPUs ${cpus}${shared ? ", shared" : ""}`,
      };
    }
  }
}

const close = (x: number, y: number, what: string) =>
  assert.ok(Math.abs(x - y) < 1e-6, `${what}: ${x}, not ${y}`);
const lagOf = ({ entitled, service }: TruePoint) => entitled - service;

Deno.test("fairness() is what solving every moment anew finds: service, entitlement, extremes of lag, the worst window", () => {
  let rows = 0;
  for (const { trace, curves, options, what } of cases()) {
    const found = new Map([...fairness(trace, options).rows()].map((row) => [row.name, row]));
    for (const [name, points] of curves) {
      const end = points.at(-1)!;
      const row = found.get(name);
      if (row === undefined) {
        assert.equal(end.demand, 0, `${what}: ${name}`);
        continue;
      }
      rows++;
      for (const figure of ["service", "entitled", "demand"] as const) {
        close(row[figure], end[figure], `${what}: ${figure} of ${name}`);
      }
      close(row.lag, lagOf(end), what);
      close(row.error, (end.service - end.entitled) / end.entitled, what);
      const lags = points.map(lagOf);
      close(row.max_lag, Math.max(0, ...lags), `${what}: most of ${name}`);
      close(row.min_lag, Math.min(0, ...lags), `${what}: least of ${name}`);
      let [worst, low] = [0, Infinity];
      for (const one of lags) {
        low = Math.min(low, one);
        worst = Math.max(worst, one - low);
      }
      close(row.worst, worst, `${what}: worst window of ${name}`);
      if (worst > 1e-6) {
        const at = (ts: number) => valueAt(points, ts, "entitled") - valueAt(points, ts, "service");
        close(at(row.worst_to) - at(row.worst_from), worst, `${what}: where it is`);
      }
      close(
        valueAt(points, row.max_lag_ts, "entitled") - valueAt(points, row.max_lag_ts, "service"),
        row.max_lag,
        what,
      );
      close(
        valueAt(points, row.min_lag_ts, "entitled") - valueAt(points, row.min_lag_ts, "service"),
        row.min_lag,
        what,
      );
      assert.deepEqual([row.coverage, row.unknown, row.censored], [1, 0, 0]);
    }
    assert.equal(found.size, [...curves.values()].filter((points) => points.at(-1)!.demand > 0).length);
    const errors = [...found.values()].map(({ error }) => Math.abs(error));
    if (errors.length > 0) {
      close(smpNiceError(fairness(trace, options), { least: 0 }).error, Math.max(...errors), what);
    }
  }
  assert.ok(rows > 100, `only ${rows}`);
});

Deno.test("lag() has lag, service and entitlement at the end of each bin", () => {
  for (const { trace, curves, options, random, what } of cases()) {
    const bin = 20 + random(200);
    const rows = [...lag(trace, { ...options, bin, limit: 100 }).rows()];
    const bins = Math.ceil((trace.span.to - trace.span.from) / bin);
    assert.equal(rows.length % bins, 0);
    rows.forEach((row, i) => {
      const points = curves.get(row.name)!;
      const from = trace.span.from + (i % bins) * bin;
      assert.equal(row.ts, Math.min(trace.span.to, from + bin));
      for (const figure of ["service", "entitled"] as const) {
        close(
          row[figure],
          valueAt(points, row.ts, figure) - valueAt(points, from, figure),
          `${what} ${figure}`,
        );
      }
      close(row.lag, valueAt(points, row.ts, "entitled") - valueAt(points, row.ts, "service"), `${what} lag`);
      assert.equal(row.censored, 0);
    });
    const few = lag(trace, { ...options, bin, limit: 1 });
    assert.ok(few.length <= bins);
  }
});

Deno.test("jain() is the index of the quotients in each window", () => {
  let counted = 0;
  for (const { trace, curves, options, random, what } of cases()) {
    const shortest = 100 + random(100);
    const windows = [shortest, 2 * shortest, 5 * shortest];
    const least = random(2) * 0.2;
    const rows = [...jain(trace, { ...options, windows, least }).rows()];
    assert.deepEqual(rows.map(({ window }) => window), windows);
    for (const row of rows) {
      const indexes: { index: number; ts: number; error: number }[] = [];
      for (let from = trace.span.from; from + row.window <= trace.span.to; from += row.window) {
        const to = from + row.window;
        const over = (points: TruePoint[], of: "service" | "entitled" | "demand") =>
          valueAt(points, to, of) - valueAt(points, from, of);
        const x = [...curves.values()]
          .filter((points) =>
            over(points, "entitled") > 1e-9 && over(points, "demand") >= least * row.window - 1e-9
          )
          .map((points) => over(points, "service") / over(points, "entitled"));
        if (x.length < 2 || x.every((each) => each === 0)) continue;
        const sum = x.reduce((a, b) => a + b);
        const error = Math.max(...x.map((each) => Math.abs(each - 1)));
        indexes.push({ index: sum ** 2 / (x.length * x.reduce((a, b) => a + b * b, 0)), ts: from, error });
      }
      assert.equal(row.windows, indexes.length, `${what}, windows of ${row.window}`);
      if (indexes.length === 0) {
        assert.ok(Number.isNaN(row.jain) && Number.isNaN(row.jain_p10) && Number.isNaN(row.smp_nice));
        continue;
      }
      counted++;
      const mean = (of: (one: typeof indexes[number]) => number) =>
        indexes.reduce((sum, one) => sum + of(one), 0) / indexes.length;
      close(row.jain, mean(({ index }) => index), what);
      close(row.smp_nice, mean(({ error }) => error), what);
      const least10 = indexes.map(({ index }) => index).sort((a, b) => a - b);
      close(row.jain_min, least10[0]!, what);
      close(row.jain_p10, least10[Math.ceil(least10.length / 10) - 1]!, what);
      close(indexes.find(({ ts }) => ts === row.min_ts)!.index, row.jain_min, what);
      assert.deepEqual([row.coverage, row.censored], [1, 0]);
    }
  }
  assert.ok(counted > 50);
});

Deno.test("serviceWindows() finds the worst window of each length", () => {
  for (const { trace, curves, options, random, what } of cases()) {
    const step = 20 + random(50);
    const windows = [3 * step, 10 * step].filter((window) => window <= trace.span.to - trace.span.from);
    for (const row of serviceWindows(trace, { ...options, windows, step, limit: 100 }).rows()) {
      const points = curves.get(row.name)!;
      let worst = 0;
      for (let from = trace.span.from; from + row.window <= trace.span.to + step; from += step) {
        const to = Math.min(trace.span.to, from + row.window);
        // The last window that fits ends with the last bin, which may be a short one.
        if (
          Math.ceil((trace.span.to - trace.span.from) / step) * step < from + row.window - trace.span.from
        ) break;
        const over = (of: "service" | "entitled") => valueAt(points, to, of) - valueAt(points, from, of);
        worst = Math.max(worst, over("entitled") - over("service"));
      }
      close(row.shortfall, worst, `${what}, ${row.window} of ${row.name}`);
      if (row.shortfall > 0) close(row.entitled - row.service, row.shortfall, what);
      else assert.ok(Number.isNaN(row.ts));
    }
  }
});

Deno.test("Jain's index in closed form", () => {
  close(jainIndex([3, 3, 3, 3]), 1, "all equal");
  close(jainIndex([1, 0, 0, 0, 0]), 1 / 5, "one has all");
  close(jainIndex([1, 1, 1, 0, 0]), 3 / 5, "k of n have all, equally");
  close(jainIndex([1, 2]), 9 / 10, "(1+2)^2 / (2 * 5)");
  close(jainIndex([10, 20]), jainIndex([1, 2]), "the unit does not matter");
  assert.ok(Number.isNaN(jainIndex([])) && Number.isNaN(jainIndex([0, 0])));
});
