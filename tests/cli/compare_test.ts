import assert from "node:assert/strict";
import { recordWithPerf } from "../trace/perf_data/record_with_perf.ts";
import { schedscope } from "./schedscope.ts";

const compared = (...args: string[]) => schedscope(["compare", ...args]);

Deno.test("schedscope compare: two traces, groups of them, and what makes no sense", async (t) => {
  const dir = await Deno.makeTempDir();
  const file = `${dir}/perf.data`;
  try {
    await recordWithPerf(file, ["perf", "bench", "sched", "messaging", "-g", "1", "-l", "50"]);
    await t.step("two are beside each other", async () => {
      const { code, out, err } = await compared(file, file, "-n", "3");
      assert.equal(code, 0, err);
      assert.match(out, /^group +in +run_share_a +run_share_b/);
      assert.match(out, /\nall threads +both/);
      const json = JSON.parse((await compared("--json", file, file)).out);
      assert.equal(json.confidence, null);
      assert.equal(json.a[0].path, file);
      for (const row of json.rows) {
        assert.equal(row.in, "both");
        assert.equal(row.run_share_a, row.run_share_b);
      }
    });
    await t.step("four of each have intervals; the same ones are equal", async () => {
      const four = [file, file, file, file];
      const { code, out, err } = await compared(...four, "--", ...four, "--confidence", "0.9", "-n", "2");
      assert.equal(code, 0, err);
      assert.match(out, /90 % interval/);
      assert.match(out, /\nall threads +run_share +equal/);
      assert.match(out, /\n2 of \d+ rows/);
      const json = JSON.parse((await compared("--json", ...four, "--", ...four)).out);
      assert.equal(json.confidence, 0.95);
      assert.ok(json.rows.length > 10);
      for (const row of json.rows) assert.ok(["equal", "too few runs"].includes(row.verdict), row.verdict);
    });
    await t.step("wrong usage is 2, a missing file 1", async () => {
      assert.equal((await compared(file)).code, 2);
      assert.equal((await compared(file, "--")).code, 2);
      assert.equal((await compared(file, file, "--confidence", "95")).code, 2);
      assert.equal((await compared(file, file, "--by", "moon")).code, 2);
      const { code, err } = await compared(file, `${dir}/none`);
      assert.equal(code, 1);
      assert.match(err, /none/);
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
