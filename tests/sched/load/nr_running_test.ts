import assert from "node:assert/strict";
import { load } from "../../../lib/sched/load/cpu_load.ts";
import { runqueueDepth } from "../../../lib/sched/load/runqueue_depth.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { startRecording } from "../../../lib/trace/record/mod.ts";
import { threeTimes } from "../fairness/hogs.ts";

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Threads on all runqueues now, by the kernel's own count (the reader is one of them), and when that was (ms since 1970). */
function countedNow(): { at: number; running: number } {
  const before = performance.timeOrigin + performance.now();
  const running = Number(Deno.readTextFileSync("/proc/loadavg").split(" ")[3]!.split("/")[0]);
  return { at: (before + performance.timeOrigin + performance.now()) / 2, running };
}

Deno.test("the depths of all runqueues add up to the kernel's count of runnable threads", async () => {
  await threeTimes(async (dir) => {
    const recording = await startRecording({ output: `${dir}/trace`, door: "tracefs" });
    await using owned = recording;
    const hogs = Array.from(
      { length: 5 },
      () =>
        new Deno.Command("sh", {
          args: ["-c", "while :; do :; done"],
          stdin: "null",
          stdout: "null",
          stderr: "null",
        }).spawn(),
    );
    const samples: { at: number; running: number }[] = [];
    try {
      await wait(200);
      for (let i = 0; i < 100; i++) {
        await wait(15);
        samples.push(countedNow());
      }
      await owned.stop();
    } finally {
      for (const hog of hogs) {
        hog.kill("SIGKILL");
        await hog.status;
      }
    }
    const trace = await openTrace(`${dir}/trace`);
    const depth = runqueueDepth(trace);
    const cpus = new Set(depth.column("cpu")).size;
    const ts = depth.column("ts");
    const dur = depth.column("dur");
    const compared: { counted: number; least: number; most: number }[] = [];
    for (const { at, running } of samples) {
      const stamp = Number(BigInt(Math.round(at * 1e6)) - trace.clock.wallOffset! - trace.epoch);
      let [known, least, most] = [0, 0, 0];
      for (let row = 0; row < ts.length; row++) {
        if (!(ts[row]! <= stamp && stamp < ts[row]! + dur[row]!)) continue;
        if (depth.column("censored")[row] === 0) known++;
        least += depth.column("depth")[row]!;
        most += depth.column("depth")[row]! + depth.column("unsure")[row]!;
      }
      if (known === cpus) compared.push({ counted: running, least, most });
    }
    assert.ok(compared.length >= 20, `at ${compared.length} of ${samples.length} times it is known who ran`);
    // The file is read some time between the two stamps around it: somebody may have come or gone since.
    const off = compared.map(({ counted, least, most }) =>
      counted < least ? least - counted : Math.max(0, counted - most)
    );
    const right = off.filter((by) => by === 0).length;
    assert.ok(right >= 0.6 * off.length, `right at ${right} of ${off.length} times; off by ${off.join(" ")}`);
    const mean = (of: (one: typeof compared[number]) => number) =>
      compared.reduce((sum, one) => sum + of(one), 0) / compared.length;
    const [kernel, found] = [mean(({ counted }) => counted), mean(({ least }) => least)];
    assert.ok(
      kernel > 4 && Math.abs(found - kernel) < 0.05 * kernel + 0.5,
      `${found}, by the kernel ${kernel}`,
    );
    // The time of each CPU is whole.
    for (const row of load(trace).rows()) {
      assert.ok(Math.abs(row.busy + row.idle + row.unknown - row.dur) < 1);
      assert.ok(row.max_depth >= row.mean_depth || row.coverage === 0);
    }
  });
});
