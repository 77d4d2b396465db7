import assert from "node:assert/strict";
import { interruptSignal } from "../../lib/notebook/mod.ts";
import { KernelSession } from "./kernel_session.ts";
import { repository } from "./repository.ts";

const load =
  `const { interruptSignal, progress } = await import("file://${repository}/lib/notebook/mod.ts");`;

/** Jobs that await, each the whole of a cell, and each as long as ten seconds if nothing stops it. */
const jobs: Record<string, string> = {
  "a timer": `await new Promise((done, stop) => {
      const signal = interruptSignal();
      const timer = setTimeout(done, 10_000);
      signal.addEventListener("abort", () => { clearTimeout(timer); stop(signal.reason); });
    });`,
  "a child process":
    `const child = new Deno.Command("sleep", { args: ["10"], signal: interruptSignal() }).spawn();
    await child.status;
    interrupted = child.pid;
    interruptSignal().throwIfAborted();
    throw new DOMException("the child is dead", "AbortError");`,
  "a loop that never waits, under progress()":
    `for await (const _ of progress(Array.from({ length: 200 }, (_, i) => i))) {
      for (const end = performance.now() + 50; performance.now() < end;);
    }`,
};

Deno.test("an interrupt ends what awaits the notebook's signal, twice, and keeps the kernel's variables", async () => {
  await using session = await KernelSession.start();
  await session.text(`${load} var interrupted = 0; var counter = 41;`);
  for (const [name, source] of Object.entries(jobs)) {
    for (const round of [1, 2]) {
      const { reply, stopped_in } = await session.execute(`{ counter++; ${source} }`, {
        interruptAfter: 0.5,
      });
      console.log(`${name}, round ${round}: stopped after ${(stopped_in! * 1000).toFixed(0)} ms`);
      assert.equal(reply.ename, "AbortError", `${name}, round ${round}: ${JSON.stringify(reply)}`);
      assert.ok(stopped_in! < 0.2, `${name}, round ${round}: ${stopped_in} s`);
    }
  }
  assert.match(await session.text(`counter`), /47/);
  const child = parseInt(await session.text(`console.log(interrupted)`));
  assert.ok(child > 0);
  await assert.rejects(Deno.stat(`/proc/${child}/exe`), "the child outlived the interrupt");
  assert.match(await session.text(`interruptSignal().aborted`), /false/, "the next cell has a fresh signal");
});

Deno.test("an interrupt stops a running spin, which still gives its result, and the next spin runs", async () => {
  await using session = await KernelSession.start();
  await session.text(`${load} const { spin } = await import("file://${repository}/lib/bench/mod.ts");
    var kept = new Map([["before", 42]]); var result; const options = { threads: 4, maxGap: 0 };`);
  // The first use builds the program.
  await session.text(`await spin({ ...options, duration: 50e6 })`, { timeout: 180 });
  for (const round of [1, 2]) {
    const { reply, stopped_in, seconds } = await session.execute(
      `result = undefined; result = await spin({ ...options, duration: 10e9, signal: interruptSignal() });`,
      { interruptAfter: 1.5 },
    );
    console.log(`spin, round ${round}: stopped after ${(stopped_in! * 1000).toFixed(0)} ms`);
    assert.equal(reply.status, "ok", JSON.stringify(reply));
    assert.ok(seconds >= 1.5 && stopped_in! < 0.2, `round ${round}: ${stopped_in} s`);
    assert.equal(await session.text(`console.log(result.stopped.reason, kept.get("before"))`), "signal 42\n");
  }
  assert.equal(
    await session.text(
      `result = await spin({ ...options, duration: 50e6 }); console.log(result.stopped.reason)`,
    ),
    "duration\n",
  );
});

Deno.test("an interrupt between cells changes nothing", async () => {
  await using session = await KernelSession.start();
  await session.text(`${load} var kept = "kept";`);
  const { reply } = await session.execute(
    `Deno.kill(Deno.pid, "SIGINT"); await new Promise((done) => setTimeout(done, 50));`,
  );
  assert.equal(reply.status, "ok");
  assert.match(await session.text(`kept`), /kept/);
});

Deno.test("outside of a kernel the signal never aborts and SIGINT keeps its meaning", async () => {
  assert.equal(interruptSignal().aborted, false);
  const source = `import { interruptSignal } from "file://${repository}/lib/notebook/mod.ts";
    interruptSignal(); Deno.kill(Deno.pid, "SIGINT"); await new Promise((done) => setTimeout(done, 20_000));`;
  const { signal } = await new Deno.Command(Deno.execPath(), { args: ["eval", source], stdin: "null" })
    .output();
  assert.equal(signal, "SIGINT");
});
