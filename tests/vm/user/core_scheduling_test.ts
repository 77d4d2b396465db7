/**
 * Core scheduling in a guest with two threads a core: what it does to the shares of threads against closed forms, and what our
 * analyses of the trace say of forced idle against what the kernel counts.
 *
 * The closed forms are of two hardware threads with threads pinned to them that never sleep: all of the core's threads share its time by
 * their weights, those with the same cookie on different hardware threads run at the same time.
 */
import assert from "node:assert/strict";
import { forcedIdle, ledger } from "../../../lib/sched/mod.ts";
import { buildInitrd } from "../../../lib/vm/initrd/mod.ts";
import { bootable } from "../../../lib/vm/kernel/mod.ts";
import { startGuest } from "../../../lib/vm/qemu/mod.ts";
import { shellText } from "../../../lib/vm/user/guest_shell.ts";
import { attempts } from "../../attempts.ts";
import { type CoreScenario, runScenario, type ScenarioRun } from "./core_scenario.ts";
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

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);

/** Largest distance of a thread's share of all CPU time from the closed form's, as a share of that. */
function distance({ cpuTime }: ScenarioRun, { shares }: CoreScenario): number {
  const all = sum(cpuTime), expected = sum(shares);
  return Math.max(...shares.map((share, i) => Math.abs(cpuTime[i]! / all / (share / expected) - 1)));
}

Deno.test("in an SMT guest cookies keep strangers apart, shares are the closed forms', and forced idle is what the kernel counts", async (t) => {
  const [kernel, initrd] = await Promise.all([userKernel().then(bootable), buildInitrd("l1")]);
  const directory = await Deno.makeTempDir();
  await using guest = await startGuest({ kernel, initrd: initrd.path, bootTimeout: 120_000 });
  const shell = guest.agent;
  await shellText(shell, "schedstats", "echo 1 > /proc/sys/kernel/sched_schedstats");

  for (const scenario of SCENARIOS) {
    await t.step(scenario.name, () =>
      // The host may keep one vCPU from running for longer than the other: the guest's clocks go on meanwhile.
      attempts(3, async (attempt) => {
        const run = await runScenario(shell, scenario, 2 + attempt, `${directory}/trace`);
        const { trace, tids, cookies, cores, forced } = run;
        const asked = scenario.threads.filter(({ cookie }) => cookie !== undefined).length;
        assert.equal(cookies.size, asked, "each cookie was set and read back");
        assert.ok(trace.quality.share > 0.99, `coverage ${trace.quality.share}`);

        const kernel = sum(forced);
        assert.ok(kernel > 0.1e9, `the kernel counts ${kernel} ns of forced idle`);
        const found = forcedIdle(trace, { cores, groups: cookies, others: "untrusted" });
        const charged = sum(found.cpus.column("forced"));
        const off = charged / kernel - 1;
        const far = distance(run, scenario);
        console.log(
          `  ${scenario.name}: shares within ${(far * 100).toFixed(2)} %, forced idle of the kernel ${
            (kernel / 1e6).toFixed(1)
          } ms, ours ${(charged / 1e6).toFixed(1)} ms (${(off * 100).toFixed(2)} %)`,
        );
        assert.ok(Math.abs(off) < 0.05, `forced idle: kernel ${kernel} ns, trace ${charged} ns`);
        assert.ok(far < 0.03, `shares: ${[...run.cpuTime]} against ${scenario.shares}`);

        // In the ledger it is each waiting thread's: as often as threads wait for the CPU that idles.
        const book = ledger(trace, { cores, cookies, tids });
        const forcedOf = new Map([...book.rows()].map(({ tid, forced_idle }) => [tid, forced_idle]));
        const waiting = sum(forcedOf.values());
        const cpuOf = (cpu: number) =>
          scenario.threads.flatMap((each, i) => each.cpu === cpu ? [tids[i]!] : []);
        const perCpu = sum([2, 3].map((cpu) => Math.max(...cpuOf(cpu).map((tid) => forcedOf.get(tid) ?? 0))));
        console.log(
          `    ledger: ${(waiting / 1e6).toFixed(1)} ms over all threads, ${
            (perCpu / 1e6).toFixed(1)
          } ms by CPU`,
        );
        assert.ok(Math.abs(perCpu / kernel - 1) < 0.05, `ledger ${perCpu} ns, kernel ${kernel} ns`);
      }));
  }
  await Deno.remove(directory, { recursive: true });
});
