import assert from "node:assert/strict";
import { openTrace } from "../../lib/trace/open.ts";
import { recordWithPerf } from "../trace/perf_data/record_with_perf.ts";
import { MAIN, schedscope } from "./schedscope.ts";

const exported = (...args: string[]) => schedscope(["export", ...args]);

Deno.test("schedscope export writes each format, where it is told to, and all of it", async (t) => {
  const dir = await Deno.makeTempDir();
  const file = `${dir}/perf.data`;
  try {
    await recordWithPerf(file, ["perf", "bench", "sched", "messaging", "-g", "2", "-l", "100"]);
    const trace = await openTrace(file);
    const events = [...trace.counts.values()].reduce((sum, count) => sum + count, 0);
    const switches = trace.switches.length;
    assert.ok(switches > 20);

    for (const [format, name] of [["perfetto", "x.pftrace"], ["trace.dat", "x.dat"], ["ftrace", "x.txt"]]) {
      await t.step(`${format}: a file that openTrace reads`, async () => {
        const gaps = format === "perfetto" ? ["--gaps", "1us"] : [];
        const { code, err } = await exported(file, "--to", format!, "-o", `${dir}/${name}`, ...gaps);
        assert.equal(code, 0, err);
        const again = await openTrace(`${dir}/${name}`);
        for (const [event, count] of trace.counts) assert.equal(again.counts.get(event) ?? 0, count, event);
      });
    }

    await t.step("perfetto: the gaps are tracks", async () => {
      const bytes = await Deno.readFile(`${dir}/x.pftrace`);
      assert.match(new TextDecoder("latin1").decode(bytes), /(queued behind|preempted by) \S.*\[\d+\]/);
    });

    await t.step("ftrace and jsonl go to standard output", async () => {
      const text = await exported(file, "--to", "ftrace", "--ns");
      assert.equal(
        text.out.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length,
        events,
      );
      assert.match(text.out, / \d+\.\d{9}: sched_switch: /);
      const { out } = await exported(file, "--to", "jsonl", "--event", "sched:sched_switch");
      const lines = out.trimEnd().split("\n").map((line) => JSON.parse(line) as { event: string });
      assert.equal(lines.length, switches);
      assert.ok(lines.every(({ event }) => event === "sched:sched_switch"));
    });

    await t.step("tables: a directory, or one to standard output", async () => {
      const { code, err } = await exported(
        file,
        "--to",
        "parquet",
        "-o",
        `${dir}/set`,
        "--gaps",
        "1ms",
        "--run",
        "r/1",
      );
      assert.equal(code, 0, err);
      const tables = [...Deno.readDirSync(`${dir}/set`)].map(({ name }) => name).sort();
      assert.ok(
        ["switches", "wakeups", "gaps", "causes", "holes"].every((name) => tables.includes(name)),
        tables.join(),
      );
      const { out } = await exported(file, "--to", "csv", "--table", "switches");
      assert.equal(out.trimEnd().split("\n").length, switches + 1);
    });

    await t.step("a window", async () => {
      const { out } = await exported(file, "--to", "csv", "--table", "switches", "--window", "10ms,20ms");
      const stamps = out.trimEnd().split("\n").slice(1).map((line) => Number(line.split(",", 1)[0]));
      const expected = trace.switches.column("ts").filter((ts) => ts >= 10e6 && ts <= 20e6);
      assert.deepEqual(stamps, [...expected]);
    });

    await t.step("wrong use is told before anything is read", async () => {
      for (
        const [args, message] of [
          [[file], /Expected --to to be one of arrow, parquet, csv, ftrace/],
          [[file, "--to", "xml"], /found "xml"/],
          [[file, "--to", "perfetto"], /Expected -o/],
          [[file, "--to", "trace.dat", "-o", "-"], /cannot go to standard output/],
          [[file, "--to", "parquet", "-o", "-"], /cannot go to standard output/],
          [[file, "--to", "jsonl", "--table", "switches"], /--table is for/],
          [[file, "--to", "csv", "-o", `${dir}/y`, "--window", "1s"], /Expected --window to be FROM,TO/],
          [["--to", "csv"], /Expected one FILE/],
        ] as const
      ) {
        const { code, err } = await exported(...args);
        assert.equal(code, 2, err);
        assert.match(err, message);
      }
    });

    await t.step("what cannot be done fails with a sentence and leaves what was there", async () => {
      await Deno.writeTextFile(`${dir}/old`, "as it was");
      const missing = await exported(file, "--to", "csv", "--table", "nosuch", "-o", `${dir}/old`);
      assert.equal(missing.code, 1);
      assert.match(missing.err, /No table "nosuch"; there are: switches/);
      const full = await exported(file, "--to", "jsonl", "-o", "/dev/full");
      assert.equal(full.code, 1);
      assert.match(full.err, /\/dev\/full.*No space left/);
      const nowhere = await exported(file, "--to", "perfetto", "-o", `${dir}/none/x`);
      assert.equal(nowhere.code, 1);
      assert.match(nowhere.err, /No such file or directory/);
      assert.equal(await Deno.readTextFile(`${dir}/old`), "as it was");
    });

    await t.step("a reader that goes away ends it", async () => {
      const shell = `${Deno.execPath()} run -A ${MAIN} export ${file} --to jsonl | head -n 1`;
      const { stdout, stderr } = await new Deno.Command("bash", { args: ["-c", shell] }).output();
      assert.equal(new TextDecoder().decode(stdout).split("\n").length, 2);
      assert.doesNotMatch(new TextDecoder().decode(stderr), /at .*\.ts:/);
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
