import assert from "node:assert/strict";
import { AgentChannel, AgentError, type Line } from "../../../lib/vm/agent/mod.ts";
import { Answer, Ask, frameHead, MAGIC, PayloadReader, PayloadWriter } from "../../../lib/vm/agent/wire.ts";
import { nativeProgram } from "../../../lib/native/mod.ts";
import { startHostAgent, textOf } from "./host_agent.ts";

/** The other end of a channel, played by the test. */
class FakeAgent implements Line {
  /** Frames that the channel sent. */
  readonly sent: { type: number; id: number; payload: Uint8Array }[] = [];
  onFrame: (type: number, id: number, payload: Uint8Array) => void = () => {};
  #pending = new Uint8Array();
  #toRead: (Uint8Array | null)[] = [];
  #more = Promise.withResolvers<void>();
  closed = false;

  /** Has the channel read `bytes`; null is the end. */
  say(bytes: Uint8Array | null): void {
    this.#toRead.push(bytes);
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }

  frame(type: number, id: number, payload: Uint8Array = new Uint8Array()): void {
    this.say(new PayloadWriter().raw(frameHead(type, id, payload.length)).raw(payload).done());
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#toRead.length === 0) {
      if (this.closed) throw new Deno.errors.BadResource("closed");
      await this.#more.promise;
    }
    const next = this.#toRead[0]!;
    if (next === null) return null;
    const size = Math.min(into.length, next.length);
    into.set(next.subarray(0, size));
    if (size === next.length) this.#toRead.shift();
    else this.#toRead[0] = next.subarray(size);
    return size;
  }

  write(bytes: Uint8Array): Promise<number> {
    this.#pending = new PayloadWriter().raw(this.#pending).raw(bytes).done();
    for (;;) {
      const reader = new PayloadReader(this.#pending);
      if (reader.left < 9) break;
      const length = reader.u32();
      const type = reader.u8();
      const id = reader.u32();
      if (reader.left < length) break;
      const payload = reader.raw(length).slice();
      this.#pending = this.#pending.slice(9 + length);
      this.sent.push({ type, id, payload });
      queueMicrotask(() => this.onFrame(type, id, payload));
    }
    return Promise.resolve(bytes.length);
  }

  close(): void {
    this.closed = true;
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }

  /** HELLO's answer, to the nonce of the last HELLO. */
  hello(): Uint8Array<ArrayBuffer> {
    const nonce = this.sent.findLast(({ type }) => type === Ask.Hello)!.payload.slice(16, 24);
    const writer = new PayloadWriter().raw(new TextEncoder().encode(MAGIC)).raw(nonce)
      .u32(1).u32(1).u32(4).u32(4096).u32(1 << 20).u32(256);
    for (let i = 0; i < 6; i++) writer.u64(1000 + i);
    for (const text of ["fake 1", "Linux", "node", "6.12", "#1", "x86_64", "a test"]) {
      writer.text(text, "a text");
    }
    const payload = writer.done();
    return new PayloadWriter().raw(frameHead(Answer.Hello, 0, payload.length)).raw(payload).done();
  }
}

const exit0 = new PayloadWriter().u32(0).u32(0).u64(1).u64(2).u64(3).done();

Deno.test("what an older talk left on the line is skipped, and frames may come byte by byte", async () => {
  const fake = new FakeAgent();
  await using channel = new AgentChannel(fake);
  const stale = fake.hello();
  stale[9 + 16] = stale[9 + 16]! ^ 1; // another nonce
  fake.say(new TextEncoder().encode(`rest of an older frame ${MAGIC}`));
  fake.say(stale);
  for (const byte of fake.hello()) fake.say(Uint8Array.of(byte));
  assert.equal((await channel.hello).release, "6.12");
  assert.equal((await channel.hello).clock.tsc, 1000n);
  fake.onFrame = (type, id) => {
    if (type !== Ask.Exec) return;
    const bytes = new PayloadWriter().raw(frameHead(Answer.Stdout, id, 3)).raw(
      new TextEncoder().encode("abc"),
    )
      .raw(frameHead(Answer.Exit, id, exit0.length)).raw(exit0).done();
    for (const byte of bytes) fake.say(Uint8Array.of(byte));
  };
  const { stdout, code } = await channel.exec(["x"], { timeout: 10_000 });
  assert.deepEqual([textOf(stdout), code], ["abc", 0]);
});

Deno.test("HELLO is said again while there is no answer, and a request waits for it until its deadline", async () => {
  const fake = new FakeAgent();
  await using channel = new AgentChannel(fake);
  await assert.rejects(channel.exec(["x"], { timeout: 30 }), {
    name: "TimeoutError",
    message: /exec x took longer than 30 ms/,
  });
  assert.ok(fake.sent.every(({ type }) => type === Ask.Hello));
  await new Promise((resolve) => setTimeout(resolve, 1300));
  assert.ok(fake.sent.length >= 2, `${fake.sent.length} times`);
  await assert.rejects(channel.exec(["x"], { signal: AbortSignal.abort(new Error("before")) }), /before/);
});

