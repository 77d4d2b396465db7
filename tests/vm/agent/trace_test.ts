import assert from "node:assert/strict";
import { ownedName } from "../../../lib/trace/record/owner.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import type { AgentChannel } from "../../../lib/vm/agent/mod.ts";
import { startHostAgent } from "./host_agent.ts";

const timeout = 60_000;
const EVENTS = [
  "sched_switch",
  "sched_waking",
  "sched_migrate_task",
  "sched_process_fork",
  "sched_process_exit",
];

/** A tracefs instance of this machine, for an agent on it. */
class Instance implements Disposable {
  readonly name = ownedName();
  readonly path = `/sys/kernel/tracing/instances/${this.name}`;

  constructor(clock: string, kilobytes: number) {
    Deno.mkdirSync(this.path);
    this.write("tracing_on", "0");
    this.write("trace_clock", clock);
    this.write("buffer_size_kb", String(kilobytes));
    for (const event of EVENTS) this.write(`events/sched/${event}/enable`, "1");
  }

  write(file: string, text: string): void {
    Deno.writeTextFileSync(`${this.path}/${file}`, text, { create: false });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path);
  }
}

function work(channel: AgentChannel) {
  return channel.exec("for i in 1 2 3 4 5 6 7 8 9 10; do /bin/true; sleep 0.01; done", { timeout });
}

for (const clock of ["mono", "x86-tsc", "local"]) {
  Deno.test(`a trace that was pulled is what the kernel's own text says: clock ${clock}`, async () => {
    await using agent = await startHostAgent();
    using instance = new Instance(clock, 16384);
    const { channel, directory } = agent;
    instance.write("tracing_on", "1");
    await work(channel);
    instance.write("tracing_on", "0");
    const lines = Deno.readTextFileSync(`${instance.path}/trace`).split("\n").flatMap((line) => {
      const match = /\[(\d+)\] \S+ +(\d+)(?:\.(\d{6}))?: (sched_\w+): (.*)$/.exec(line);
      if (match === null) return [];
      const [, cpu, whole, micro, event, text] = match;
      return [{ cpu: Number(cpu), stamp: BigInt(whole! + (micro ?? "")), event: event!, text: text! }];
    });
    const output = `${directory}/pulled.tracefs`;
    const told: number[] = [];
    const pulled = await channel.pullTrace(output, {
      instance: instance.name,
      timeout,
      onProgress: ({ bytes }) => told.push(bytes),
    });
    assert.ok(pulled.whole && pulled.lost === 0 && pulled.bytes === told.at(-1), JSON.stringify(pulled));
    assert.equal(pulled.events, lines.length);
    const trace = await openTrace(output);
    for (const event of EVENTS) {
      const count = lines.filter((line) => line.event === event).length;
      assert.equal(trace.counts.get(`sched:${event}`) ?? 0, count, event);
    }
    const [ts, cpu, prev_pid, next_pid, prev_prio] =
      (["ts", "cpu", "prev_pid", "next_pid", "prev_prio"] as const)
        .map((name) => trace.switches.column(name));
    const switches = lines.filter(({ event }) => event === "sched_switch");
    // On each CPU in its own order: the text has CPUs merged where stamps are the same as it likes.
    for (const one of new Set(switches.map((line) => line.cpu))) {
      const rows = Array.from(ts!, (_, i) => i).filter((i) => cpu![i] === one);
      const expected = switches.filter((line) => line.cpu === one);
      assert.equal(rows.length, expected.length);
      rows.forEach((row, k) => {
        const { text, stamp } = expected[k]!;
        assert.equal(/prev_pid=(\d+)/.exec(text)![1], String(prev_pid![row]));
        assert.equal(/next_pid=(\d+)/.exec(text)![1], String(next_pid![row]));
        assert.equal(/prev_prio=(\d+)/.exec(text)![1], String(prev_prio![row]));
        if (clock === "x86-tsc") return;
        const us = (trace.epoch + BigInt(ts![row]!) + 500n) / 1000n;
        assert.ok(us - stamp <= 1n && stamp - us <= 1n, `${us} us where the text has ${stamp}`);
      });
    }
    assert.equal(trace.host.release, Deno.osRelease());
    assert.equal(trace.clock.name, clock);
    if (clock === "mono") {
      // The wall-clock time of an event, by the trace and by this process.
      const wall = Number(trace.epoch + trace.clock.wallOffset!) / 1e6;
      assert.ok(Math.abs(wall - Date.now()) < 120_000, `${new Date(wall)}`);
    }
    assert.ok(pulled.notes.length === 0, pulled.notes.join());
  });
}

