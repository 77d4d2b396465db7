import assert from "node:assert/strict";
import { nativeProgram } from "../../../lib/native/programs.ts";
import { buildInitrd, cpio } from "../../../lib/vm/initrd/mod.ts";
import { GuestError, type GuestOptions, startGuest } from "../../../lib/vm/qemu/mod.ts";
import { testKernel } from "../test_kernel.ts";
import { ownRunBase, processesWith } from "./tiny_guest.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** How the start of a guest with the test kernel ends that cannot come up. */
async function failure(options: Partial<GuestOptions>): Promise<GuestError> {
  const { path } = await testKernel();
  const found = await startGuest({
    kernel: path,
    accelerator: "tcg",
    cores: 1,
    threads: 1,
    ready: "init",
    bootTimeout: 120_000,
    ...options,
  }).then((guest) => guest[Symbol.asyncDispose](), (error) => error);
  assert.ok(found instanceof GuestError, String(found));
  return found;
}

/** An initial RAM disk with `data` as its /init. */
async function initrdOf(
  base: string,
  data: Uint8Array | string,
  more: Uint8Array = new Uint8Array(),
): Promise<string> {
  const bytes = (of: Uint8Array | string) => typeof of === "string" ? new TextEncoder().encode(of) : of;
  const path = `${base}/initrd-${crypto.randomUUID()}`;
  const entry = (name: string, content: Uint8Array | string) => ({
    kind: "file" as const,
    path: name,
    mode: 0o755,
    data: bytes(content),
  });
  await Deno.writeFile(path, cpio([entry("/init", data), entry("/busybox", more)]));
  return path;
}

Deno.test("Linux comes up to its agent with the threads of its cores, and goes on from a snapshot as often as wanted", async () => {
  await using base = await ownRunBase();
  const { path: kernel } = await testKernel();
  const { path: initrd } = await buildInitrd("l1");
  const disk = `${base.path}/a disk, read-only`;
  await Deno.writeTextFile(disk, "words".padEnd(4096));
  const options: GuestOptions = {
    kernel,
    initrd,
    accelerator: "tcg",
    memory: 256,
    bootTimeout: 180_000,
    ports: ["one"],
    drives: [{ path: disk, readOnly: true }],
  };
  const file = `${base.path}/state`;
  {
    await using guest = await startGuest(options);
    assert.ok(guest.bootTime! > 1e8);
    const { stdout, code } = await guest.agent.exec(
      "cat /sys/devices/system/cpu/cpu*/topology/thread_siblings_list; echo told >/tmp/note; exit 7",
    );
    assert.deepEqual([text(stdout).split("\n"), code], [["0-1", "0-1", "2-3", "2-3", ""], 7]);
    const disk = await guest.agent.exec("head -c 5 /dev/vda; echo other >/dev/vda");
    assert.equal(text(disk.stdout), "words");
    assert.notEqual(disk.code, 0);
    const port =
      "for p in /sys/class/virtio-ports/*; do grep -q ^one$ $p/name && echo hello >/dev/${p##*/}; done; true";
    assert.equal((await guest.agent.exec(port)).code, 0);
    const bytes = new Uint8Array(100);
    assert.equal(text(bytes.subarray(0, await guest.port("one").read(bytes) ?? 0)), "hello\n");
    // Words of a guest inside, say: this one's own kernel goes on, and so it is left alone.
    await guest.agent.exec('echo "Kernel panic - not syncing: of another" >/dev/console; sleep 5');
    assert.ok(guest.console.some(({ text }) => text.includes("of another")));
    await guest.snapshot(file);
    assert.equal((await guest.ended).reason, "killed");
    assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600);
  }
  for (let round = 0; round < 2; round++) {
    await using guest = await startGuest({ ...options, restoreFrom: file });
    const { stdout } = await guest.agent.exec("cat /tmp/note; echo changed >/tmp/note; nproc");
    assert.equal(text(stdout), "told\n4\n");
    assert.equal((await guest.shutdown({ timeout: 60_000 })).reason, "poweroff");
  }
  await assert.rejects(startGuest({ ...options, restoreFrom: file, memory: 128 }), {
    name: "VmError",
    message: /is of another guest: arguments: .*256M.*128M/,
  });
  await Deno.remove(file);
  assert.match(await Deno.readTextFile(disk), /^words/);
  await Deno.remove(disk);
  assert.deepEqual([...Deno.readDirSync(base.path)], []);
  assert.deepEqual(processesWith(base.path), []);
});

