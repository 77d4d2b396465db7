import assert from "node:assert/strict";
import { parseKernelConfig } from "../../../lib/vm/kernel/kernel_config.ts";
import { kernelLacks } from "../../../lib/vm/kernel/kernel_lacks.ts";
import { testKernel } from "../test_kernel.ts";

const everything = async () => {
  const { config, release } = await testKernel();
  return { config: parseKernelConfig(await Deno.readTextFile(config)), release };
};

Deno.test("the kernel of the tests lacks nothing for any target", async () => {
  const image = await everything();
  for (const target of ["boot", "user", "kvm"] as const) assert.deepEqual(kernelLacks(image, target), []);
});

Deno.test("what is missing is told with its cost, the fatal first, to the targets that need it", async () => {
  const { config, release } = await everything();
  config.set("BLK_DEV_INITRD", "n");
  config.set("SCHED_CORE", "n");
  config.set("HWLAT_TRACER", "n");
  config.delete("VIRTIO_CONSOLE");
  const told = (target: "boot" | "user" | "kvm") =>
    kernelLacks({ config, release }, target).map(({ option, fatal }) => `${option}${fatal ? "!" : ""}`);
  assert.deepEqual(told("boot"), ["BLK_DEV_INITRD!", "VIRTIO_CONSOLE!"]);
  assert.deepEqual(told("user"), ["BLK_DEV_INITRD!", "VIRTIO_CONSOLE!", "SCHED_CORE"]);
  assert.deepEqual(told("kvm"), ["BLK_DEV_INITRD!", "VIRTIO_CONSOLE!", "HWLAT_TRACER!", "SCHED_CORE"]);
  for (const { cost } of kernelLacks({ config, release }, "kvm")) assert.match(cost, /^[a-z].{20,}[^.]$/);
});

Deno.test("a module is as good as nothing, and said to be one", async () => {
  const { config, release } = await everything();
  config.set("VIRTIO_PCI", "m");
  const [lack] = kernelLacks({ config, release }, "boot");
  assert.ok(lack!.fatal);
  assert.match(lack!.cost, /\(VIRTIO_PCI is a module, and guests have no modules\)$/);
});

Deno.test("one processor's KVM is enough to run, and the other's absence is told", async () => {
  const { config, release } = await everything();
  config.set("KVM_INTEL", "n");
  assert.deepEqual(
    kernelLacks({ config, release }, "kvm").map(({ option, fatal }) => [option, fatal]),
    [["KVM_INTEL", false]],
  );
  config.set("KVM_AMD", "m");
  assert.deepEqual(
    kernelLacks({ config, release }, "kvm").map(({ option, fatal }) => [option, fatal]),
    [["KVM_AMD or KVM_INTEL", true], ["KVM_AMD", false], ["KVM_INTEL", false]],
  );
});

Deno.test("what a release does not have yet, or has no more as an option, it does not lack", async () => {
  const { config } = await everything();
  config.delete("SCHED_CORE");
  config.delete("SCHED_DEBUG");
  const told = (release: string) => kernelLacks({ config, release }, "user").map(({ option }) => option);
  assert.deepEqual(told("5.10.0-9-amd64"), ["SCHED_DEBUG"]);
  assert.deepEqual(told("6.1.192"), ["SCHED_CORE", "SCHED_DEBUG"]);
  assert.deepEqual(told("6.15.0-rc1"), ["SCHED_CORE"]);
});

Deno.test("of a kernel whose configuration is not known only that is told", () => {
  const [lack, ...more] = kernelLacks({ release: "6.12.0" }, "kvm");
  assert.deepEqual([lack!.option, lack!.fatal, more.length], ["IKCONFIG", false, 0]);
});
