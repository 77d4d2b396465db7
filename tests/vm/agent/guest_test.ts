import assert from "node:assert/strict";
import { openTrace } from "../../../lib/trace/open.ts";
import { buildInitrd } from "../../../lib/vm/initrd/mod.ts";
import { startGuest } from "../../../lib/vm/qemu/mod.ts";
import { testKernel } from "../test_kernel.ts";
import { textOf } from "./host_agent.ts";

const timeout = 120_000;

Deno.test("the agent as process 1 of a real guest", async (t) => {
  const kernel = await testKernel();
  const initrd = await buildInitrd("l1");
  await using guest = await startGuest({
    kernel: kernel.path,
    initrd: initrd.path,
    memory: 512,
    cores: 2,
    threads: 1,
    bootTimeout: 180_000,
  });
  const { agent } = guest;
  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await work();
    console.log(`  ${what}: ${(performance.now() - start).toFixed(1)} ms`);
    return result;
  };

  await t.step("it is init, and says which kernel it is of", async () => {
    const hello = await agent.hello;
    assert.deepEqual([hello.isInit, hello.cpus, hello.release], [true, 2, kernel.release]);
    assert.equal(hello.transport, "port org.schedscope.agent");
  });

  await t.step("programs one after the other and at once, nothing stays unreaped", async () => {
    const each: number[] = [];
    for (let i = 0; i < 100; i++) {
      const start = performance.now();
      assert.equal((await agent.exec(["/bin/true"], { timeout })).code, 0);
      each.push(performance.now() - start);
    }
    each.sort((x, y) => x - y);
    console.log(`  exec: median ${each[50]!.toFixed(1)} ms, least ${each[0]!.toFixed(1)} ms`);
    const many = await timed("20 at once", () =>
      Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          agent.exec(`(sleep 0.1 &) ; echo ${i}; echo e >&2; exit ${i}`, { timeout })),
      ));
    many.forEach((result, i) =>
      assert.deepEqual([textOf(result.stdout), textOf(result.stderr), result.code], [`${i}\n`, "e\n", i])
    );
    await agent.exec(["sleep", "0.5"], { timeout });
    const states = await agent.exec("cat /proc/[0-9]*/stat 2>/dev/null | grep -c ') Z '", { timeout });
    assert.equal(textOf(states.stdout), "0\n");
    await assert.rejects(agent.exec("sleep 100 & sleep 100", { timeout: 300 }), { name: "TimeoutError" });
    await agent.exec(["sleep", "0.2"], { timeout });
    assert.equal(textOf((await agent.exec("ps | grep -c '[s]leep 100'", { timeout })).stdout), "0\n");
  });

  await t.step("64 MiB there and back, and 16 MiB of output", async () => {
    const data = new Uint8Array(64 << 20);
    for (let at = 0; at < data.length; at += 65536) crypto.getRandomValues(data.subarray(at, at + 65536));
    const sumOf = async (bytes: Uint8Array<ArrayBuffer>) =>
      new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    await timed("push of 64 MiB", () => agent.push("/dev/shm/big", data, { timeout }));
    const back = await timed("pull of 64 MiB", () => agent.pull("/dev/shm/big", { timeout }));
    assert.equal(await sumOf(back), await sumOf(data));
    const seen = await agent.exec(["sha256sum", "/dev/shm/big"], { timeout });
    assert.equal(textOf(seen.stdout).split(" ")[0], await sumOf(data));
    const { stdout } = await timed(
      "16 MiB of stdout",
      () => agent.exec("dd if=/dev/shm/big bs=65536 count=256 2>/dev/null", { timeout }),
    );
    assert.equal(await sumOf(stdout), await sumOf(data.slice(0, 16 << 20)));
  });

  await t.step("its clocks belong to the host's", async () => {
    const clock = await agent.clock({ samples: 300, timeout });
    console.log(
      `  clock: sd ${(clock.mono.sd / 1e3).toFixed(1)} us, max ${
        (clock.mono.max / 1e3).toFixed(1)
      } us, round trip ${(clock.rtt.min / 1e3).toFixed(0)} us; TSC ${(clock.tscHz / 1e6).toFixed(3)} MHz`,
    );
    assert.ok(clock.mono.sd < 1e6 && Math.abs(clock.mono.rate - 1) < 0.01, JSON.stringify(clock.rtt));
    const { mono } = await agent.readClock({ timeout });
    const [up] = textOf(await agent.pull("/proc/uptime")).split(" ").map(Number);
    assert.ok(Math.abs(Number(mono) / 1e9 - up!) < 30);
  });

  await t.step("a trace comes home and opens", async () => {
    const directory = await Deno.makeTempDir();
    try {
      const path = "/sys/kernel/tracing/instances/test";
      await agent.exec(
        `mkdir ${path}; echo 0 > ${path}/tracing_on; echo 4096 > ${path}/buffer_size_kb; echo x86-tsc > ${path}/trace_clock;
        echo 'sched:*' > ${path}/set_event; echo 1 > ${path}/tracing_on`,
        { timeout },
      );
      await agent.exec("for i in 1 2 3 4 5; do /bin/true; sleep 0.02; done", { timeout });
      await agent.push(`${path}/tracing_on`, "0", { inPlace: true, timeout });
      const text = await agent.pullText(`${path}/trace`, { timeout });
      const lines = text.split("\n").filter((line) => /\[\d+\] \S+ +\d+: sched_switch: /.test(line)).length;
      const output = `${directory}/guest.tracefs`;
      const pulled = await timed("trace", () => agent.pullTrace(output, { instance: "test", timeout }));
      assert.ok(pulled.whole && pulled.lost === 0, JSON.stringify(pulled));
      const trace = await openTrace(output);
      assert.equal(trace.counts.get("sched:sched_switch"), lines);
      assert.equal([...trace.counts.values()].reduce((sum, count) => sum + count, 0), pulled.events);
      assert.deepEqual([trace.host.release, trace.topology.cores.length], [kernel.release, 2]);
      assert.ok(Math.abs(trace.clock.hz! / (await agent.clock({ samples: 50, timeout })).tscHz - 1) < 0.01);
      assert.ok(trace.switches.column("next_comm").dictionary.includes("sleep"));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });

  await t.step("it powers off when told to", async () => {
    await agent.powerOff({ timeout });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<{ reason: string }>((resolve) => {
      timer = setTimeout(() => resolve({ reason: "it is still there" }), timeout);
    });
    const end = await Promise.race([guest.ended, late]);
    clearTimeout(timer);
    assert.equal(end.reason, "poweroff");
  });
});
