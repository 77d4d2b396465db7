import assert from "node:assert/strict";
import { runSuite, type SuiteProgress } from "../../../lib/bench/suite/run_suite.ts";
import type { SuiteCase } from "../../../lib/bench/suite/suite_case.ts";
import { isSuiteResult } from "../../../lib/bench/suite/is_suite_result.ts";
import { readSuiteResult, valuesOf, writeSuiteResult } from "../../../lib/bench/suite/suite_result.ts";

/** A case whose runs give what `value` says. */
function made(name: string, value: (run: number) => number, more: Partial<SuiteCase> = {}): SuiteCase {
  let run = 0;
  return {
    name,
    about: "made up",
    metrics: { us: { better: "lower", about: "made up" } },
    precise: "us",
    parameters: ({ duration, cpus }) => ({ duration, threads: cpus.length }),
    measure: () => Promise.resolve({ metrics: { us: value(run) }, raw: { threads: [run++, 1] } }),
    ...more,
  };
}

Deno.test("suite: each case until it is precise, in rounds that turn; what cannot run says so", async () => {
  const order: string[] = [];
  const progress: SuiteProgress[] = [];
  const named = (name: string, value: (run: number) => number) =>
    made(name, (run) => {
      order.push(name);
      return value(run);
    });
  const result = await runSuite([
    named("a", (run) => 100 + run % 2),
    named("b", (run) => 1 + run % 2),
    made("c", () => 1, { lacking: () => "kernel without CONFIG_SCHED_CORE" }),
    made("d", () => 1, { measure: () => Promise.reject(new Error("no CPU 9")) }),
    named("e", () => NaN),
  ], { minRuns: 4, maxRuns: 6, duration: 1e6, onProgress: (each) => progress.push(each) });
  assert.deepEqual(
    result.cases.map(({ name, verdict, why, runs }) => [name, verdict, why, runs.length]),
    [
      ["a", "ok", null, 4],
      ["b", "FRC", null, 6],
      ["c", "not here", "kernel without CONFIG_SCHED_CORE", 0],
      ["d", "failed", "no CPU 9", 0],
      ["e", "FRC", null, 6],
    ],
  );
  assert.ok(result.complete);
  assert.equal(order.join("").slice(0, 12), "abeebaabeeba");
  assert.deepEqual(result.cases[0]!.runs[3]!.raw, { threads: [3, 1] });
  assert.deepEqual(valuesOf(result.cases[4]!, "us"), []);
  assert.equal(progress[0]!.left, 16);
  assert.ok(progress.at(-1)!.left === 1 && progress.every(({ timeLeft }) => timeLeft >= 0));
});

Deno.test("suite: a signal keeps the runs that are done, the run in progress is dropped", async () => {
  const controller = new AbortController();
  let rounds = 0;
  const slow = made("slow", () => 1, {
    measure: async (_, signal) => {
      if (rounds === 2) controller.abort(new DOMException("interrupted", "AbortError"));
      await Promise.resolve();
      signal?.throwIfAborted();
      return { metrics: { us: 5 } };
    },
  });
  const result = await runSuite([made("quick", (run) => run), slow], {
    signal: controller.signal,
    onRound: () => {
      rounds++;
    },
  });
  assert.equal(result.complete, false);
  assert.deepEqual(result.cases.map(({ verdict, runs }) => [verdict, runs.length]), [["ended", 3], [
    "ended",
    2,
  ]]);
});

Deno.test("suite: a result file is whole, keeps every run, and another file is told apart", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const result = await runSuite([made("a", (run) => run ? 3 : NaN)], {
      minRuns: 3,
      maxRuns: 3,
      duration: 1e6,
    });
    const path = `${dir}/a.json`;
    await writeSuiteResult(path, result);
    assert.ok(await isSuiteResult(path));
    const read = await readSuiteResult(path);
    assert.deepEqual(valuesOf(read.cases[0]!, "us"), [3, 3]);
    assert.deepEqual(read.fingerprint, JSON.parse(JSON.stringify(result.fingerprint)));
    assert.deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name), ["a.json"]);

    const bad = `${dir}/bad.json`;
    for (
      const [text, why] of [
        ["{", /bad.json: no JSON/],
        ["[1]", /bad.json: no result/],
        [`{"schema":"schedscope-bench-result/9"}`, /bad.json: its form is "schedscope-bench-result\/9"/],
        [`{"schema":"schedscope-bench-result/1"}`, /fingerprint/],
        [`{"schema":"schedscope-bench-result/1","fingerprint":{}}`, /list of cases/],
        [`{"schema":"schedscope-bench-result/1","fingerprint":{},"cases":[{"name":"a"}]}`, /case 0/],
      ] as const
    ) {
      await Deno.writeTextFile(bad, text);
      await assert.rejects(
        readSuiteResult(bad),
        (error) => error instanceof RangeError && why.test(error.message),
      );
    }
    await Deno.writeTextFile(bad, "PERFILE2");
    assert.equal(await isSuiteResult(bad), false);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("suite: what makes no sense is told", async () => {
  const a = made("a", () => 1);
  await assert.rejects(runSuite([a, a]), RangeError);
  await assert.rejects(runSuite([a], { minRuns: 1 }), RangeError);
  await assert.rejects(runSuite([a], { minRuns: 5, maxRuns: 4 }), RangeError);
  await assert.rejects(runSuite([a], { duration: 0 }), RangeError);
});
