import assert from "node:assert/strict";
import { testKernel } from "./vm/test_kernel.ts";
import { recordWithPerf } from "./trace/perf_data/record_with_perf.ts";

/** Runs an example as its own comment says, with the permissions that it names. */
async function example(name: string, ...args: string[]): Promise<string> {
  const [, permissions] = /deno run (.+) examples\//.exec(await Deno.readTextFile(`examples/${name}`))!;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...permissions!.split(" "), "--no-prompt", "-q", `examples/${name}`, ...args],
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("examples run and print what they promise", async (t) => {
  const dir = await Deno.makeTempDir();
  try {
    await t.step("longest_gaps.ts", async () => {
      await recordWithPerf(`${dir}/perf.data`, ["perf", "bench", "sched", "messaging", "-l", "50"]);
      assert.match(
        await example("longest_gaps.ts", `${dir}/perf.data`),
        /\d+ gaps over 1 ms; .*\n.* stood still for /,
      );
    });
    await t.step("query_with_sql.ts", async () => {
      assert.match(await example("query_with_sql.ts", `${dir}/perf.data`), /sched-messaging +\d+ .*[µm]s/);
    });
    await t.step("record_and_explain.ts", async () => {
      assert.match(await example("record_and_explain.ts"), /recorded by tracefs: .*\n(.+ % of one CPU\n){3}/);
    });
    await t.step("vm_whose_fault.ts", async () => {
      await testKernel();
      assert.match(
        await example("vm_whose_fault.ts"),
        /on one clock, known within .*\n(?:.*\n)*guest_queued: .* % of all waiting in the guest\n/,
      );
    });
    await t.step("none is left out", () => {
      const names = [...Deno.readDirSync("examples")].filter((entry) => entry.isFile).map((entry) =>
        entry.name
      ).sort();
      assert.deepEqual(names, [
        "longest_gaps.ts",
        "query_with_sql.ts",
        "record_and_explain.ts",
        "vm_whose_fault.ts",
      ]);
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
