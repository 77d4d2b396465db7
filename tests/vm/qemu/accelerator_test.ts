import assert from "node:assert/strict";
import { chooseAccelerator, type KvmTrial } from "../../../lib/vm/qemu/accelerator.ts";
import { type KvmDevice, kvmDevice } from "../../../lib/vm/qemu/kvm_device.ts";
import { cpuModelOf } from "../../../lib/vm/qemu/machine.ts";

const QEMU = { path: "/usr/bin/qemu-system-x86_64", version: "7.2.22" };

const DEVICE: KvmDevice = { lacks: undefined, remedy: undefined, identity: "10:232 kvm_amd", nested: true };

/** A cache and a kernel of its own, and how often the trial was made. */
async function bench(works: boolean) {
  const directory = await Deno.makeTempDir();
  const before = Deno.env.get("SCHEDSCOPE_CACHE");
  Deno.env.set("SCHEDSCOPE_CACHE", directory);
  const kernel = `${directory}/kernel`;
  await Deno.writeTextFile(kernel, "1");
  let trials = 0;
  const trial: KvmTrial = () => {
    trials++;
    return Promise.resolve({ works, reason: works ? "it booted" : "it hung" });
  };
  return {
    kernel,
    trial,
    get trials() {
      return trials;
    },
    async [Symbol.asyncDispose]() {
      if (before === undefined) Deno.env.delete("SCHEDSCOPE_CACHE");
      else Deno.env.set("SCHEDSCOPE_CACHE", before);
      await Deno.remove(directory, { recursive: true });
    },
  };
}

Deno.test("KVM is taken after a trial, which is made once for a host, a QEMU and a device", async () => {
  await using own = await bench(true);
  const { kernel, trial } = own;
  for (let round = 0; round < 2; round++) {
    const found = await chooseAccelerator({ kernel, nested: true }, QEMU, kernel, { device: DEVICE, trial });
    assert.deepEqual([found.kind, found.reason, found.nested], ["kvm", "it booted", "kvm"]);
  }
  assert.equal(own.trials, 1);
  await chooseAccelerator({ kernel }, { ...QEMU, version: "8.0.0" }, kernel, { device: DEVICE, trial });
  await chooseAccelerator({ kernel }, QEMU, kernel, { device: { ...DEVICE, identity: "other" }, trial });
  assert.equal(own.trials, 3);
  const host = await chooseAccelerator({ kernel, nested: true }, QEMU, kernel, {
    device: { ...DEVICE, nested: false, identity: "flat" },
    trial,
  });
  assert.equal(host.nested, "tcg");
});

Deno.test("a KVM under which the probe hung is not taken, and only for that kernel", async () => {
  await using own = await bench(false);
  const { kernel, trial } = own;
  for (let round = 0; round < 2; round++) {
    const found = await chooseAccelerator({ kernel, nested: true }, QEMU, kernel, { device: DEVICE, trial });
    assert.deepEqual([found.kind, found.reason, found.nested], ["tcg", "it hung", "kvm"]);
    assert.match(found.meaning, /not with hardware/);
  }
  assert.equal(own.trials, 1);
  await assert.rejects(
    chooseAccelerator({ kernel, accelerator: "kvm" }, QEMU, kernel, { device: DEVICE, trial }),
    { name: "LackingError", message: /KVM does not work here: it hung/ },
  );
  await Deno.writeTextFile(kernel, "another");
  await chooseAccelerator({ kernel }, QEMU, kernel, { device: DEVICE, trial });
  assert.equal(own.trials, 2);
});

Deno.test("no device, no trial: the reason is the device's, the remedy too", async () => {
  await using own = await bench(true);
  const { kernel, trial } = own;
  const device = kvmDevice({ device: "/nowhere/kvm" });
  const found = await chooseAccelerator({ kernel }, QEMU, kernel, { device, trial });
  assert.equal(found.kind, "tcg");
  assert.match(found.reason, /there is no \/nowhere\/kvm|needs an x86-64 Linux host/);
  await assert.rejects(chooseAccelerator({ kernel, accelerator: "kvm" }, QEMU, kernel, { device, trial }), {
    name: "LackingError",
    remedy: device.remedy,
  });
  const asked = await chooseAccelerator({ kernel, accelerator: "tcg" }, QEMU, kernel, {
    device: DEVICE,
    trial,
  });
  assert.equal(asked.reason, "it was asked for");
  assert.equal(own.trials, 0);
});

Deno.test("the processor is one with thread siblings, and with nesting where that was asked for", () => {
  assert.equal(cpuModelOf("tcg", false, "AuthenticAMD"), "max,vendor=GenuineIntel");
  assert.equal(cpuModelOf("tcg", true, "GenuineIntel"), "max,+svm");
  assert.equal(cpuModelOf("kvm", true, "GenuineIntel"), "host");
  assert.equal(cpuModelOf("kvm", false, "AuthenticAMD"), "host,topoext=on");
});
