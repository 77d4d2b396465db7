import assert from "node:assert/strict";
import { schedscope } from "./schedscope.ts";

const weights = (...args: string[]) => schedscope(["weights", ...args]);

Deno.test("schedscope weights fills the CPUs: the heavy one has its CPU, the others share the rest", async () => {
  const { code, out } = await weights("--cpus", "4", "10000", "1", "1", "1", "1", "1", "1", "1");
  assert.equal(code, 0);
  assert.match(out, /10000 +1 +100\.0 % +2\.33333 +1 +0/);
  assert.equal(out.match(/ 42\.9 %/g)?.length, 7);
  assert.match(out, /A weight above 2\.33333 gains nothing more/);
});

Deno.test("schedscope weights: where the CPUs suffice everybody has the demand, whatever the weights", async () => {
  const { code, out } = await weights("--cpus", "4", "--json", "10", "1@0.5");
  assert.equal(code, 0);
  const { lambda, used, tasks } = JSON.parse(out) as {
    lambda: null;
    used: number;
    tasks: { share: number }[];
  };
  assert.deepEqual([lambda, used, tasks.map(({ share }) => share)], [null, 1.5, [1, 0.5]]);
  assert.match(
    (await weights("--cpus", "4", "10", "1")).out,
    /The 4 CPUs suffice: everybody gets the demand, 2 CPUs in all/,
  );
});

Deno.test("schedscope weights takes nice values, and says what is wrong", async () => {
  const { out } = await weights("--cpus", "1", "--nice", "--json", "--", "0", "5");
  const { tasks } = JSON.parse(out) as { tasks: { weight: number; share: number }[] };
  assert.deepEqual(tasks.map(({ weight }) => weight), [1024, 335]);
  assert.ok(Math.abs(tasks[0]!.share / tasks[1]!.share - 1024 / 335) < 1e-9);
  for (
    const [args, error] of [
      [["1"], /Expected --cpus/],
      [["--cpus", "2"], /at least one weight/],
      [["--cpus", "0", "1"], /CPUs above 0 but found 0/],
      [["--cpus", "2", "1@2"], /demand 0 to be from 0 to 1 but found 2/],
      [["--cpus", "2", "--nice", "20"], /nice value from -20 to 19 but found 20/],
      [["--cpus", "2", "x"], /a weight to be a number but found "x"/],
    ] as const
  ) {
    const { code, err } = await weights(...args);
    assert.equal(code, 2, err);
    assert.match(err, error);
  }
});
