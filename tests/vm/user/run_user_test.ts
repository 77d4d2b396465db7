/** The target `user` on a real guest. */
import assert from "node:assert/strict";
import { gaps } from "../../../lib/sched/mod.ts";
import { openTrace } from "../../../lib/trace/mod.ts";
import { LackingError } from "../../../lib/vm/errors.ts";
import { buildInitrd } from "../../../lib/vm/initrd/mod.ts";
import { bootable } from "../../../lib/vm/kernel/mod.ts";
import { startGuest } from "../../../lib/vm/qemu/mod.ts";
import { measureUser, runUser } from "../../../lib/vm/user/mod.ts";
import { HOG } from "../../../lib/vm/user/plant.ts";
import { attempts } from "../../attempts.ts";
import { userKernel } from "./user_kernel.ts";

Deno.test("a planted stall of 150 ms ends the run, the trace holds it, and the ledger names the hog", async () => {
  const kernel = await userKernel();
  const directory = await Deno.makeTempDir();
  // The host may stop a vCPU for 100 ms before the hog does: that is found and ends the run as well. Eight pairs with cookies wait for as
  // long by themselves; two do not.
  await attempts(5, async (attempt) => {
    const longer = [1, 1, 2, 4, 6][attempt - 1]!;
    const lines: string[] = [];
    const result = await runUser({
      kernel,
      seconds: 30,
      pairs: 2,
      plant: 150e6 * longer,
      maxGap: 100e6 * longer,
      output: `${directory}/log`,
      onLine: (line) => lines.push(line),
    });
    console.log(`${result}`);
    assert.ok(
      lines.some((line) => /^Max latency: \d+ ms \(\d+ ticks, 4 online\)$/.test(line)),
      lines.join("\n"),
    );
    assert.equal(result.spin.stopped.reason, "maxGap");
    assert.ok(lines.some((line) => /^diff: \d{3,}ms$/.test(line)), lines.join("\n"));
    const { planted, gap } = result;
    assert.ok(planted !== undefined, "another gap ended the run before the stall");
    assert.ok(result.plantCaught, `${gap?.cause} by ${gap?.culprit}`);
    assert.ok(result.reaction! < 0.3e9, `the trace ends ${result.reaction} ns after the stall`);
    assert.ok(gap!.dur > 0.1e9);
    assert.equal(gap!.culprit, HOG);

    // Whoever opens the folder finds the same without the measurement.
    const trace = await openTrace(`${directory}/log`);
    const hog = [...trace.switches.column("next_pid")].includes(planted.tid);
    assert.ok(hog, "the stall is in the trace");
    const found = [...gaps(trace, { threshold: 100e6, ...result.knowledge }).gaps.rows()];
    assert.ok(found.some(({ culprit_tid }) => culprit_tid === planted.tid), "gaps names the hog");

    assert.equal(result.isolation.kind, "cookies");
    assert.ok(result.isolation.proof!.holds, `${result.isolation.proof!.shares}`);
    assert.equal(new Set(result.spin.cookies.column("cookie")).size, 2);
    const tuned = Object.fromEntries([...result.tuning.rows()].map(({ name, state }) => [name, state]));
    assert.equal(tuned["slice"], "applied");
    assert.equal(tuned["HRTICK"], "applied");
    assert.equal(result.spin.fingerprint.base_slice, 30e6 / 16, "the fingerprint is of the guest as tuned");
    assert.deepEqual(result.tracing.systems, ["sched", "irq", "timer", "syscalls"]);
    assert.ok(JSON.parse(JSON.stringify(result)).planted.caught);
  });
  await Deno.remove(directory, { recursive: true });
});

Deno.test("no gap until the end of the time is a result with a trace, and so is an interrupted run", async () => {
  const [kernel, initrd] = await Promise.all([userKernel().then(bootable), buildInitrd("l1")]);
  const directory = await Deno.makeTempDir();
  await using guest = await startGuest({ kernel, initrd: initrd.path, bootTimeout: 120_000 });
  const knowledge = { memory: 512 };
  const output = `${directory}/log`;
  const calm = await measureUser(guest.agent, knowledge, {
    isolation: "none",
    seconds: 2,
    maxGap: 60e9,
    output,
  });
  assert.equal(calm.spin.stopped.reason, "duration");
  assert.equal(calm.gap, undefined);
  assert.match(`${calm}`, /no gap over 60 s in 2\.\d+ s/);
  assert.equal(calm.isolation.proof, undefined);
  assert.ok((await openTrace(output)).switches.length > 100);

  const controller = new AbortController();
  const cut = await measureUser(guest.agent, knowledge, {
    seconds: 100,
    maxGap: 60e9,
    output,
    signal: controller.signal,
    onLine: () => controller.abort(),
  });
  assert.equal(cut.spin.stopped.reason, "signal");
  assert.ok(cut.spin.elapsed < 60e9);
  assert.ok(cut.trace.switches.length > 100);
  assert.equal(cut.isolation.kind, "cookies");

  await assert.rejects(measureUser(guest.agent, knowledge, { isolation: "tag", output }), (error: Error) => {
    assert.ok(error instanceof LackingError);
    assert.match(error.message, /no cpu\.tag/);
    return true;
  });
  await Deno.remove(directory, { recursive: true });
});

Deno.test("on a guest without hardware threads cookies are refused, and the best is none", async () => {
  const [kernel, initrd] = await Promise.all([userKernel().then(bootable), buildInitrd("l1")]);
  const directory = await Deno.makeTempDir();
  await using guest = await startGuest({
    kernel,
    initrd: initrd.path,
    cores: 4,
    threads: 1,
    bootTimeout: 120_000,
  });
  await assert.rejects(
    measureUser(guest.agent, { memory: 512 }, { isolation: "cookies", output: `${directory}/log` }),
    /ENODEV/,
  );
  const found = await measureUser(guest.agent, { memory: 512 }, {
    seconds: 1,
    maxGap: 60e9,
    output: `${directory}/log`,
  });
  assert.equal(found.isolation.kind, "none");
  assert.match(found.isolation.reason, /ENODEV.*no cpu\.tag.*no cpu\.scheduled/);
  assert.deepEqual(found.cpus, [2, 3]);
  await Deno.remove(directory, { recursive: true });
});
