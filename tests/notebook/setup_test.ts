import assert from "node:assert/strict";
import { setup } from "../../lib/notebook/mod.ts";
import { KernelSession, messageText } from "./kernel_session.ts";
import { repository } from "./repository.ts";

const load = `const notebook = await import("file://${repository}/lib/notebook/mod.ts");`;

Deno.test("setup runs on import in a kernel, and again changes nothing", async () => {
  await using session = await KernelSession.start();
  await session.text(load);
  assert.equal(
    await session.text(`console.log(JSON.stringify([notebook.setup(), notebook.setup()]))`),
    JSON.stringify(Array(2).fill({ kernel: true, flush: true, interrupt: true, errors: true })) + "\n",
  );
  // A second copy of the module, as a cache-busting import makes one, must not hook the kernel twice.
  const again = await session.execute(
    `await import("file://${repository}/lib/notebook/setup.ts?again"); void Promise.reject(new Error("once"));`,
    { listen: 0.3 },
  );
  assert.equal([...again.outputs, ...again.late].filter((m) => messageText(m).includes("once")).length, 1);
});

Deno.test("a rejection that nobody awaits is shown with the cell, one from a timer after it", async () => {
  await using session = await KernelSession.start();
  await session.text(load);
  const rejected = await session.execute(`void Promise.reject(new RangeError("nobody awaits me")); 7`);
  assert.equal(rejected.reply.status, "ok");
  const shown = rejected.outputs.map((m) => `${m.content.name} ${messageText(m)}`).join("\n");
  assert.match(shown, /stderr Rejected, and nothing awaited it: RangeError: nobody awaits me/);
  const thrown = await session.execute(
    `setTimeout(() => { throw new TypeError("thrown in a timer"); }, 30); 7`,
    { listen: 0.5 },
  );
  assert.match(
    thrown.late.map(messageText).join(""),
    /Thrown outside of a cell: TypeError: thrown in a timer/,
  );
  assert.match(await session.text(`"still alive"`), /still alive/);
});

Deno.test("a result whose display method throws is shown as text", async () => {
  await using session = await KernelSession.start();
  await session.text(load);
  const { reply, outputs } = await session.execute(
    `({ [Symbol.for("Jupyter.display")]() { throw new Error("cannot draw"); }, answer: 42 })`,
  );
  assert.equal(reply.status, "ok");
  assert.deepEqual(outputs.map((m) => m.type), ["execute_result"]);
  assert.match(messageText(outputs[0]!), /answer: 42[^]*display failed: Error: cannot draw/);
});

Deno.test("an Arquero table is shown as an escaped HTML table", async () => {
  await using session = await KernelSession.start();
  await session.text(load);
  const { outputs } = await session.execute(
    `import * as aq from "npm:arquero@8.0.1";
     aq.table({ comm: Array(1000).fill("<img src=x onerror=alert(1)>") })`,
  );
  const html = outputs[0]!.content.data!["text/html"]!;
  assert.ok(
    html.includes("&lt;img src=x onerror=alert(1)&gt;") && !html.includes("<img"),
    html.slice(0, 300),
  );
  assert.match(html, /1000 rows x 1 columns, the first 20 shown/);
});

Deno.test("outside of a kernel importing has no effect and keeps nothing alive", async () => {
  assert.deepEqual(setup(), { kernel: false, flush: false, interrupt: false, errors: false });
  const before = `const own = Object.getOwnPropertySymbols(globalThis).length;`;
  const source = `${before} await import("file://${repository}/lib/notebook/mod.ts");
    console.log(Object.getOwnPropertySymbols(globalThis).length - own); Promise.reject(new Error("loud"));`;
  const output = await new Deno.Command(Deno.execPath(), { args: ["eval", source], stdin: "null" }).output();
  assert.equal(new TextDecoder().decode(output.stdout), "0\n");
  assert.equal(output.code, 1, "an unhandled rejection still ends the program");
  assert.match(new TextDecoder().decode(output.stderr), /loud/);
});