Deno.test("an agent that breaks the rules ends the talk with a reason, for every request that is open", async () => {
  const broken: [string, (fake: FakeAgent, id: number) => void, RegExp][] = [
    [
      "a frame too large",
      (fake, id) => fake.say(frameHead(Answer.Stdout, id, 1 << 21)),
      /makes no sense: a frame of 2097152 bytes/,
    ],
    ["an unknown request", (fake) => fake.frame(Answer.Stdout, 4711), /request 4711, which is not open/],
    ["an unknown type", (fake, id) => fake.frame(0x99, id), /an answer of type 153/],
    [
      "a short EXIT",
      (fake, id) => fake.frame(Answer.Exit, id, new Uint8Array(5)),
      /4 bytes are expected where 1 are left/,
    ],
    [
      "BYE",
      (fake) => fake.frame(Answer.Bye, 0, new PayloadWriter().text("it \x1b[2J broke", "").done()),
      /has ended the connection: it .*broke/,
    ],
    ["the end", (fake) => fake.say(null), /has ended/],
    ["the end within a frame", (fake, id) => {
      fake.say(frameHead(Answer.Stdout, id, 100));
      fake.say(null);
    }, /has ended/],
  ];
  for (const [name, act, message] of broken) {
    const fake = new FakeAgent();
    await using channel = new AgentChannel(fake);
    fake.say(fake.hello());
    const other = channel.pull("/other", { timeout: 10_000 }).catch((error) => error);
    fake.onFrame = (type, id) => {
      if (type === Ask.Exec) act(fake, id);
    };
    const error = await channel.exec(["x"], { timeout: 10_000 }).then(() => undefined, (error) => error);
    assert.ok(error instanceof AgentError, `${name}: ${error}`);
    assert.match(error.message, message, name);
    assert.ok(!error.message.includes("\x1b"), "control characters get through");
    assert.match(String(await other), /pull \/other: /, name);
    assert.ok(await channel.closed instanceof AgentError && fake.closed, name);
    await assert.rejects(channel.exec(["x"]), AgentError);
  }
});

Deno.test("disposal ends all that is open with a clear error, and the programs with it", async () => {
  await using agent = await startHostAgent();
  const channel = agent.channel;
  const pid = Promise.withResolvers<number>();
  const running = channel.exec(["sleep", "1000"], { onStart: (program) => pid.resolve(program.pid) }).catch((
    error,
  ) => error);
  const started = await pid.promise;
  await channel[Symbol.asyncDispose]();
  await channel[Symbol.asyncDispose]();
  assert.match(String(await running), /AgentError: exec sleep 1000: .*closed by this program/);
  assert.equal(await channel.closed, undefined);
  await assert.rejects(channel.pull("/proc/self/comm"), /closed by this program/);
  // The next host is served by the same agent, and what the first had started is gone.
  await using second = await agent.connect();
  // It has been killed; beside busy neighbours it takes a while to be gone.
  for (let tries = 0;; tries++) {
    const { code } = await second.exec(["kill", "-0", String(started)], { timeout: 20_000 });
    if (code === 1) break;
    assert.ok(tries < 500, `process ${started} is still there`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

Deno.test("power off: an agent that is no init ends itself only", async () => {
  await using agent = await startHostAgent();
  await agent.channel.powerOff({ timeout: 20_000 });
  assert.match(String(await agent.channel.closed), /power off as asked for/);
  assert.equal((await agent.process.status).code, 0);
});

Deno.test("the agent serves stdin and stdout too, and ends with them", async () => {
  const program = nativeProgram("schedscope-agent");
  const process = new Deno.Command(program, { args: ["--stdio"], stdin: "piped", stdout: "piped" }).spawn();
  const reader = process.stdout.getReader();
  const writer = process.stdin.getWriter();
  let left = new Uint8Array();
  const line: Line = {
    async read(into) {
      while (left.length === 0) {
        const { value, done } = await reader.read();
        if (done) return null;
        left = value;
      }
      const size = Math.min(into.length, left.length);
      into.set(left.subarray(0, size));
      left = left.subarray(size);
      return size;
    },
    async write(bytes) {
      await writer.write(bytes.slice());
      return bytes.length;
    },
    close: () => writer.close().catch(() => {}),
  };
  {
    await using channel = new AgentChannel(line);
    assert.equal((await channel.hello).transport, "stdin and stdout");
    // What a program says does not get among the frames.
    const { stdout, code } = await channel.exec("echo plain; exit 3", { timeout: 20_000 });
    assert.deepEqual([textOf(stdout), code], ["plain\n", 3]);
  }
  while (!(await reader.read()).done);
  assert.equal((await process.status).code, 0);
});

Deno.test("the agent by itself: help with examples, and wrong usage", () => {
  const run = (...args: string[]) =>
    new Deno.Command(nativeProgram("schedscope-agent"), { args }).outputSync();
  const help = run("--help");
  assert.ok(help.code === 0 && /examples:\n {2}exec schedscope-agent/.test(textOf(help.stdout)));
  for (const args of [["--wait", "soon"], ["--no-such"], ["word"]]) {
    assert.equal(run(...args).code, 2, args.join(" "));
  }
  const lacking = run("--port", "no.such.port", "--wait", "10");
  assert.equal(lacking.code, 1);
  assert.match(textOf(lacking.stderr), /no\.such\.port: No such file or directory; nothing is served/);
  assert.equal(run("--device", "/no/such", "--wait", "10").code, 1);
  assert.equal(run("--socket", `/tmp/${"x".repeat(200)}`).code, 1);
});
