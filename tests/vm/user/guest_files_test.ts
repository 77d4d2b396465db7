import assert from "node:assert/strict";
import { fingerprint } from "../../../lib/bench/fingerprint.ts";
import { guestFiles, guestFilesScript } from "../../../lib/vm/user/guest_files.ts";

Deno.test("a fingerprint of the files that a shell printed is that of the machine itself", async () => {
  const { stdout, success } = await new Deno.Command("/bin/sh", { args: ["-c", guestFilesScript] }).output();
  assert.ok(success);
  const text = new TextDecoder().decode(stdout);
  const read = await fingerprint("brackets", guestFiles(text));
  const own = await fingerprint("brackets");
  for (
    const name of [
      "kernel",
      "kernel_version",
      "arch",
      "cpu_model",
      "cpus_online",
      "sched_features",
      "base_slice",
      "autogroup",
      "smt",
      "mitigations",
      "clocksource",
      "hypervisor",
      "cmdline",
    ] as const
  ) assert.deepEqual(read[name], own[name], name);
  assert.equal(read.sched_core, null, "without a configuration it is not known");
});

Deno.test("the configuration of the kernel tells what no file of a guest does", async () => {
  const config = new Map([["HZ", "250"], ["SCHED_CORE", "y"], ["PREEMPT_VOLUNTARY", "y"], ["KVM", "n"]]);
  const found = await fingerprint(null, guestFiles("/proc/sys/kernel/osrelease:6.12.9\n", config));
  assert.equal(found.kernel, "6.12.9");
  assert.equal(found.hz, 250);
  assert.equal(found.sched_core, true);
  assert.equal(found.preempt, "voluntary");
  assert.equal(found.cpu_model, null);
});
