import assert from "node:assert/strict";
import type { SuiteResult } from "../../lib/bench/suite/suite_result.ts";
import { attempts } from "../attempts.ts";
import { type Ended, MAIN, schedscope } from "./schedscope.ts";

/** As short as runs can be: what they measure is no matter here. */
const SHORT = ["-d", "20ms", "--min-runs", "4", "--max-runs", "4"];
/** Runs of which something can be said. */
const LONGER = ["-d", "100ms", "--min-runs", "8", "--max-runs", "8"];

function started(dir: string, ...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, ...args],
    cwd: dir,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs the command with its files in `dir`. */
async function run(dir: string, ...args: string[]): Promise<Ended> {
  return await schedscope(args.map((arg) => /\.(json|xml)$/.test(arg) ? `${dir}/${arg}` : arg));
}

/** The result in `path` as it would be if a yield had taken `factor` times as long, on a machine that was `changed`. */
async function altered(
  path: string,
  to: string,
  factor: number,
  changed: Partial<SuiteResult["fingerprint"]> = {},
) {
  const result: SuiteResult = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(
    to,
    JSON.stringify({
      ...result,
      fingerprint: { ...result.fingerprint, ...changed },
      cases: result.cases.map((each) => ({
        ...each,
        runs: each.runs.map((run, at) => ({
          ...run,
          metrics: { ...run.metrics, us_per_round: factor * (1 + at / 100) },
        })),
      })),
    }),
  );
}

