import assert from "node:assert/strict";
import { findQemu } from "../../../lib/vm/qemu/find_qemu.ts";
import { launch } from "../../../lib/vm/qemu/launch.ts";
import type { GuestOptions } from "../../../lib/vm/qemu/options.ts";
import type { RunningGuest } from "../../../lib/vm/qemu/running_guest.ts";
import { ownRunBase } from "./tiny_guest.ts";
import { tinyKernel } from "./tiny_kernel.ts";

/** A directory with a kernel that does nothing after it came up, and guests of it. */
async function bench(): Promise<
  { readonly path: string; start(options?: Partial<GuestOptions>): Promise<RunningGuest> } & AsyncDisposable
> {
  const base = await ownRunBase();
  const kernel = `${base.path}/kernel`;
  await Deno.writeFile(kernel, tinyKernel("schedscope: init\r\n", "spin"));
  const qemu = await findQemu();
  return {
    path: base.path,
    start: (options = {}) =>
      launch(
        { kernel, memory: 16, cores: 1, threads: 2, ready: "init", ...options },
        qemu,
        kernel,
        { kind: "tcg", reason: "for a test", meaning: "none", nested: "tcg" },
      ),
    [Symbol.asyncDispose]: () => base[Symbol.asyncDispose](),
  };
}

const status = async (guest: RunningGuest) =>
  (await guest.qmp.execute<{ status: string }>("query-status")).status;

Deno.test("a guest goes on after its snapshot where that is wanted, and another from the snapshot", async () => {
  await using own = await bench();
  const file = `${own.path}/state, with a comma`;
  await using guest = await own.start();
  await guest.snapshot(file, { resume: true });
  assert.equal(await status(guest), "running");
  await guest.snapshot(file);
  assert.match((await guest.ended).detail, /state was written/);
  await using copy = await own.start({ restoreFrom: file });
  assert.equal(await status(copy), "running");
  assert.deepEqual(copy.console, []);
  assert.equal(copy.bootTime, undefined);
});

Deno.test("a file that is no snapshot, a damaged one and one of another guest are told apart", async () => {
  await using own = await bench();
  const file = `${own.path}/state`;
  {
    await using guest = await own.start();
    await guest.snapshot(file);
  }
  const bytes = await Deno.readFile(file);
  await assert.rejects(own.start({ restoreFrom: file, threads: 1 }), {
    message: /another guest: arguments: it has /,
  });
  await assert.rejects(own.start({ restoreFrom: `${own.path}/none` }), { message: /cannot be read/ });
  await Deno.writeFile(`${own.path}/short`, bytes.subarray(0, 12));
  await assert.rejects(own.start({ restoreFrom: `${own.path}/short` }), { message: /is not a snapshot/ });
  for (
    const [name, damaged] of [["cut", bytes.subarray(0, bytes.length >> 1)], [
      "empty",
      bytes.slice(),
    ]] as const
  ) {
    if (name === "empty") damaged.fill(0, 2000);
    await Deno.writeFile(`${own.path}/${name}`, damaged);
    await assert.rejects(own.start({ restoreFrom: `${own.path}/${name}` }), {
      name: /VmError|GuestError|QmpError/,
    });
  }
  await Deno.writeFile(`${own.path}/kernel`, tinyKernel("schedscope: init\r\nother\r\n", "spin"));
  await assert.rejects(own.start({ restoreFrom: file }), { message: /the kernel has other bytes/ });
});

Deno.test("a snapshot that cannot be written leaves no file, and its guest is ended", async () => {
  await using own = await bench();
  await using guest = await own.start();
  // A directory of that name: neither opened nor replaced.
  await Deno.mkdir(`${own.path}/taken`);
  await Deno.writeTextFile(`${own.path}/taken/file`, "");
  await assert.rejects(guest.snapshot(`${own.path}/taken`), {
    name: "VmError",
    message: /could not be written/,
  });
  assert.equal((await guest.ended).reason, "killed");
  await using second = await own.start();
  await assert.rejects(second.snapshot("/dev/full/state"), {
    name: "VmError",
    message: /could not be written/,
  });
  await using third = await own.start({ drives: [{ path: `${own.path}/kernel` }] });
  await assert.rejects(third.snapshot(`${own.path}/state`), { name: "VmError", message: /holds no disks/ });
  assert.equal(await status(third), "running");
  await using fourth = await own.start();
  const reason = new Error("enough");
  await assert.rejects(fourth.snapshot(`${own.path}/state`, { signal: AbortSignal.abort(reason) }), reason);
  const left = [...Deno.readDirSync(own.path)].map(({ name }) => name).filter((name) =>
    !name.endsWith("-vm")
  );
  assert.deepEqual(left.sort(), ["kernel", "taken"]);
});
