import assert from "node:assert/strict";
import { GuestError } from "../../../lib/vm/qemu/guest_end.ts";
import { ownRunBase, processesWith, tinyGuest } from "./tiny_guest.ts";

const INIT = "schedscope: init\r\n";

Deno.test("a guest comes up with its vCPUs' threads, its console and its control channel, and leaves nothing", async () => {
  await using base = await ownRunBase();
  const lines: string[] = [];
  const guest = await tinyGuest(base.path, `hello\r\n\xff${INIT}`, "halt", {
    cores: 1,
    threads: 2,
    ports: ["one", "two"],
    onConsole: ({ text }) => lines.push(text),
  });
  assert.equal(guest.vcpus.length, 2);
  assert.deepEqual(guest.vcpus.map(({ index, core, thread }) => [index, core, thread]), [[0, 0, 0], [
    1,
    0,
    1,
  ]]);
  assert.equal(new Set(guest.vcpus.map(({ tid }) => tid)).size, 2);
  for (const { tid } of guest.vcpus) {
    assert.match(await Deno.readTextFile(`/proc/${guest.pid}/task/${tid}/comm`), /^CPU \d\/TCG/);
  }
  // A session of its own: Ctrl-C in a terminal is for who started it.
  const stat = await Deno.readTextFile(`/proc/${guest.pid}/stat`);
  assert.equal(Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3]), guest.pid);
  assert.ok(guest.bootTime! > 0 && guest.startTime! > guest.bootTime!);
  assert.equal(lines[0], "hello");
  assert.deepEqual(guest.console.map(({ text }) => text), lines);
  assert.deepEqual(
    await guest.qmp.execute("query-status").then((status) => (status as { status: string }).status),
    "running",
  );
  assert.ok(guest.port("two") !== guest.port("one"));
  assert.throws(() => guest.port("three"), { name: "VmError" });
  assert.throws(() => guest.agent, { name: "VmError" });
  assert.equal([...Deno.readDirSync(base.path)].filter(({ name }) => name.endsWith("-vm")).length, 1);
  await guest[Symbol.asyncDispose]();
  await guest[Symbol.asyncDispose]();
  assert.equal((await guest.ended).reason, "killed");
  assert.deepEqual([...Deno.readDirSync(base.path)], []);
  assert.deepEqual(processesWith(base.path), []);
});

Deno.test("each vCPU may run on the CPU it was pinned to and no other", async () => {
  await using base = await ownRunBase();
  await using guest = await tinyGuest(base.path, INIT, "spin", { pin: [0] });
  assert.equal(guest.pinning.kind, "given");
  assert.deepEqual(guest.vcpus[0]!.cpus, [0]);
  const status = await Deno.readTextFile(`/proc/${guest.pid}/task/${guest.vcpus[0]!.tid}/status`);
  assert.match(status, /^Cpus_allowed_list:\s*0$/m);
  await assert.rejects(tinyGuest(base.path, INIT, "halt", { pin: [0, 0] }), { message: /2 CPUs.*1 vCPUs/ });
  await assert.rejects(tinyGuest(base.path, INIT, "halt", { pin: [4095] }), {
    message: /could not be pinned to CPU 4095/,
  });
});

Deno.test("how a guest ended: powered off, restarted, panicked, reset without a word, or of QEMU's own", async () => {
  await using base = await ownRunBase();
  const endOf = async (text: string, end: Parameters<typeof tinyGuest>[2]) => {
    await using guest = await tinyGuest(base.path, `${INIT}${text}`, end, { ready: "running" });
    return await guest.ended;
  };
  assert.equal((await endOf("", "poweroff")).reason, "poweroff");
  assert.equal((await endOf("[    1.0] reboot: Restarting system\r\n", "reset")).reason, "reset");
  const panic = await endOf(
    "[    0.5] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n",
    "reset",
  );
  assert.equal(panic.reason, "panic");
  assert.match(panic.detail, /Unable to mount root fs.*initial RAM disk/);
  assert.equal(panic.console.length, 2);
  const fault = await endOf("", "triple-fault");
  assert.equal(fault.reason, "triple-fault");
  await using guest = await tinyGuest(base.path, INIT, "spin");
  Deno.kill(guest.pid, "SIGSEGV");
  const died = await guest.ended;
  assert.deepEqual([died.reason, died.detail], ["died", "QEMU was killed by SIGSEGV and said nothing"]);
});

