import assert from "node:assert/strict";
import { latency } from "../../../lib/sched/latency/latency.ts";
import { timehist } from "../../../lib/sched/timehist/timehist.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { record, startRecording } from "../../../lib/trace/record/mod.ts";

/** Run time and run_delay (ns) of a task, the kernel's own counters. */
async function schedstat(pid: number): Promise<{ run: number; delay: number }> {
  const [run, delay] = (await Deno.readTextFile(`/proc/${pid}/schedstat`)).split(" ").map(Number);
  return { run: run!, delay: delay! };
}

/** The letter of a task's state. */
async function stateOf(pid: number): Promise<string> {
  return /\) (\w)/.exec(await Deno.readTextFile(`/proc/${pid}/stat`))![1]!;
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function inTempDir<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await Deno.makeTempDir();
  try {
    return await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("latency() has the run time and the delay that the kernel counted for tasks it saw from birth to stop", async () => {
  for (let attempt = 1;; attempt++) {
    const wrong = await inTempDir(kernelAgainstLatency);
    if (wrong.length === 0) break;
    // A machine under load loses records, and what it lost is a run whose length is not known; the last attempt must hold.
    if (attempt === 3) assert.deepEqual(wrong, []);
  }
});

/** Records hogs, and says what latency() and /proc/PID/schedstat disagree on. */
async function kernelAgainstLatency(dir: string): Promise<string[]> {
  const recording = await startRecording({ output: `${dir}/trace`, door: "tracefs" });
  await using owned = recording;
  const hogs = Array.from({ length: 4 }, () =>
    new Deno.Command("sh", {
      args: ["-c", "while :; do :; done"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn());
  try {
    await wait(1500);
    // A stopped task counts nothing any more, so what is read now is what the trace has until then.
    for (const { pid } of hogs) Deno.kill(pid, "SIGSTOP");
    // One that waits for a CPU has to get it once more to stop.
    for (const { pid } of hogs) while (await stateOf(pid) !== "T") await wait(20);
    const counted = await Promise.all(hogs.map(({ pid }) => schedstat(pid)));
    await owned.stop();
    const trace = await openTrace(`${dir}/trace`);
    const found = latency(trace, { tids: hogs.map(({ pid }) => pid) });
    assert.equal(found.length, hogs.length);
    // The kernel takes from run times what the hypervisor stole, and a run whose start is not known may be one of some ms.
    const near = (x: number, y: number) => Math.abs(x - y) <= 0.01 * y + 25e6;
    const wrong: string[] = [];
    let compared = 0;
    hogs.forEach(({ pid }, i) => {
      const row = Array.from(found.rows()).find(({ tid }) => tid === pid)!;
      // What the trace does not tell it says; the kernel's counters know it all the same. One is the run in which it stopped.
      if (row.censored > 1) return;
      compared++;
      const { run, delay } = counted[i]!;
      const wrongly = (did: string, ours: number, kernels: number) => {
        if (near(ours, kernels)) return;
        wrong.push(`${pid} ${did} ${ours} ns, by the kernel ${kernels}, ${row.censored} censored`);
      };
      wrongly("ran", row.run, run);
      wrongly("waited", row.delay, delay);
    });
    if (compared === 0) wrong.push(`the trace tells all of none of ${hogs.length}`);
    return wrong;
  } finally {
    for (const hog of hogs) {
      hog.kill("SIGKILL");
      await hog.status;
    }
  }
}

Deno.test("latency() is the sum over the runs that timehist() lists, with exact percentiles, by thread and by name", async () => {
  await inTempDir(async (dir) => {
    const path = `${dir}/perf.data`;
    const command = ["sh", "-c", "exec perf bench sched messaging -g 1 -l 100 >/dev/null"];
    await record({ output: path, door: "perf", command });
    const trace = await openTrace(path);
    const runs = Array.from(timehist(trace).rows()).filter(({ tid }) => tid !== 0);
    for (const by of ["thread", "comm"] as const) {
      const table = latency(trace, { by });
      const groups = Map.groupBy(runs, (row) => by === "thread" ? row.tid : row.comm);
      assert.equal(table.length, groups.size);
      for (const row of table.rows()) {
        const own = groups.get(by === "thread" ? row.tid : row.comm)!;
        const known = own.filter(({ preempt, wake_delay, run }) => !Number.isNaN(preempt + wake_delay + run));
        const delays = known.map(({ preempt, wake_delay }) => preempt + wake_delay).sort((x, y) => x - y);
        assert.equal(row.count, known.length);
        assert.equal(row.censored, own.length - known.length);
        assert.equal(row.threads, new Set(own.map(({ tid }) => tid)).size);
        assert.ok(Math.abs(row.delay - delays.reduce((sum, each) => sum + each, 0)) < 1);
        if (delays.length === 0) {
          assert.ok(Number.isNaN(row.max_delay) && Number.isNaN(row.avg_delay));
          continue;
        }
        assert.equal(row.max_delay, delays.at(-1));
        assert.ok(Math.abs(row.max_to - row.max_from - row.max_delay) < 1);
        for (
          const [p, value] of [[0.5, row.p50_delay], [0.95, row.p95_delay], [0.99, row.p99_delay]] as const
        ) {
          assert.ok(delays.filter((delay) => delay <= value).length >= p * delays.length);
          assert.ok(delays.filter((delay) => delay < value).length < p * delays.length);
        }
      }
    }
    const worst = latency(trace).column("max_delay");
    for (let i = 1; i < worst.length; i++) assert.ok(!(worst[i]! > worst[i - 1]!), "the longest first");
  });
});