Deno.test("a trace is followed while it is made, with buffers that are far smaller than it", async () => {
  await using agent = await startHostAgent();
  const { channel, directory } = agent;
  for (let attempt = 1;; attempt++) {
    using instance = new Instance("mono", 1024);
    const output = `${directory}/followed.tracefs`;
    await using stream = await channel.streamTrace(output, { instance: instance.name, timeout });
    instance.write("tracing_on", "1");
    const marker = await Deno.open(`${instance.path}/trace_marker`, { write: true });
    const text = new TextEncoder().encode("x".repeat(900));
    const markers = 8000;
    for (let i = 0; i < markers; i++) {
      marker.writeSync(text);
      // Slower than any neighbour's burst can make the buffer run over.
      if (i % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    marker.close();
    const before = stream.bytes;
    const followed = await stream.stop({ timeout });
    assert.ok(
      before > 0 && followed.bytes > 2 * 1024 * 1024,
      `${before} of ${followed.bytes} bytes before the stop`,
    );
    const trace = await openTrace(output);
    const total = [...trace.counts.values()].reduce((sum, count) => sum + count, 0);
    assert.equal(total, followed.events);
    assert.equal(Deno.readTextFileSync(`${instance.path}/tracing_on`).trim(), "0");
    if (followed.lost > 0 && attempt < 3) continue;
    assert.equal(followed.lost, 0);
    assert.equal(trace.counts.get("ftrace:print"), markers);
    break;
  }
});

Deno.test("a guest that is gone while its trace is followed leaves a trace all the same", async () => {
  await using agent = await startHostAgent();
  const { channel, directory } = agent;
  using instance = new Instance("mono", 64);
  const output = `${directory}/salvaged.tracefs`;
  await using stream = await channel.streamTrace(output, { instance: instance.name, timeout });
  instance.write("tracing_on", "1");
  const marker = await Deno.open(`${instance.path}/trace_marker`, { write: true });
  const text = new TextEncoder().encode("x".repeat(900));
  for (let i = 0; stream.bytes < 200_000; i++) {
    assert.ok(i < 100_000);
    marker.writeSync(text);
    if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  marker.close();
  agent.process.kill("SIGKILL");
  await channel.closed;
  const salvaged = await stream.stop({ timeout });
  assert.ok(!salvaged.whole && salvaged.bytes >= 200_000);
  assert.match(salvaged.notes.join(), /the guest was gone/);
  const trace = await openTrace(output);
  assert.ok(trace.counts.get("ftrace:print")! > 100);
});

Deno.test("what is not there is named; a trace that is given up leaves nothing", async () => {
  await using agent = await startHostAgent();
  const { channel, directory } = agent;
  using instance = new Instance("mono", 64);
  await assert.rejects(
    channel.pullTrace(`${directory}/a.tracefs`, { instance: "no-such", timeout }),
    /no instance "no-such"/,
  );
  await assert.rejects(
    channel.pullTrace(`${directory}/a.tracefs`, { instance: instance.name, events: ["no:event"], timeout }),
    /has no event no:event/,
  );
  const controller = new AbortController();
  {
    await using stream = await channel.streamTrace(`${directory}/a.tracefs`, {
      instance: instance.name,
      signal: controller.signal,
    });
    controller.abort(new Error("enough"));
    await assert.rejects(stream.stop({ timeout }), /enough/);
  }
  {
    await using _given = await channel.streamTrace(`${directory}/a.tracefs`, {
      instance: instance.name,
      timeout,
    });
  }
  assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["socket"]);
  assert.equal((await channel.exec(["true"], { timeout })).code, 0);
});