Deno.test("schedscope bench: saves every run, compares with a baseline, gates", async (t) => {
  const dir = await Deno.makeTempDir();
  const bench = (...args: string[]) => run(dir, "bench", ...args);
  try {
    await t.step("a table, and a file with every run", () =>
      attempts(3, async () => {
        const { code, out, err } = await bench(
          ...[
            "--only",
            "yield",
            "--only",
            "gaps-2x",
            "--only",
            "wake",
            "--only",
            "core-pairs",
            ...SHORT,
            "--save",
            "a.json",
          ],
        );
        assert.equal(code, 0, err);
        assert.match(out, /^case +metric +mean +95 % interval/);
        assert.match(out, /\nyield +us_per_round +\S+ .* 4 (ok|FRC)\n/);
        assert.match(err, /Every run is in .*a.json/);
        assert.match(err, /left/);
        const result: SuiteResult = JSON.parse(await Deno.readTextFile(`${dir}/a.json`));
        assert.deepEqual(result.cases.map(({ name }) => name), [
          "gaps-2x",
          "wake",
          "wake-loaded",
          "yield",
          "core-pairs",
        ]);
        const cpus = result.cases[0]!.parameters.cpus!.toString().split(",").length;
        for (const { name, runs, verdict, metrics } of result.cases) {
          if (verdict === "not here") continue;
          assert.equal(runs.length, 4, name);
          for (const { metrics: given, raw } of runs) {
            assert.deepEqual(Object.keys(given), Object.keys(metrics));
            for (const value of Object.values(given)) assert.ok(value === null || value >= 0, name);
            if (name === "gaps-2x") assert.equal(raw!.cpu_share!.length, 2 * cpus);
            if (typeof given.jain === "number") {
              assert.ok(given.jain > 0 && given.jain < 1.000001, `${name} ${given.jain}`);
            }
          }
        }
        assert.ok(result.fingerprint.kernel !== null);
      }));
    // A neighbour may take the CPU for longer than a run lasts, and nothing can be said then.
    await t.step(
      "worse than the baseline: 1 with a gate, and a failure in the JUnit report",
      () =>
        attempts(3, async () => {
          const yields = ["--only", "yield", ...LONGER];
          const base = await bench(...yields, "--save", "base.json");
          assert.equal(base.code, 0, base.err);
          await altered(`${dir}/base.json`, `${dir}/fast.json`, 1e-6);
          const args = [...yields, "--baseline", "fast.json", "--save", "b.json"];
          const { code, out, err } = await bench(...args, "--junit", "report.xml", "--json");
          const json = JSON.parse(out);
          assert.equal(json.comparison[0].metric, "us_per_round");
          assert.equal(json.comparison[0].verdict, "worse", out);
          assert.equal(code, 1, err);
          assert.equal(json.cases[0].runs.length, 8);
          assert.match(
            await Deno.readTextFile(`${dir}/report.xml`),
            /name="us_per_round">\s*<failure message="worse/,
          );
        }),
    );
    await t.step("better than the baseline: 0; worse without a gate, too", () =>
      attempts(3, async () => {
        await altered(`${dir}/base.json`, `${dir}/slow.json`, 1e6);
        const args = ["--only", "yield", ...LONGER, "--save", "b.json"];
        const { code, out, err } = await bench(...args, "--baseline", "slow.json", "--gate");
        assert.match(out, /\nyield +us_per_round +better /, err);
        // The shares may be anything; the gate goes by all metrics.
        assert.equal(code, / worse /.test(out) ? 1 : 0);
        const open = await bench(...args, "--baseline", "fast.json");
        assert.match(open.out, /\nyield +us_per_round +worse /, open.err);
        assert.equal(open.code, 0);
      }));
    await t.step("an unlike baseline is refused by the field, before anything is measured", async () => {
      await altered(`${dir}/a.json`, `${dir}/other.json`, 1, { hz: 77 });
      const { code, err } = await bench(
        "--only",
        "yield",
        ...SHORT,
        "--baseline",
        "other.json",
        "--save",
        "no.json",
      );
      assert.equal(code, 2);
      assert.match(err, /hz \(77 \| .*--experiment hz/);
      await assert.rejects(Deno.stat(`${dir}/no.json`));
      const other = await bench("--only", "yield", "-d", "30ms", "--baseline", "a.json", "--save", "no.json");
      assert.equal(other.code, 2);
      assert.match(other.err, /yield was run with other duration/);
    });
    await t.step("schedscope compare: two results; unlike ones only as an experiment", async () => {
      const compare = (...args: string[]) => run(dir, "compare", ...args);
      const same = await compare("a.json", "a.json");
      assert.equal(same.code, 0, same.err);
      assert.match(same.out, /yield +us_per_round +no difference can be claimed/);
      const refused = await compare("a.json", "other.json");
      assert.equal(refused.code, 2);
      assert.match(refused.err, /hz \(.* \| 77\)/);
      const tried = JSON.parse((await compare("a.json", "other.json", "--experiment", "hz", "--json")).out);
      assert.deepEqual(tried.experiment, ["hz"]);
      assert.ok(tried.rows.length >= 5);
      assert.equal((await compare("a.json", "other.json", "--experiment", "moon")).code, 2);
      const mixed = await compare("a.json", "report.xml");
      assert.equal(mixed.code, 2);
      assert.match(mixed.err, /a.json is a result of schedscope bench, and .*report.xml is none/);
    });
    await t.step("wrong usage is 2", async () => {
      for (
        const args of [
          ["--only", "moon"],
          ["--gate"],
          ["--experiment", "kernel"],
          ["--min-runs", "1"],
          ["--min-runs", "5", "--max-runs", "4"],
          ["--width", "2"],
          ["--duration", "1ms"],
          ["extra"],
        ]
      ) {
        const { code, err } = await bench(...args);
        assert.equal(code, 2, `${args}: ${err}`);
      }
      assert.match((await bench("--list")).out, /^gaps-1x .*\n(.*\n)*core-pairs /);
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("schedscope bench: Ctrl-C keeps the runs that are done", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const child = started(
      dir,
      "bench",
      "--only",
      "yield",
      "-d",
      "50ms",
      "--width",
      "1e-9",
      "--max-runs",
      "10000",
      "--save",
      "a.json",
    );
    const ended = child.output();
    const there = () => Deno.stat(`${dir}/a.json`).then(() => true, () => false);
    for (const until = performance.now() + 60_000; !await there() && performance.now() < until;) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    child.kill("SIGINT");
    const { code, stdout, stderr } = await ended;
    const text = new TextDecoder();
    assert.equal(code, 0, text.decode(stderr));
    assert.match(text.decode(stdout), /Interrupted/);
    const result: SuiteResult = JSON.parse(await Deno.readTextFile(`${dir}/a.json`));
    assert.equal(result.complete, false);
    assert.ok(result.cases[0]!.runs.length >= 1 && result.cases[0]!.verdict === "ended");
    assert.deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name), ["a.json"]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
