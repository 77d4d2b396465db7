import assert from "node:assert/strict";
import { type GuestEnd, GuestError } from "../../../lib/vm/qemu/mod.ts";
import { pastStaleCode } from "../../../lib/vm/run/past_stale_code.ts";

const panic = (line: string) =>
  new GuestError(
    "The guest ended",
    {
      reason: "panic",
      detail: "the guest's kernel panicked",
      console: ["booting", line],
    } as unknown as GuestEnd,
  );

Deno.test("a stale breakpoint is tried again at most twice; any other panic is none", async () => {
  const told: string[] = [];
  const failing = (times: number, line: string) => {
    let left = times;
    return () => left-- > 0 ? Promise.reject(panic(line)) : Promise.resolve("ran");
  };
  const oops = "[    4.301276] Oops: int3: 0000 [#1] PREEMPT SMP";
  assert.equal(await pastStaleCode(failing(2, oops), (text) => told.push(text)), "ran");
  assert.equal(told.length, 2);
  await assert.rejects(pastStaleCode(failing(3, oops), () => {}), GuestError);
  await assert.rejects(
    pastStaleCode(failing(1, "BUG: kernel NULL pointer dereference"), () => {}),
    GuestError,
  );
  await assert.rejects(pastStaleCode(() => Promise.reject(new Error("Oops: int3")), () => {}), /int3/);
});
