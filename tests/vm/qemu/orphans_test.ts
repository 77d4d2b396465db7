import assert from "node:assert/strict";
import { RunDirectory, sweepRunDirectories } from "../../../lib/vm/qemu/run_directory.ts";
import { randomFrom } from "../../seeded.ts";
import { orphanGuest } from "./orphan_guest.ts";
import { ownRunBase, processesWith } from "./tiny_guest.ts";

/**
 * Guests that are started and ended, and how many of them lose their parent; `SCHEDSCOPE_TEST_GUESTS` makes it more, and
 * `SCHEDSCOPE_TEST_BOOT=1` boots Linux to its agent in each of them.
 */
const GUESTS = Number(Deno.env.get("SCHEDSCOPE_TEST_GUESTS") || 50);
const LONGEST = Deno.env.get("SCHEDSCOPE_TEST_BOOT") ? 5000 : 400;
const ORPHANS = Math.ceil(GUESTS / 5);

/** A process that starts guests one after the other, killed by `signal` after `delay` ms. */
async function loseParent(base: string, kernels: string, delay: number, signal: Deno.Signal): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL("orphan_child.ts", import.meta.url).pathname, kernels],
    env: { XDG_RUNTIME_DIR: base },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await new Promise((resolve) => setTimeout(resolve, delay));
  child.kill(signal);
  await child.status;
  await reader.cancel();
}

/** Waits until `condition` holds, at most 20 s. */
async function eventually(what: string, condition: () => boolean): Promise<void> {
  const until = performance.now() + 20_000;
  while (!condition()) {
    assert.ok(performance.now() < until, what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const sockets = (base: string) =>
  Deno.readTextFileSync("/proc/net/unix").split("\n").filter((line) => line.includes(base));
const mounts = () => Deno.readTextFileSync("/proc/self/mounts");

Deno.test(`${GUESTS} guests in a row, ${ORPHANS} of which lose their parent at any moment: nothing is left of any`, async () => {
  await using base = await ownRunBase();
  const kernels = await Deno.makeTempDir();
  const random = randomFrom(Deno.pid);
  const before = mounts();
  try {
    for (let index = 0; index < GUESTS; index++) {
      if (index % 5 === 2) {
        const signal = index % 25 === 7 ? "SIGINT" : index % 25 === 12 ? "SIGTERM" : "SIGKILL";
        await loseParent(base.path, kernels, random(LONGEST), signal);
        await eventually(`process of the orphan ${index}`, () => processesWith(base.path).length === 0);
        continue;
      }
      await using guest = await orphanGuest(kernels);
      assert.ok(guest.pid > 0);
    }
    assert.deepEqual(processesWith(base.path), []);
    assert.deepEqual([...Deno.readDirSync(base.path)].map(({ name }) => name), []);
    assert.deepEqual(sockets(base.path), []);
    assert.equal(mounts(), before);
  } finally {
    await Deno.remove(kernels, { recursive: true });
  }
});

Deno.test("what a dead owner left is swept, what lives and what is somebody's else is not", async () => {
  await using base = await ownRunBase();
  // Processes of 2^22 and more there are none: this owner is dead.
  const dead = `${base.path}/schedscope-4194305-17-0-vm`;
  await Deno.mkdir(`${dead}/deep`, { recursive: true });
  const sleeper = new Deno.Command("sleep", { args: ["60"] }).spawn();
  const stat = await Deno.readTextFile(`/proc/${sleeper.pid}/stat`);
  const startTime = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  await Deno.writeTextFile(`${dead}/process`, `${sleeper.pid} ${startTime}`);
  const reused = `${base.path}/schedscope-4194305-17-1-vm`;
  await Deno.mkdir(reused);
  await Deno.writeTextFile(`${reused}/process`, `${Deno.pid} 1`);
  await Deno.mkdir(`${base.path}/schedscope-4194305-17-2`);
  await Deno.mkdir(`${base.path}/other-vm`);
  {
    await using own = await RunDirectory.create(base.path);
    assert.equal((await Deno.stat(own.path)).mode! & 0o777, 0o700);
    assert.deepEqual(sweepRunDirectories(base.path), []);
    assert.deepEqual(
      [...Deno.readDirSync(base.path)].map(({ name }) => name).sort(),
      ["other-vm", "schedscope-4194305-17-2", own.path.slice(base.path.length + 1)].sort(),
    );
    assert.throws(() => own.socket("x".repeat(120)), { message: /107 bytes/ });
  }
  assert.equal((await sleeper.status).signal, "SIGKILL");
  assert.equal([...Deno.readDirSync(base.path)].length, 2);
});
