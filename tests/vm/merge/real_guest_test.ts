import assert from "node:assert/strict";
import { inject } from "../../../lib/bench/inject.ts";
import { buildInitrd } from "../../../lib/vm/initrd/mod.ts";
import { bootable } from "../../../lib/vm/kernel/mod.ts";
import { GUEST_WAIT_PARTS, recordHostGuest } from "../../../lib/vm/merge/mod.ts";
import { startGuest } from "../../../lib/vm/qemu/mod.ts";
import { attempts } from "../../attempts.ts";
import { testKernel } from "../test_kernel.ts";

Deno.test("a thief on the host is named for what a guest's threads lost to it, as much as it took", async () => {
  const { path } = await testKernel();
  const [kernel, initrd] = await Promise.all([bootable(path), buildInitrd("l1")]);
  const output = await Deno.makeTempDir();
  try {
    await using guest = await startGuest({
      kernel,
      initrd: initrd.path,
      cores: 1,
      threads: 2,
      memory: 256,
      bootTimeout: 120_000,
      signal: AbortSignal.timeout(240_000),
    });
    const victim = guest.vcpus[0]!;
    const cpu = victim.cpus[0]!;
    await attempts(3, async (attempt) => {
      const merged = await recordHostGuest(guest, async (signal) => {
        // Two threads for each vCPU that never sleep: one runs and one waits whenever the thief comes.
        const spin = guest.agent.exec(
          ["schedscope-spin", "-n", "4", "--duration", "4s", "--max-gap", "0", "--max-sleep", "0"],
          { timeout: 60_000, ...(signal === undefined ? {} : { signal }) },
        );
        // The guest's threads are under way when the thief comes.
        const truth = await inject(cpu, { windows: 40, delay: 1.5e9, seed: attempt, comm: "thief <b>&" });
        assert.equal((await spin).code, 0);
        return truth;
      }, { output });
      const { work: truth, span, clock, vcpus, culprits, threads, waits } = merged;
      for (const row of threads.rows()) {
        const parts = GUEST_WAIT_PARTS.reduce((sum, part) => sum + row[part], 0) + row.run + row.stolen +
          row.paused + row.asleep + row.blocked + row.stopped;
        assert.equal(parts, row.wall, "the parts add up to the ns");
      }
      for (const row of waits.rows()) {
        assert.equal(GUEST_WAIT_PARTS.reduce((sum, part) => sum + row[part], 0), row.dur);
      }
      assert.ok(clock.max < 1e6, `the clocks are known within ${clock.max} ns`);
      assert.equal(vcpus.length, 2);
      // While the thief had the vCPU's CPU, the vCPU waited for it.
      const states = merged.states({ tids: [] });
      let asked = 0;
      let named = 0;
      const shift = Number(truth.epoch - merged.epoch);
      for (const { ts, dur } of truth.windows.rows()) {
        const from = ts + shift;
        const to = from + dur;
        if (dur < 2e6 || from < span.from || to > span.to) continue;
        asked += dur;
        for (let row = 0; row < states.length; row++) {
          const found = states.row(row);
          if (found.tid !== victim.tid || found.culprit_tid !== truth.tid) continue;
          named += Math.max(0, Math.min(to, found.ts + found.dur) - Math.max(from, found.ts));
        }
      }
      console.log(
        `  the thief had ${(asked / 1e6).toFixed(1)} ms, of which the vCPU waited ${
          (named / 1e6).toFixed(1)
        } ms for it`,
      );
      assert.ok(asked > 50e6, "the windows lie within both traces");
      assert.ok(named >= 0.6 * asked, `the vCPU waited ${named} of ${asked} ns for the thief`);
      const thief = Array.from(culprits.rows()).find(({ culprit_tid }) => culprit_tid === truth.tid)!;
      assert.equal(thief.culprit, "thief <b>&");
      assert.equal(thief.culprit_class, "rt");
      // One of the vCPU's threads was on the guest's CPU then, and at least one waited.
      assert.ok(thief.stolen >= 0.6 * thief.vcpu_wait, `${thief.stolen} of ${thief.vcpu_wait} ns`);
      assert.ok(thief.guest_wait >= 0.5 * thief.vcpu_wait, `${thief.guest_wait} of ${thief.vcpu_wait} ns`);
      const behind = Array.from(waits.rows()).filter(({ culprit_tid }) => culprit_tid === truth.tid);
      assert.ok(behind.length > 5, "waits are blamed on it");
      for (const { culprit_cpu } of behind) assert.equal(culprit_cpu, cpu);
      // The guest's own trace knows nothing of it.
      assert.ok(behind.every(({ guest_culprit }) => guest_culprit !== "thief <b>&"));
    });
    await guest.shutdown();
  } finally {
    await Deno.remove(output, { recursive: true });
  }
});
