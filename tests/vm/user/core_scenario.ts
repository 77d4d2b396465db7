import assert from "node:assert/strict";
import { fingerprint } from "../../../lib/bench/fingerprint.ts";
import { openTrace, type Trace } from "../../../lib/trace/mod.ts";
import type { Guest } from "../../../lib/vm/qemu/mod.ts";
import { guestFiles } from "../../../lib/vm/user/guest_files.ts";
import { type GuestShell, shellText } from "../../../lib/vm/user/guest_shell.ts";
import { INSTANCE, INSTANCE_PATH, startTracing } from "../../../lib/vm/user/guest_trace.ts";
import { readSpinRegion } from "../../../lib/vm/user/read_spin_region.ts";

/** Threads that never sleep: where each runs, whom it trusts (undefined: no cookie), and how nice it is. */
export interface CoreScenario {
  readonly name: string;
  readonly threads: readonly { cpu: number; cookie?: number; nice?: number }[];
  /** Share of the wall time that each has by the closed form. */
  readonly shares: readonly number[];
}

/** What a scenario did. */
export interface ScenarioRun {
  readonly trace: Trace;
  readonly tids: readonly number[];
  /** CPU time of each thread, ns. */
  readonly cpuTime: Float64Array;
  /** `core_forceidle_sum` of each thread, ns. */
  readonly forced: Float64Array;
  /** Cookie of each thread that has one. */
  readonly cookies: ReadonlyMap<number, string>;
  /** CPUs of each core. */
  readonly cores: readonly (readonly number[])[];
}

/** Lets the guest go before what else the machine does, where that is permitted: what the host takes of a vCPU is in no clock of the guest. */
export async function prefer(guest: Guest): Promise<void> {
  const tids = [...Deno.readDirSync(`/proc/${guest.pid}/task`)].map(({ name }) => name);
  await new Deno.Command("renice", { args: ["-n", "-19", "-p", ...tids], stdout: "null", stderr: "null" })
    .output()
    .catch(() => {});
}

/** ns for which the threads of the host that run the guest's CPUs 2 and 3 ran, and for which they waited for a CPU of the host. */
export function hostTimes({ pid, vcpus }: Guest): { run: number; wait: number } {
  let run = 0, wait = 0;
  for (const { tid } of vcpus.slice(2, 4)) {
    const [ran, waited] = Deno.readTextFileSync(`/proc/${pid}/task/${tid}/schedstat`).split(" ").map(Number);
    run += ran!;
    wait += waited!;
  }
  return { run, wait };
}

const REGION = "/tmp/scenario.region";

/** Runs `scenario` in a guest for `seconds`, traced from before its threads are there until after they are gone. */
export async function runScenario(
  shell: GuestShell,
  { threads }: CoreScenario,
  seconds: number,
  directory: string,
): Promise<ScenarioRun> {
  await startTracing(shell, 16 << 10);
  const list = (of: (thread: CoreScenario["threads"][number]) => unknown) => threads.map(of).join(",");
  const args = [
    ...["-n", `${threads.length}`, "--on", list(({ cpu }) => cpu)],
    ...(threads.some(({ cookie }) => cookie !== undefined)
      ? [`--cookies=${list(({ cookie }) => cookie ?? "-")}`]
      : []),
    `--nice=${list(({ nice }) => nice ?? 0)}`,
    // One burst: what a thread did while it wrote a burst down is in none.
    ...["--burst", "60s", "--max-sleep", "0", "--duration", `${seconds}s`, "--max-gap", "0"],
    ...["--threshold", "10ms", "--gaps", "16", "--brackets", "1", "--bracket", "20ms"],
  ];
  await shellText(
    shell,
    "The scenario",
    `: > ${REGION}; exec taskset 0x3 schedscope-spin ${args.join(" ")} --shm ${REGION}`,
    { timeout: seconds * 1000 + 60_000 },
  );
  await shellText(shell, "Ending the trace", `echo 0 > ${INSTANCE_PATH}/tracing_on`);
  const none = { interrupts: { cpus: [], lines: new Map() }, steal: new Map() };
  const spin = readSpinRegion(await shell.pull(REGION), {
    before: none,
    after: none,
    cpus: [],
    fingerprint: await fingerprint(null, guestFiles("")),
    args,
  });
  const { path, lost } = await shell.pullTrace(directory, { instance: INSTANCE });
  assert.equal(lost, 0, "the buffer holds all of it");
  return {
    trace: await openTrace(path),
    tids: [...spin.threads.column("tid")],
    cpuTime: spin.threads.column("cpu_time"),
    forced: spin.threads.column("forced_idle"),
    cookies: new Map(
      [...spin.cookies.rows()].filter(({ state }) => state === "has").map(({ tid, cookie }) => [tid, cookie]),
    ),
    cores: [[0, 1], [2, 3]],
  };
}
