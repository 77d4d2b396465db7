import assert from "node:assert/strict";
import { openTrace } from "../../../lib/trace/open.ts";
import { summarizeFile } from "../../../lib/sched/timehist/summarize_file.ts";
import { timehistSummary } from "../../../lib/sched/timehist/summary.ts";
import { timehist } from "../../../lib/sched/timehist/timehist.ts";
import { record, recordings } from "./recordings.ts";

const EVENTS = "sched:sched_switch,sched:sched_waking,sched:sched_wakeup_new,sched:sched_migrate_task";

/** Three shells on one CPU that run and sleep, and each say what the kernel counted for them: run time and run delay. */
const WORK = `
  for n in 1 2 3; do
    taskset -c 0 bash -c '
      for ((k = 0; k < 12; k++)); do
        for ((i = 0; i < 9000; i++)); do :; done
        read -t 0.004 < <(:)
      done
      read run delay slices < /proc/$$/schedstat; echo $$ $run $delay' &
  done
  wait`;

Deno.test("timehist agrees with the kernel's own schedstat: run time and run delay", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/perf.data`;
    const { stdout } = await new Deno.Command("perf", {
      args: ["record", "-q", "-a", "-m", "2048", "-e", EVENTS, "-o", path, "--", "bash", "-c", WORK],
      stderr: "null",
    }).output();
    const { threads } = timehistSummary(await openTrace(path));
    const tids = threads.column("tid");
    const lines = new TextDecoder().decode(stdout).trim().split("\n");
    assert.equal(lines.length, 3, "three shells should have told their schedstat");
    for (const line of lines) {
      const [pid, run, delay] = line.split(" ").map(Number) as [number, number, number];
      const rows = [...tids.keys()].filter((row) => tids[row] === pid).map((row) => threads.row(row));
      const sum = (of: (row: typeof rows[number]) => number) =>
        rows.reduce((total, row) => total + of(row), 0);
      const ours = { run: sum((row) => row.run), delay: sum((row) => row.preempt + row.wake_delay) };
      // The kernel's count is a tick old at most, and the shell's end comes after it.
      const near = (x: number, y: number) => Math.abs(x - y) <= 0.01 * y + 8e6;
      const shown = `schedstat ${line}, timehist ${JSON.stringify(ours)}, censored ${
        sum((row) => row.censored)
      }`;
      assert.ok(near(ours.run, run), `run time: ${shown}`);
      assert.ok(near(ours.delay, delay), `run delay: ${shown}`);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("timehist equals perf's run and wait time in every row in which both rules agree", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/perf.data`;
    await record(recordings[1]!, path);
    const rows = timehist(await openTrace(path));
    const { stdout } = await new Deno.Command("perf", {
      args: ["sched", "timehist", "-i", path],
      stderr: "null",
    }).output();
    const lines = new TextDecoder("latin1").decode(stdout).split("\n")
      .map((line) => /^ *\d+\.\d+ \[(\d+)\].* (\d+)\.(\d{3}) +(\d+)\.(\d{3}) +(\d+)\.(\d{3}) *$/.exec(line))
      .filter((match) => match !== null);
    assert.equal(rows.length, lines.length, "one row for each of perf's");
    const [tid, censored] = [rows.column("tid"), rows.column("censored")];
    const [run, wait] = [rows.column("run"), rows.column("wait")];
    let runs = 0;
    let waits = 0;
    lines.forEach((match, row) => {
      const perf = { wait: Number(match[2]! + match[3]!), run: Number(match[6]! + match[7]!) };
      // The last run of a task that is reaped: perf pools all of them as thread -1.
      if (censored[row] !== 0 || match[0].includes(" :-1[")) return;
      runs++;
      assert.equal(Math.floor(run[row]! / 1000), perf.run, `run time of row ${row}: ${match[0]}`);
      // perf has 0 where it knows of no earlier run of the thread object; for it the idle task waits while others run.
      if (perf.wait === 0 || tid[row] === 0) return;
      waits++;
      assert.equal(Math.floor(wait[row]! / 1000), perf.wait, `wait time of row ${row}: ${match[0]}`);
    });
    assert.ok(
      runs > rows.length / 2 && waits > 1000,
      `${runs} runs and ${waits} waits of ${rows.length} compared`,
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("summarizeFile, which keeps no rows, gives what timehistSummary of the opened trace gives", async () => {
  const directory = await Deno.makeTempDir();
  try {
    for (const plan of [recordings[0]!, recordings[4]!]) {
      const path = `${directory}/perf.data`;
      await record(plan, path);
      const all = timehistSummary(await openTrace(path));
      const one = await summarizeFile(path);
      assert.deepEqual(one.threads.toJSON(), all.threads.toJSON());
      assert.deepEqual(one.cpus.toJSON(), all.cpus.toJSON());
      assert.deepEqual([one.span, one.share, one.runs, one.censored], [
        all.span,
        all.share,
        all.runs,
        all.censored,
      ]);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