Deno.test("a kernel that panics and stays is ended, and its words cannot do anything to a terminal", async () => {
  await using base = await ownRunBase();
  await using guest = await tinyGuest(base.path, `${INIT}Kernel panic - not syncing: Oh \x1b[2J\r\n`, "spin");
  const end = await guest.ended;
  assert.equal(end.reason, "panic");
  assert.match(end.detail, /panicked: Oh /);
  assert.ok(!end.detail.includes("\x1b"));
});

Deno.test("a start that fails says how the guest ended and what was last on its console", async () => {
  await using base = await ownRunBase();
  const start = (text: string, end: Parameters<typeof tinyGuest>[2], bootTimeout: number) =>
    tinyGuest(base.path, text, end, { bootTimeout });
  await assert.rejects(start("one\r\ntwo\x07\r\n", "triple-fault", 60_000), (error) => {
    assert.ok(error instanceof GuestError);
    assert.equal(error.end.reason, "triple-fault");
    assert.match(error.message, /did not come up.*triple fault[^]*\n {2}one\n {2}two/);
    return true;
  });
  await assert.rejects(start("", "halt", 1500), (error) => {
    assert.ok(error instanceof GuestError);
    assert.match(error.message, /did not reach its init within 1.5 s.*CONFIG_SERIAL_8250_CONSOLE/);
    return true;
  });
  await assert.rejects(start("stuck here", "halt", 5000), { message: /within 5 s[^]*stuck here/ });
  assert.deepEqual([...Deno.readDirSync(base.path)], []);
});

Deno.test("arguments that QEMU does not take: its own words", async () => {
  await using base = await ownRunBase();
  await assert.rejects(tinyGuest(base.path, INIT, "halt", { arguments: ["-device", "warp-drive"] }), {
    name: "GuestError",
    message: /QEMU ended with code 1: .*warp-drive/,
  });
  await assert.rejects(tinyGuest(base.path, INIT, "halt", { memory: 1 << 24 }), {
    message: /QEMU .*(memory|ram|size|phys)/i,
  });
  await assert.rejects(tinyGuest(base.path, INIT, "halt", { cmdline: "x".repeat(3000) }), {
    message: /2047 bytes/,
  });
  assert.deepEqual([...Deno.readDirSync(base.path)], []);
});

Deno.test("an abort ends a guest in every phase of its start, with the caller's reason", async () => {
  await using base = await ownRunBase();
  const reason = new Error("the caller's own");
  await assert.rejects(tinyGuest(base.path, INIT, "halt", { signal: AbortSignal.abort(reason) }), reason);
  for (const delay of [0, 5, 20, 40, 80, 160]) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(reason), delay);
    await assert.rejects(tinyGuest(base.path, "", "spin", { signal: stop.signal }), reason);
    clearTimeout(timer);
  }
  const stop = new AbortController();
  const guest = await tinyGuest(base.path, INIT, "spin", { signal: stop.signal });
  stop.abort(reason);
  assert.deepEqual((await guest.ended).detail, "it was aborted");
  assert.deepEqual([...Deno.readDirSync(base.path)], []);
  assert.deepEqual(processesWith(base.path), []);
});

Deno.test("a guest without an agent is ended by shutdown, a callback that throws ends its guest", async () => {
  await using base = await ownRunBase();
  const guest = await tinyGuest(base.path, INIT, "halt");
  assert.equal((await guest.shutdown()).reason, "killed");
  await assert.rejects(
    tinyGuest(base.path, `boo\r\n${INIT}`, "halt", {
      onConsole: () => {
        throw new Error("I cannot listen");
      },
    }),
    { message: /I cannot listen/ },
  );
});
