import assert from "node:assert/strict";
import { progress } from "../../lib/notebook/mod.ts";
import { progressLine, progressRemaining } from "../../lib/notebook/progress_line.ts";
import { KernelSession, messageText } from "./kernel_session.ts";
import { repository } from "./repository.ts";

Deno.test("progressLine() says share, steps, time and what is left", () => {
  const state = { label: "reading", done: 450, total: 1000, elapsed: 45e9 };
  assert.equal(progressLine(state), "reading 45% 450/1000 0:45, 0:55 left");
  assert.equal(progressRemaining(state), 55e9);
  assert.equal(progressLine({ ...state, done: 1000 }), "reading 100% 1000/1000 0:45");
  assert.equal(progressLine({ ...state, done: 999.99 }), "reading 99% 1000/1000 0:45, 0:00 left");
  assert.equal(progressLine({ ...state, done: 0 }), "reading 0% 0/1000 0:45");
  assert.equal(progressLine({ ...state, total: undefined }), "reading 450 0:45");
  assert.equal(progressLine({ label: "", done: 0, total: 0, elapsed: 3723e9 }), "100% 0/0 1:02:03");
});

Deno.test("progress() over an iterable gives every item and stops at an abort", async () => {
  const items: number[] = [];
  for await (const item of progress(new Set([1, 2, 3]))) items.push(item);
  assert.deepEqual(items, [1, 2, 3]);
  const controller = new AbortController();
  const endless = function* () {
    for (let i = 0;; i++) yield i;
  };
  await assert.rejects(async () => {
    for await (const i of progress(endless(), { signal: controller.signal })) {
      if (i === 10) controller.abort();
    }
  }, { name: "AbortError" });
});

Deno.test("progress() in a notebook is one display, updated at most ten times a second", async () => {
  await using session = await KernelSession.start();
  const { outputs, seconds, late } = await session.execute(
    `const { progress } = await import("file://${repository}/lib/notebook/mod.ts");
     const bar = progress(1000, { label: "steps" });
     for (let i = 0; i < 1000; i++) { await new Promise((done) => setTimeout(done, 1)); bar.update(i + 1); }
     bar.close(); bar.update(1);`,
    { listen: 0.2 },
  );
  assert.equal(late.length, 0);
  assert.deepEqual(new Set(outputs.map((m) => m.content.transient?.display_id)).size, 1);
  assert.deepEqual(outputs.map((m) => m.type), [
    "display_data",
    ...Array(outputs.length - 1).fill("update_display_data"),
  ]);
  assert.ok(outputs.length > 3 && outputs.length <= seconds * 10 + 2, `${outputs.length} in ${seconds} s`);
  assert.match(messageText(outputs.at(-1)!), /^steps 100% 1000\/1000/);
});

Deno.test("progress() writes one line on a terminal and nothing in a short job's log", async () => {
  const source = `import { progress } from "file://${repository}/lib/notebook/mod.ts";
    using bar = progress(5, { label: "a\\x1b[2J" });
    for (let i = 0; i < 5; i++) { await new Promise((done) => setTimeout(done, 120)); bar.add(); }`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, source);
    const plain = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", file], stdin: "null" })
      .output();
    assert.equal(new TextDecoder().decode(plain.stderr), "");
    // script(1) runs it on a terminal of its own.
    const command = `${Deno.execPath()} run -A ${file}`;
    const terminal = await new Deno.Command("script", {
      args: ["--quiet", "--return", "--command", command, "/dev/null"],
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(terminal.stdout);
    assert.equal(text.split("\n").length, 2, JSON.stringify(text));
    const states = text.split("\r\x1b[K").slice(1);
    assert.ok(states.length >= 5, JSON.stringify(text));
    assert.match(states.at(-1)!, /^a␛\[2J 100% 5\/5 0:01\r?\n$/);
  } finally {
    await Deno.remove(file);
  }
});
