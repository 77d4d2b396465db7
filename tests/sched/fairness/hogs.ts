import { startRecording } from "../../../lib/trace/record/mod.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import type { Trace } from "../../../lib/trace/trace.ts";

/** A process that only computes. */
export interface HogPlan {
  readonly nice: number;
  /** The only CPU that it may run on. Default: any. */
  readonly cpu?: number;
}

/** A recording of hogs, and what the kernel counted for them. */
export interface HogRecording {
  readonly trace: Trace;
  /** In the order of the plan; `run` and `delay` are those of /proc/PID/schedstat, ns, over the whole life. */
  readonly hogs: readonly { readonly tid: number; readonly run: number; readonly delay: number }[];
  /** Stamps between which all of them wanted to run all of the time, ns since the epoch. */
  readonly from: number;
  readonly to: number;
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The letter of a task's state. */
async function stateOf(pid: number): Promise<string> {
  return /\) (\w)/.exec(await Deno.readTextFile(`/proc/${pid}/stat`))![1]!;
}

/** Records `plan` for `ms`. The hogs are stopped before they are looked at, so that the kernel's counters and the trace end alike. */
export async function recordHogs(plan: readonly HogPlan[], ms: number, dir: string): Promise<HogRecording> {
  const recording = await startRecording({ output: `${dir}/trace`, door: "tracefs" });
  await using owned = recording;
  const children = plan.map(({ nice, cpu }) =>
    new Deno.Command(cpu === undefined ? "nice" : "taskset", {
      args: [
        ...(cpu === undefined ? [] : ["-c", String(cpu), "nice"]),
        "-n",
        String(nice),
        "sh",
        "-c",
        "while :; do :; done",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn()
  );
  try {
    // Until each has become a shell that computes: taskset and nice have only two execs to make.
    await wait(300);
    const from = Date.now();
    await wait(ms);
    const to = Date.now();
    for (const { pid } of children) Deno.kill(pid, "SIGSTOP");
    for (const { pid } of children) while (await stateOf(pid) !== "T") await wait(20);
    const hogs = await Promise.all(children.map(async ({ pid }) => {
      const [run, delay] = (await Deno.readTextFile(`/proc/${pid}/schedstat`)).split(" ").map(Number);
      return { tid: pid, run: run!, delay: delay! };
    }));
    await owned.stop();
    const trace = await openTrace(`${dir}/trace`);
    const stamp = (at: number) => Number(BigInt(at) * 1_000_000n - trace.clock.wallOffset! - trace.epoch);
    return { trace, hogs, from: stamp(from), to: stamp(to) };
  } finally {
    for (const child of children) {
      child.kill("SIGKILL");
      await child.status;
    }
  }
}

/** Does `attempt` up to three times: a busy machine may disturb one. Throws what the last one threw. */
export async function threeTimes(attempt: (dir: string) => Promise<void>): Promise<void> {
  for (let left = 2;; left--) {
    const dir = await Deno.makeTempDir();
    try {
      return await attempt(dir);
    } catch (error) {
      if (left === 0) throw error;
      console.log(`  once more: ${error instanceof Error ? error.message : error}`);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  }
}
