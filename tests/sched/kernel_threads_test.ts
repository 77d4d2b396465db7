import assert from "node:assert/strict";
import { kernelThreads } from "../../lib/sched/kernel_threads.ts";
import { openTrace } from "../../lib/trace/open.ts";
import { IDLE, type Task, TraceWriter } from "../trace/make_trace.ts";
import { recordWithPerf } from "../trace/perf_data/record_with_perf.ts";

const KTHREADD: Task = { tid: 2, comm: "kthreadd" };
const INIT: Task = { tid: 1, comm: "init" };
const WORKER: Task = { tid: 50, comm: "kworker/0:1" };
const DRIVER: Task = { tid: 51, comm: "some-driver" };
const FAKE: Task = { tid: 60, comm: "kworker/0:2" };
const THREAD: Task = { tid: 61, pid: 60, comm: "ksoftirqd/0" };

function trace(writer: TraceWriter, ...tasks: Task[]) {
  let ts = 100;
  for (const task of tasks) writer.switch(ts += 10, 0, IDLE, 0, task).switch(ts += 10, 0, task, 1, IDLE);
  return writer.trace();
}

Deno.test("kernel threads are kthreadd's children, whatever anybody is called", () => {
  const writer = new TraceWriter().fork(0, KTHREADD, WORKER).fork(0, KTHREADD, DRIVER).fork(0, INIT, FAKE);
  const found = kernelThreads(trace(writer, INIT, KTHREADD, WORKER, DRIVER, FAKE, THREAD));
  assert.deepEqual([...found].sort((a, b) => a - b), [2, 50, 51]);
});

Deno.test("where nobody tells the parents the names decide, and threads of a process are none", () => {
  const found = kernelThreads(trace(new TraceWriter(), INIT, WORKER, DRIVER, FAKE, THREAD));
  assert.deepEqual([...found], [50, 60]);
  // The second process of a container is not kthreadd, and its children are not the kernel's.
  const shell: Task = { tid: 2, comm: "sh" };
  const container = trace(new TraceWriter().fork(0, shell, DRIVER), shell, DRIVER);
  assert.deepEqual([...kernelThreads(container)], []);
});

Deno.test("of a real recording they are those that /proc has as kernel threads", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await recordWithPerf(`${dir}/perf.data`, ["sleep", "0.3"]);
    const found = kernelThreads(await openTrace(`${dir}/perf.data`));
    assert.ok(found.size > 5, `${found.size}`);
    let checked = 0;
    for (const tid of found) {
      try {
        // Kernel threads have no command line, and PF_KTHREAD (0x200000) among their flags.
        const stat = (await Deno.readTextFile(`/proc/${tid}/stat`)).replace(/^.*\)/s, "").trim().split(" ");
        assert.ok((Number(stat[6]) & 0x200000) !== 0, `${tid}: ${stat}`);
        checked++;
      } catch (error) {
        // It ended: ENOENT, or ESRCH while it was read.
        if (!(error instanceof Deno.errors.NotFound) && !/os error 3\b/.test(String(error))) throw error;
      }
    }
    assert.ok(checked > 5, `${checked}`);
    assert.ok(!found.has(Deno.pid));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
