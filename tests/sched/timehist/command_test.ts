import assert from "node:assert/strict";
import { fixed2 } from "../../../lib/sched/timehist/fixed2.ts";
import { record, recordings } from "./recordings.ts";

const MAIN = new URL("../../../lib/cli/main.ts", import.meta.url).pathname;

async function schedscope(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const command = new Deno.Command(Deno.execPath(), { args: ["run", "-A", MAIN, ...args] });
  const { code, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

Deno.test("schedscope timehist: options, exit codes, JSON, and perf's bytes", async (t) => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/perf.data`;
    await record(recordings[2]!, path);
    await t.step("wrong usage ends with 2 and says why", async () => {
      for (
        const [args, why] of [
          [["-s", "-w", path], /mutually exclusive/],
          [["-sn", path], /mutually exclusive/],
          [["--time", "2,1", path], /--time/],
          [["-p", "x", path], /-p/],
          [["--rules", "mine", path], /--rules/],
          [["-Q", path], /-Q/],
          [[], /FILE/],
        ] as const
      ) {
        const { code, out, err } = await schedscope("timehist", ...args);
        assert.equal(code, 2, args.join(" "));
        assert.equal(out, "");
        assert.match(err, why);
      }
    });
    await t.step("a file that is not there ends with 1", async () => {
      assert.equal((await schedscope("timehist", `${directory}/none`)).code, 1);
    });
    await t.step("--rules perf-6.1 prints what perf prints", async () => {
      for (const options of [["-MVw", "--state"], ["-S", "-n"], ["-s"]]) {
        const perf = await new Deno.Command("perf", {
          args: ["sched", "timehist", ...options, "-i", path],
          stderr: "null",
        }).output();
        const ours = await schedscope("timehist", "--rules", "perf-6.1", ...options, path);
        assert.equal(ours.out, new TextDecoder().decode(perf.stdout));
      }
    });
    await t.step("says on stderr how much it covers", async () => {
      const { code, out, err } = await schedscope("timehist", "-s", path);
      assert.equal(code, 0);
      assert.match(out, /Runtime summary/);
      assert.match(err.trim().split("\n").at(-1)!, /^Covers \d+\.\d % of \d+ CPUs/);
    });
    await t.step("--json", async () => {
      const summary = JSON.parse((await schedscope("timehist", "-s", "--json", path)).out);
      assert.ok(summary.threads.length > 0 && summary.cpus.length > 0);
      const [line] = (await schedscope("timehist", "--json", path)).out.split("\n");
      assert.equal(typeof JSON.parse(line!).cpu, "number");
    });
    await t.step("ends quietly where its reader is gone", async () => {
      const pipe = `${Deno.execPath()} run -A ${MAIN} timehist ${path} | head -2`;
      const { stdout, stderr } = await new Deno.Command("bash", { args: ["-c", pipe] }).output();
      assert.equal(new TextDecoder().decode(stdout).trimEnd().split("\n").length, 2);
      assert.equal(new TextDecoder().decode(stderr), "");
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("fixed2 rounds as printf does", async () => {
  const values = [0, 0.125, 0.375, 0.625, 2.5, 1.005, 99.995, 123456.875, 0.005, 1e9 + 0.125, 33.335, 1e22];
  const { stdout } = await new Deno.Command("awk", {
    args: [`BEGIN { for (i = 1; i < ARGC; i++) printf "%.2f\\n", ARGV[i] }`, ...values.map(String)],
  }).output();
  assert.deepEqual(values.map(fixed2), new TextDecoder().decode(stdout).trim().split("\n"));
});
