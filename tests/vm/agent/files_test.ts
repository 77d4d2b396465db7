import assert from "node:assert/strict";
import { AgentError } from "../../../lib/vm/agent/mod.ts";
import { patternOf, startHostAgent } from "./host_agent.ts";

const timeout = 60_000;

Deno.test("files of any size go there and come back", async () => {
  await using agent = await startHostAgent();
  const { channel, directory } = agent;
  for (const size of [0, 1, 131_072, 5_000_001, 40_000_000]) {
    const data = patternOf(size);
    const path = `${directory}/file ${size}`;
    assert.equal(await channel.push(path, data, { mode: 0o640, timeout }), size);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o640);
    const back = await channel.pull(path, { timeout });
    assert.ok(back.length === size && back.every((byte, i) => byte === data[i]));
    let told = 0;
    assert.equal(
      await channel.pullTo(path, `${directory}/copy`, { timeout, onProgress: (bytes) => told = bytes }),
      size,
    );
    assert.equal(told, size);
    const copy = await Deno.readFile(`${directory}/copy`);
    assert.ok(copy.length === size && copy.every((byte, i) => byte === data[i]));
    assert.equal((await channel.pull(path, { limit: 1000, timeout })).length, Math.min(1000, size));
  }
  const comm = await Deno.readTextFile(`/proc/${agent.process.pid}/comm`);
  assert.equal(await channel.pullText("/proc/self/comm", { timeout }), comm);
  await channel.push(`${directory}/text`, "grüße\n", { timeout });
  await channel.push(`${directory}/text`, "more\n", { append: true, timeout });
  assert.equal(await channel.pullText(`${directory}/text`), "grüße\nmore\n");
  await channel.push("/proc/self/comm", "renamed", { inPlace: true, timeout });
  assert.equal(await channel.pullText("/proc/self/comm", { timeout }), "renamed\n");
});

Deno.test("a file is there whole or not at all", async () => {
  await using agent = await startHostAgent();
  const { channel, directory } = agent;
  const path = `${directory}/whole`;
  const failing = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(patternOf(300_000));
      if (Math.random() < 0.2) controller.error(new Error("the source failed"));
    },
  });
  await assert.rejects(channel.push(path, failing, { timeout }), /the source failed/);
  const controller = new AbortController();
  let pieces = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(stream) {
      stream.enqueue(patternOf(100_000));
      if (++pieces === 50) controller.abort(new Error("enough"));
    },
  });
  await assert.rejects(channel.push(path, endless, { signal: controller.signal }), /enough/);
  await assert.rejects(channel.pullTo("/no/such", `${directory}/copy`, { timeout }), AgentError);
  await assert.rejects(channel.push("/no/such/file", patternOf(3_000_000), { timeout }), /cannot be written/);
  await assert.rejects(channel.pull("/no/such"), /\/no\/such: cannot be read after 0 bytes: No such file/);
  await assert.rejects(channel.pull(directory), /Is a directory/);
  await channel.exec(["true"], { timeout });
  assert.deepEqual((await channel.list(directory)).map(({ name }) => name), ["socket"]);
});

Deno.test("a directory's names, and which are directories", async () => {
  await using agent = await startHostAgent();
  const { channel, directory } = agent;
  const many = `${directory}/many`;
  await Deno.mkdir(`${many}/zz`, { recursive: true });
  const names = Array.from({ length: 5000 }, (_, i) => `file ${"x".repeat(i % 200)}${i}`);
  for (const name of names) Deno.writeTextFileSync(`${many}/${name}`, "");
  const found = await channel.list(many, { timeout });
  assert.deepEqual(found.map(({ name }) => name), [...names, "zz"].sort());
  assert.deepEqual(found.filter(({ isDirectory }) => isDirectory).map(({ name }) => name), ["zz"]);
  await assert.rejects(channel.list("/no/such"), /cannot be listed/);
});
