import assert from "node:assert/strict";
import { fingerprint } from "../../lib/bench/mod.ts";

function shell(command: string): string {
  const { stdout } = new Deno.Command("sh", { args: ["-c", command], stderr: "null" }).outputSync();
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("the fingerprint says what the system's own tools say", async () => {
  const print = await fingerprint("brackets");
  assert.equal(print.kernel, shell("uname -r"));
  assert.equal(print.arch, shell("uname -m"));
  assert.equal(print.tsc_method, "brackets");
  const hz = shell("(zcat /proc/config.gz || cat /boot/config-$(uname -r)) | sed -n 's/^CONFIG_HZ=//p'");
  assert.equal(print.hz, hz ? Number(hz) : null);
  const flags = shell("grep -m1 '^flags' /proc/cpuinfo");
  if (flags) assert.equal(print.hypervisor !== "none", / hypervisor( |$)/.test(flags));
  const slice = shell("cat /sys/kernel/debug/sched/base_slice_ns");
  assert.equal(print.base_slice, slice ? Number(slice) : null);
  const features = shell("cat /sys/kernel/debug/sched/features");
  if (features) {
    for (const name of features.split(" ")) {
      assert.equal(print.sched_features!.includes(name), !name.startsWith("NO_"), name);
    }
  }
  const mitigations = shell("cd /sys/devices/system/cpu/vulnerabilities && ls");
  assert.deepEqual(Object.keys(print.mitigations ?? {}), mitigations.split("\n"));
  assert.equal(print.cmdline, shell("cat /proc/cmdline"));
  for (const [name, value] of Object.entries(print)) {
    assert.notEqual(value, undefined, `${name} is null where absent`);
  }
  assert.deepEqual(JSON.parse(JSON.stringify(print)), print);
});
