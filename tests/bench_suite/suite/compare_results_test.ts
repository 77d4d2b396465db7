import assert from "node:assert/strict";
import { compareResults, requireLike, UnlikeResultsError } from "../../../lib/bench/suite/compare_results.ts";
import { fingerprintDifferences } from "../../../lib/bench/suite/fingerprint_differences.ts";
import { junitReport } from "../../../lib/bench/suite/junit_report.ts";
import { normalNoise } from "../statistics/normal_noise.ts";
import { MACHINE, madeResult } from "./made_results.ts";

const draw = normalNoise(5);
const around = (mean: number, deviation: number, runs = 12) =>
  Array.from({ length: runs }, () => draw(mean, deviation));

Deno.test("results: better, worse, and no difference that can be claimed", () => {
  const before = madeResult({
    gap: { p99_gap: around(20e6, 1e6), jain: around(0.99, 0.001) },
    wake: { p50_wait: around(5e3, 200) },
  });
  const after = madeResult({
    gap: { p99_gap: around(15e6, 1e6), jain: around(0.9, 0.001) },
    wake: { p50_wait: around(5e3, 200) },
  });
  const rows = [...compareResults(before, after).rows()];
  assert.deepEqual(rows.map(({ case: name, metric, verdict }) => [name, metric, verdict]), [
    ["gap", "p99_gap", "better"],
    ["gap", "jain", "worse"],
    ["wake", "p50_wait", "no difference can be claimed"],
  ]);
  assert.ok(rows[0]!.low < -5e6 && -5e6 < rows[0]!.high && rows[0]!.high < 0 && rows[0]!.noise > 0);
  assert.deepEqual([rows[0]!.n_a, rows[0]!.n_b, rows[0]!.cliffs_delta], [12, 12, -1]);
  const back = [...compareResults(after, before).rows()].map(({ verdict }) => verdict);
  assert.deepEqual(back, ["worse", "better", "no difference can be claimed"]);
});

Deno.test("results: of 200 pairs of like ones at most one in twenty has any metric that is said to differ", () => {
  let said = 0;
  for (let trial = 0; trial < 200; trial++) {
    const made = () =>
      madeResult({
        gap: {
          p99_gap: around(20e6, 2e6, 10),
          worst_gap: around(0, 0.3, 10).map(Math.exp),
          jain: around(0.98, 0.01, 10),
        },
        wake: { p50_wait: around(5e3, 300, 10), p99_wait: around(9, 0.6, 10).map(Math.exp) },
        reflex: { us: around(3, 0.05, 10) },
      });
    const verdicts = [...compareResults(made(), made(), { seed: trial }).rows()].map(({ verdict }) =>
      verdict
    );
    said += Number(verdicts.some((verdict) => verdict === "better" || verdict === "worse"));
  }
  assert.ok(said <= 10, `${said} of 200`);
});

Deno.test("results: several of each side count as one value each, and runs without a value not at all", () => {
  const boots = (mean: number) =>
    Array.from(
      { length: 5 },
      () => madeResult({ gap: { p99_gap: around(mean + draw(0, 1), 0.01), worst_gap: [NaN, 1] } }),
    );
  const rows = [...compareResults(boots(100), boots(100)).rows()];
  assert.deepEqual([rows[0]!.n_a, rows[0]!.n_b], [5, 5]);
  assert.equal(rows[0]!.verdict, "no difference can be claimed");
  assert.equal(rows[1]!.a, 1);
  assert.equal(compareResults(boots(100).slice(0, 3), boots(100)).row(0).verdict, "too few runs");
  assert.throws(() => compareResults(boots(1), boots(1)[0]!), RangeError);
});

Deno.test("results: every field of the fingerprint that is flipped is refused by its name, unless it is what is tried", () => {
  const result = madeResult({ gap: { p99_gap: [1, 2, 3, 4] } });
  for (const field of Object.keys(MACHINE)) {
    const other = madeResult({ gap: { p99_gap: [1, 2, 3, 4] } }, { [field]: "flipped" });
    assert.throws(
      () => compareResults(result, other),
      (error) =>
        error instanceof UnlikeResultsError && error.message.includes(`${field} (`) &&
        error.differences.map((each) => each.field).join() === field,
      field,
    );
    assert.throws(
      () =>
        compareResults(
          result,
          madeResult({ gap: { p99_gap: [1] } }, { [field]: field === "tsc_method" ? "other" : null }),
        ),
      /differ/,
    );
    requireLike(result, other, [field]);
  }
  const patched = madeResult({ gap: { p99_gap: [1] } }, {
    kernel: "6.19.0-mine",
    kernel_version: "Linux version 6.19.0-mine #2",
    cmdline: "BOOT_IMAGE=/vmlinuz-6.19.0-mine ro quiet",
  });
  requireLike(result, patched, ["kernel"]);
  assert.throws(() => requireLike(result, patched), /kernel .*kernel_version .*cmdline/);
  assert.throws(() => requireLike(result, patched, ["kernal"]), /fingerprint .*kernel.* found "kernal"/);
  const slower = madeResult({ gap: { p99_gap: [1] } }, {
    cmdline: "BOOT_IMAGE=/vmlinuz-6.19.0 ro quiet nohz_full=1",
  });
  assert.throws(
    () => requireLike(result, slower, ["kernel"]),
    /cmdline \(ro quiet \| ro quiet nohz_full=1\)/,
  );
});

Deno.test("results: of lists only what differs is named; other parameters are refused", () => {
  const difference = fingerprintDifferences(MACHINE, {
    ...MACHINE,
    sched_features: ["PLACE_LAG", "NEXT_BUDDY"],
    mitigations: { meltdown: "Mitigation: PTI" },
  });
  assert.deepEqual(difference, [
    { field: "sched_features", a: "RUN_TO_PARITY", b: "NEXT_BUDDY" },
    { field: "mitigations", a: "meltdown: Not affected", b: "meltdown: Mitigation: PTI" },
  ]);
  const long = madeResult({ gap: { p99_gap: [1, 2, 3, 4] } });
  const short = {
    ...long,
    cases: long.cases.map((each) => ({ ...each, parameters: { threads: 8, duration: 4e8 } })),
  };
  assert.throws(
    () => compareResults(long, short),
    /gap was run with other duration \(1000000000 \| 400000000\)/,
  );
});

Deno.test("results: the JUnit report fails what is worse, and nothing else", () => {
  const before = madeResult({ gap: { p99_gap: around(20, 1) }, wake: { p50_wait: around(5e3, 200) } });
  const made = madeResult({ gap: { p99_gap: around(40, 1) }, wake: { p50_wait: around(5e3, 200) } });
  const after = {
    ...made,
    cases: [
      ...made.cases,
      {
        ...made.cases[0]!,
        name: "core",
        verdict: "not here",
        why: "kernel without <CONFIG_SCHED_CORE> & \x1b",
        runs: [],
      },
      { ...made.cases[0]!, name: "broken", verdict: "failed", why: "no CPU 9" },
    ] as typeof made.cases,
  };
  const xml = junitReport(after, compareResults(before, after));
  assert.match(xml, /<testsuite [^>]*tests="4" failures="1" errors="1" skipped="1" time="100.250"/);
  assert.match(xml, /classname="schedscope.bench.gap" name="p99_gap">\s*<failure message="worse: /);
  assert.match(xml, /<skipped message="kernel without &lt;CONFIG_SCHED_CORE&gt; &amp; ␛"\/>/);
  assert.match(xml, /<error message="no CPU 9"\/>/);
  assert.match(junitReport(after), /tests="4" failures="0"/);
});