Deno.test("the accelerator that is chosen is one under which the kernel comes up", async () => {
  const { path: kernel } = await testKernel();
  await using base = await ownRunBase();
  const before = Deno.env.get("SCHEDSCOPE_CACHE");
  const said: string[] = [];
  const options: GuestOptions = { kernel, ready: "running", onProgress: (text) => said.push(text) };
  Deno.env.set("SCHEDSCOPE_CACHE", `${base.path}/cache`);
  try {
    await using guest = await startGuest(options);
    const { kind, reason, meaning } = guest.accelerator;
    assert.ok(reason.length > 10 && meaning.length > 10);
    assert.match(guest.commandLine.join(" "), kind === "kvm" ? /-accel kvm/ : /-accel tcg/);
    await using again = await startGuest(options);
    assert.deepEqual(again.accelerator, guest.accelerator);
    assert.ok(said.filter((text) => text.startsWith("trying KVM")).length <= 1);
  } finally {
    if (before === undefined) Deno.env.delete("SCHEDSCOPE_CACHE");
    else Deno.env.set("SCHEDSCOPE_CACHE", before);
  }
});

Deno.test("a panic of Linux is told with its cause: no RAM disk, an init that ends or is none", async () => {
  await using base = await ownRunBase();
  const none = await failure({});
  assert.equal(none.end.reason, "panic");
  assert.match(none.message, /Unable to mount root fs.*no initial RAM disk/);
  const ending = await failure({
    initrd: await initrdOf(base.path, await Deno.readFile(nativeProgram("schedscope-spin"))),
  });
  assert.equal(ending.end.reason, "panic");
  assert.match(ending.message, /Attempted to kill init.*first program of the initial RAM disk ended/);
  assert.ok(ending.end.console.length > 1);
});

Deno.test("a guest that runs out of memory says so, one that has too little for its RAM disk is not started", async () => {
  await using base = await ownRunBase();
  const busybox = await Deno.readFile("/bin/busybox");
  const hungry = await initrdOf(
    base.path,
    "#!/busybox sh\n/busybox mknod /zero c 1 5\nexec /busybox tail /zero\n",
    busybox,
  );
  const found = await failure({ initrd: hungry, memory: 64 });
  assert.equal(found.end.reason, "panic");
  assert.match(found.message, /too little memory/);
  const large = `${base.path}/large`;
  await Deno.writeFile(large, new Uint8Array());
  await Deno.truncate(large, 48 << 20);
  const { path: kernel } = await testKernel();
  await assert.rejects(startGuest({ kernel, initrd: large, memory: 96 }), {
    name: "VmError",
    message: /48.0 MiB and would not fit into a guest of 96 MiB; give it 128 or more/,
  });
});

Deno.test("what is no kernel, no RAM disk or no guest is refused before QEMU is started", async () => {
  await using base = await ownRunBase();
  const kernel = `${base.path}/kernel`;
  await assert.rejects(startGuest({ kernel }), { name: "UnfitKernelError" });
  await Deno.writeTextFile(kernel, "#!/bin/sh\necho I am no kernel\n");
  await assert.rejects(startGuest({ kernel }), { name: "UnfitKernelError" });
  await assert.rejects(startGuest({ kernel: "/bin/sh" }), { name: "UnfitKernelError" });
  await assert.rejects(startGuest({ kernel, initrd: "/nowhere/initrd" }), {
    name: "VmError",
    message: "The initial RAM disk /nowhere/initrd: there is no such file",
  });
  await assert.rejects(startGuest({ kernel, memory: 0.5 }), { name: "VmError", message: /memory.*0.5/ });
  await assert.rejects(startGuest({ kernel, cores: 200, threads: 2 }), { message: /255 vCPUs.*400/ });
  await assert.rejects(startGuest({ kernel, ports: ["a,b"] }), { name: "VmError" });
  await assert.rejects(startGuest({ kernel, drives: [{ path: "/nowhere/disk" }] }), {
    message: /disk.*no such file/,
  });
});
