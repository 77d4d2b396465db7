import assert from "node:assert/strict";
import { drainIopub, FrameScanner } from "../../lib/notebook/drain_iopub.ts";
import type { Kernel } from "../../lib/notebook/kernel.ts";
import { KernelSession, messageText } from "./kernel_session.ts";
import { repository } from "./repository.ts";

/** A ZMTP frame as the specification (rfc.zeromq.org/spec/23) has it: flags, size in 1 or 8 bytes, body. */
function frame(body: Uint8Array, flags = 0): Uint8Array {
  if (body.length < 256) return new Uint8Array([flags, body.length, ...body]);
  const out = new Uint8Array(9 + body.length);
  out[0] = flags | 2;
  new DataView(out.buffer).setBigUint64(1, BigInt(body.length));
  out.set(body, 9);
  return out;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const ready = frame(bytes("\x05READY"), 4);

Deno.test("FrameScanner finds the marker however the stream is cut", () => {
  const parts = [
    new Uint8Array(64).fill(255),
    ready,
    frame(bytes("<IDS|MSG>"), 1),
    frame(new Uint8Array(0), 1),
    frame(new Uint8Array(255).fill(7), 1),
    frame(bytes("the needl needle".repeat(1000))),
    frame(bytes("nee"), 1),
    frame(bytes("dle")),
    frame(bytes(`${"x".repeat(300)} nneedle `)),
  ];
  const stream = new Uint8Array(parts.flatMap((part) => [...part]));
  const readyAt = 64 + ready.length;
  for (let step = 1; step <= stream.length; step = step < 80 ? step + 1 : step * 2) {
    const scanner = new FrameScanner(bytes("needle"));
    let end = 0;
    for (let found = false; !found; found = scanner.push(stream.subarray(end - step, end))) {
      end += step;
      assert.ok(end - step < stream.length, `not found in steps of ${step}`);
      assert.equal(scanner.ready, end - step >= readyAt);
    }
    assert.ok(end >= stream.length, "a frame of more than 4096 bytes or half a marker must not count");
  }
});

Deno.test("drainIopub() gives up on a port that nobody listens on and on a kernel that is silent", async () => {
  const kernel: Kernel = { broadcast: () => {} };
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const accepted = listener.accept();
  assert.equal(await drainIopub(kernel, { hostname: "127.0.0.1", port }, { patience: 5e7 }), false);
  (await accepted).close();
  listener.close();
  assert.equal(await drainIopub(kernel, { hostname: "127.0.0.1", port }), false);
});

Deno.test("a cell ends after its output however much there is", async () => {
  await using session = await KernelSession.start();
  await session.text(`await import("file://${repository}/lib/notebook/mod.ts");`);
  const lines = await session.execute(`for (let i = 0; i < 2000; i++) console.log(i);`, { listen: 0.1 });
  assert.equal(
    lines.outputs.map(messageText).join(""),
    Array.from({ length: 2000 }, (_, i) => `${i}\n`).join(""),
  );
  assert.equal(lines.late.length, 0);
  const large = await session.execute(
    `await Deno.jupyter.broadcast("display_data", { data: { "text/plain": "x".repeat(2e7) }, metadata: {} });`,
    { listen: 0.1 },
  );
  assert.deepEqual(large.outputs.map((m) => messageText(m).length), [2e7]);
  assert.equal(large.late.length, 0);
});

Deno.test("without the kernel's connection file a cell waits instead", async () => {
  await using session = await KernelSession.start();
  const state = await session.text(
    `const read = Deno.readTextFileSync;
     Deno.readTextFileSync = (path) => { if (path === "/proc/self/cmdline") throw new Error(); return read(path); };
     const { setup } = await import("file://${repository}/lib/notebook/mod.ts");
     Deno.readTextFileSync = read;
     console.log(setup().flush);`,
  );
  assert.equal(state, "true\n");
  const { seconds, outputs, late } = await session.execute(
    `for (let i = 0; i < 200; i++) console.log(i);`,
    { listen: 0.5 },
  );
  assert.ok(seconds >= 0.25, `50 ms and 1 ms for each line, but ${seconds} s`);
  assert.equal(outputs.length + late.length, 200);
});

Deno.test("if the kernel's hook cannot be wrapped, setup says so and show() waits by itself", async () => {
  await using session = await KernelSession.start();
  const loaded = await session.text(
    `Object.defineProperty(Deno[Deno.internal].jupyter, "broadcastResult", { writable: false });
     const { setup, show } = await import("file://${repository}/lib/notebook/mod.ts");
     await new Promise((done) => setTimeout(done, 50));
     console.log(setup().flush); await show("end");`,
  );
  assert.match(loaded, /has no hook after a cell[^]*false\nend$/);
  for (let i = 0; i < 10; i++) {
    const { outputs, late } = await session.execute(
      `for (let i = 0; i < 20; i++) console.log(i);\nawait show("end");`,
      { listen: 0.1 },
    );
    assert.deepEqual([outputs.length, late.length], [21, 0]);
  }
});
