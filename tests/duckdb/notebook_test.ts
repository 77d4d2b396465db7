import assert from "node:assert/strict";
import { KernelSession } from "../notebook/kernel_session.ts";
import { repository } from "../notebook/repository.ts";

Deno.test("in a notebook: a cell says SQL, the stop button ends a query, the database stays", async () => {
  await using session = await KernelSession.start();
  await session.text(`
    await import("file://${repository}/lib/notebook/mod.ts");
    const { openDuckDB } = await import("file://${repository}/lib/duckdb/mod.ts");
    const { Frame } = await import("file://${repository}/lib/frame/mod.ts");
    var db = await openDuckDB();
    await db.register(new Frame({ n: Int32Array.of(1, 2, 39) }), { name: "numbers" });`);
  const shown = await session.text(`await db.query("select sum(n)::integer as answer from numbers")`);
  assert.match(shown, /answer/);
  assert.match(shown, /\b42\b/);
  const { reply, stopped_in } = await session.execute(
    `await db.query("select count(*) from range(1000000000000)")`,
    { interruptAfter: 0.5 },
  );
  assert.equal(reply.status, "error", JSON.stringify(reply));
  assert.equal(reply.ename, "AbortError", JSON.stringify(reply));
  assert.ok(stopped_in! < 5, `${stopped_in} s`);
  assert.match(await session.text(`(await db.query("from numbers")).length`), /3/);
  await session.text(`await db.close()`);
});
