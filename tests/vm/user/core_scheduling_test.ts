/**
 * Core scheduling in a guest with two threads a core: what it does to the shares of threads against closed forms, and what our
 * analyses of the trace say of forced idle against what the kernel counts.
 *
 * The closed forms are of two hardware threads with threads pinned to them that never sleep: all of the core's threads share its time by
 * their weights, those with the same cookie on different hardware threads run at the same time.
 */
import assert from "node:assert/strict";
import { exposure, forcedIdle, ledger } from "../../../lib/sched/mod.ts";
import type { Trace } from "../../../lib/trace/mod.ts";
import { buildInitrd } from "../../../lib/vm/initrd/mod.ts";
import { bootable } from "../../../lib/vm/kernel/mod.ts";
import { startGuest } from "../../../lib/vm/qemu/mod.ts";
import { shellText } from "../../../lib/vm/user/guest_shell.ts";
import { holdCoreScheduling } from "../../../lib/vm/user/hold_core_scheduling.ts";
import { attempts } from "../../attempts.ts";
import { type CoreScenario, hostTimes, prefer, runScenario, type ScenarioRun } from "./core_scenario.ts";
import { userKernel } from "./user_kernel.ts";

/** sched_prio_to_weight of nice 0, -3 and -5. */
const W0 = 1024, W3 = 1991, W5 = 3121;

const SCENARIOS: readonly CoreScenario[] = [
  {
    name: "one against one",
    threads: [{ cpu: 2, cookie: 0 }, { cpu: 3, cookie: 1 }],
    shares: [1 / 2, 1 / 2],
  },
  {
    name: "one with a cookie against four without",
    threads: [{ cpu: 2, cookie: 0 }, { cpu: 3 }, { cpu: 3 }, { cpu: 3 }, { cpu: 3 }],
    shares: [1 / 5, 1 / 5, 1 / 5, 1 / 5, 1 / 5],
  },
  {
    name: "weights 1991 and 1024",
    threads: [{ cpu: 2, cookie: 0, nice: -3 }, { cpu: 3, cookie: 1 }],
    shares: [W3 / (W3 + W0), W0 / (W3 + W0)],
  },
  {
    name: "partners run together, beside a stranger",
    threads: [{ cpu: 2, cookie: 0 }, { cpu: 3, cookie: 0 }, { cpu: 3, cookie: 1 }],
    shares: [1 / 2, 1 / 2, 1 / 2],
  },
  {
    name: "four strangers, one of weight 3121",
    threads: [{ cpu: 2, cookie: 0 }, { cpu: 2, cookie: 1 }, { cpu: 3, cookie: 2, nice: -5 }, {
      cpu: 3,
      cookie: 3,
    }],
    shares: [W0, W0, W5, W0].map((weight) => weight / (3 * W0 + W5)),
  },
];

/**
 * ns. Core scheduling decides for the whole core at once, and counts from then on; the sibling follows when the interrupt has reached it, and
 * only then the trace has the switch. Under emulation that takes a tenth of a millisecond and more, which is to be little of a slice.
 */
const SLICE = 12e6;

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);

/** Largest distance of a thread's share of all CPU time from the closed form's, as a share of that. */
function distance(cpuTime: Float64Array, { shares }: CoreScenario): number {
  const all = sum(cpuTime), expected = sum(shares);
  return Math.max(...shares.map((share, i) => Math.abs(cpuTime[i]! / all / (share / expected) - 1)));
}

/**
 * Forced idle of the core, ns: as the kernel counts it, as the trace has it, and by the ledger.
 *
 * The kernel decides for the core and counts from then on. Until the sibling has followed, either both idle though all threads want to run, or
 * partners that are to stop still run beside the stranger. So the kernel's count is between the forced idle of the trace (`least`) and
 * that with such time (`most`); on a machine with nothing else to do they are hundredths apart.
 */
