import assert from "node:assert/strict";
import { AgentError } from "../../../lib/vm/agent/mod.ts";
import { patternOf, startHostAgent, textOf } from "./host_agent.ts";

/** A deadline for what must end at all. */
const timeout = 60_000;

Deno.test("the agent tells what uname and the kernel tell", async () => {
  await using agent = await startHostAgent();
  const hello = await agent.channel.hello;
  assert.equal(hello.release, Deno.osRelease());
  assert.equal(hello.nodename, Deno.hostname());
  assert.equal(hello.isInit, false);
  assert.match(hello.agent, /^schedscope-agent \d/);
  assert.ok(hello.cpus >= 1 && hello.pageSize >= 4096 && hello.clock.mono > 0n);
});

Deno.test("stdout, stderr, exit code and signal are told apart", async () => {
  await using agent = await startHostAgent();
  const { channel } = agent;
  const result = await channel.exec("echo out; echo err >&2; exit 7", { timeout });
  assert.deepEqual([result.code, result.signal], [7, null]);
  assert.deepEqual([textOf(result.stdout), textOf(result.stderr)], ["out\n", "err\n"]);
  const killed = await channel.exec("kill -SEGV $$", { timeout });
  assert.deepEqual([killed.code, killed.signal], [-1, "SIGSEGV"]);
  const words = await channel.exec(["printf", "%s|", "a b", "", "ü"], { timeout });
  assert.equal(textOf(words.stdout), "a b||ü|");
  const burnt = await channel.exec("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done", { timeout });
  assert.ok(burnt.cpu.user > 10e6 && burnt.maxResident > 100_000, JSON.stringify(burnt.cpu));
});

Deno.test("stdin, environment and working directory are as asked for", async () => {
  await using agent = await startHostAgent();
  const { channel, directory } = agent;
  const data = patternOf(20_000_001);
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < data.length; at += 700_001) controller.enqueue(data.subarray(at, at + 700_001));
      controller.close();
    },
  });
  for (const stdin of [data, stream]) {
    const { stdout } = await channel.exec(["cat"], { stdin, timeout });
    assert.ok(stdout.length === data.length && stdout.every((byte, i) => byte === data[i]));
  }
  const { stdout } = await channel.exec('pwd; echo "$A-$B"; cat', {
    cwd: directory,
    env: { A: "1", B: "x=y" },
    timeout,
  });
  assert.equal(textOf(stdout), `${directory}\n1-x=y\n`);
  const bare = await channel.exec(["/usr/bin/env"], { env: { ONLY: "this" }, clearEnv: true, timeout });
  assert.equal(textOf(bare.stdout), "ONLY=this\n");
  // It does not read: the rest of its stdin is let go.
  assert.equal((await channel.exec("exit 4", { stdin: data, timeout })).code, 4);
});

Deno.test("what cannot be started says why", async () => {
  await using agent = await startHostAgent();
  const { channel } = agent;
  const failing: [readonly string[], { cwd?: string }, RegExp][] = [
    [["/no/such/program"], {}, /exec \/no\/such\/program: .*No such file/],
    [["no-such-program"], {}, /no-such-program is in no directory of PATH/],
    [["/etc/passwd"], {}, /Permission denied/],
    [["true"], { cwd: "/no/such" }, /its working directory is not there/],
  ];
  for (const [argv, options, message] of failing) {
    await assert.rejects(channel.exec(argv, { ...options, timeout }), (error) => {
      assert.ok(error instanceof AgentError && error.errno > 0);
      assert.match(error.message, message);
      return true;
    });
  }
  await assert.rejects(channel.exec([]), /empty list/);
  await assert.rejects(channel.exec(["a\0b"]), /NUL/);
  await assert.rejects(channel.exec(["x".repeat(2_000_000)]), /use stdin/);
});

Deno.test("a program is killed with all its process group, by abort and by timeout", async () => {
  await using agent = await startHostAgent();
  const { channel } = agent;
  for (const how of ["abort", "timeout"]) {
    const controller = new AbortController();
    let pids: number[] = [];
    const running = channel.exec("sleep 1000 & echo $! $$; wait", {
      onStdout: (bytes) => {
        pids = textOf(bytes).trim().split(" ").map(Number);
        if (how === "abort") controller.abort(new Error("enough"));
      },
      signal: controller.signal,
      ...(how === "timeout" ? { timeout: 700 } : {}),
    });
    await assert.rejects(running, how === "abort" ? /^Error: enough$/ : { name: "TimeoutError" });
    if (pids.length === 0) continue;
    for (let tries = 0; pids.some(lives); tries++) {
      assert.ok(tries < 500, `processes ${pids} are still there`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  assert.equal((await channel.exec(["true"], { timeout })).code, 0);
});

Deno.test("a running program takes signals", async () => {
  await using agent = await startHostAgent();
  const result = await agent.channel.exec(
    'trap "echo caught; exit 5" INT; echo ready; while :; do sleep 0.02; done',
    {
      onStart: (program) => {
        assert.ok(program.pid > 1);
        assert.throws(() => program.kill("SIGNOT"), RangeError);
        // The shell may not have come to its trap yet.
        setTimeout(() => program.kill("SIGINT"), 500);
      },
      timeout,
    },
  );
  assert.ok(result.code === 5 || result.signal === "SIGINT", JSON.stringify(result));
});

Deno.test("hundreds of programs at once, each with its own output", async () => {
  await using agent = await startHostAgent();
  const results = await Promise.all(
    Array.from({ length: 300 }, (_, i) => agent.channel.exec(`echo ${i}; exit ${i % 7}`, { timeout })),
  );
  results.forEach((result, i) => assert.deepEqual([textOf(result.stdout), result.code], [`${i}\n`, i % 7]));
});

Deno.test("a program that prints without end neither fills memory nor keeps others waiting", async () => {
  await using agent = await startHostAgent();
  const { channel } = agent;
  const controller = new AbortController();
  let taken = 0;
  const release = Promise.withResolvers<void>();
  const endless = channel.exec(["yes"], {
    signal: controller.signal,
    onStdout: (bytes) => {
      taken += bytes.length;
      return release.promise;
    },
  }).catch((error) => error);
  for (let i = 0; i < 10; i++) assert.equal((await channel.exec(["true"], { timeout })).code, 0);
  const before = taken;
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(taken, before, "more came while the first piece was not done with");
  assert.ok(taken > 0 && taken <= 4 << 20, `${taken} bytes`);
  release.resolve();
  while (taken < 20 << 20) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal((await channel.exec(["true"], { timeout })).code, 0);
  controller.abort(new Error("enough"));
  assert.match(String(await endless), /enough/);
  await assert.rejects(
    channel.exec(["yes"], { maxOutput: 1_000_000, timeout }),
    /more than 1000000 bytes to stdout/,
  );
  await assert.rejects(
    channel.exec(["yes"], {
      timeout,
      onStdout: () => {
        throw new Error("the taker failed");
      },
    }),
    /the taker failed/,
  );
});

Deno.test("16 MiB of output are whole", async () => {
  await using agent = await startHostAgent();
  const { stdout, stderr } = await agent.channel.exec(
    "head -c 16777216 /dev/zero | tr '\\0' o; head -c 3000000 /dev/zero | tr '\\0' e >&2",
    { timeout },
  );
  assert.ok(stdout.length === 16777216 && stdout.every((byte) => byte === 111));
  assert.ok(stderr.length === 3000000 && stderr.every((byte) => byte === 101));
});

function lives(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return !/^\d+ \(.*\) [ZX]/.test(stat);
  } catch {
    return false;
  }
}