function forcedTimes({ trace, tids, cookies, cores, forced }: ScenarioRun, { threads }: CoreScenario) {
  const audit = { cores, groups: cookies, others: "untrusted" } as const;
  const least = sum(forcedIdle(trace, audit).cpus.column("forced"));
  const most = least + sum(exposure(trace, audit).cores.column("exposed")) + bothIdle(trace, tids);
  // In the ledger it is each waiting thread's, as often as threads wait for the CPU that idles; all of them wait whenever it does.
  const book = ledger(trace, { cores, cookies, tids });
  const of = new Map([...book.rows()].map(({ tid, forced_idle }) => [tid, forced_idle]));
  const longest = (cpu: number) =>
    Math.max(...threads.map((each, i) => each.cpu === cpu ? of.get(tids[i]!) ?? 0 : 0));
  return { kernel: sum(forced), least, most, ledger: longest(2) + longest(3) };
}

/** ns in which CPUs 2 and 3 both idle, from the first to the last time that one of `tids` is switched to. */
function bothIdle({ switches }: Trace, tids: readonly number[]): number {
  const ts = switches.column("ts"), cpu = switches.column("cpu"), next = switches.column("next_pid");
  const first = next.findIndex((tid) => tids.includes(tid)),
    last = next.findLastIndex((tid) => tids.includes(tid));
  const runs: Record<number, number> = { 2: 0, 3: 0 };
  let time = 0;
  for (let i = first; i < last; i++) {
    if (cpu[i]! in runs) runs[cpu[i]!] = next[i]!;
    if (runs[2] === 0 && runs[3] === 0) time += ts[i + 1]! - ts[i]!;
  }
  return time;
}

const percent = (share: number) => `${(share * 100).toFixed(2)} %`;
const ms = (ns: number) => `${(ns / 1e6).toFixed(1)} ms`;

Deno.test("in an SMT guest cookies keep strangers apart, shares are the closed forms', and forced idle is what the kernel counts", async (t) => {
  const [kernel, initrd] = await Promise.all([userKernel().then(bootable), buildInitrd("l1")]);
  const directory = await Deno.makeTempDir();
  await using guest = await startGuest({ kernel, initrd: initrd.path, bootTimeout: 120_000 });
  await prefer(guest);
  const shell = guest.agent;
  await shellText(
    shell,
    "Settings",
    `echo 1 > /proc/sys/kernel/sched_schedstats && echo ${SLICE} > /sys/kernel/debug/sched/base_slice_ns`,
  );

  await holdCoreScheduling(shell);

  for (const scenario of SCENARIOS) {
    await t.step(scenario.name, async () => {
      // The host may keep one vCPU from running for longer than the other: the guest's clocks go on meanwhile. What one run spoils another shows.
      let shared = false, counted = false;
      const together = new Float64Array(scenario.threads.length);
      await attempts(5, async (attempt) => {
        const before = hostTimes(guest);
        const run = await runScenario(shell, scenario, 3 + attempt, `${directory}/trace`);
        const { trace, cookies } = run;
        const asked = scenario.threads.filter(({ cookie }) => cookie !== undefined).length;
        assert.equal(cookies.size, asked, "each cookie was set and read back");
        assert.ok(trace.quality.share > 0.99, `coverage ${trace.quality.share}`);
        run.cpuTime.forEach((time, i) => together[i]! += time);
        const far = Math.min(distance(run.cpuTime, scenario), distance(together, scenario));
        const { kernel, least, most, ledger } = forcedTimes(run, scenario);
        console.log(
          `  shares within ${percent(far)}; forced idle: kernel ${ms(kernel)}, trace ${ms(least)}${
            most > least ? ` to ${ms(most)}` : ""
          } (${percent(least / kernel - 1)}), ledger ${ms(ledger)}`,
        );
        assert.ok(kernel > 0.1e9, `the kernel counts ${kernel} ns of forced idle`);
        // Of a guest whose vCPUs wait for the host's CPUs no more can be said than that the shares are about so.
        const after = hostTimes(guest);
        const wait = after.wait - before.wait;
        const waited = wait / (wait + after.run - before.run);
        console.log(`    its vCPUs waited ${percent(waited)} of the time for the host`);
        shared ||= far < (waited < 0.05 ? 0.03 : 0.1 + waited);
        const within = (value: number) => least < 1.05 * value && value < 1.05 * most;
        counted ||= within(kernel) && within(ledger);
        assert.ok(
          counted,
          `forced idle: kernel ${kernel} ns, trace ${least} to ${most} ns, ledger ${ledger} ns`,
        );
        assert.ok(shared, `shares: ${[...run.cpuTime]} against ${scenario.shares}`);
      });
    });
  }
  await Deno.remove(directory, { recursive: true });
});
