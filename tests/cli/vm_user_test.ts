import assert from "node:assert/strict";
import { schedscope } from "./schedscope.ts";

Deno.test("vm user tells of itself", async () => {
  const { code, out } = await schedscope(["vm", "user", "--help"]);
  assert.equal(code, 0);
  assert.match(out, /Usage: schedscope vm user .*KERNEL/);
  assert.match(out, /Examples:/);
});

Deno.test("vm user says in one sentence what is wrong with what it was given", async () => {
  const directory = await Deno.makeTempDir();
  const text = `${directory}/text`;
  await Deno.writeTextFile(text, "this is no kernel\n".repeat(100));
  const wrong: [args: string[], code: number, said: RegExp][] = [
    [[], 2, /Expected one KERNEL but found 0/],
    [["a", "b"], 2, /Expected one KERNEL but found 2/],
    [["--isolation", "prison", "a"], 2, /Expected --isolation to be auto, cookies, .*but found "prison"/],
    [["--accelerator", "xen", "a"], 2, /Expected --accelerator to be auto, kvm, tcg but found "xen"/],
    [["--seconds", "soon", "a"], 2, /Expected --seconds to be a duration/],
    [["--plant", "1us", "a"], 2, /Expected --plant to be longer but found 1us/],
    [["--pairs", "9", "a"], 2, /Expected --pairs to be from 1 to 8 but found 9/],
    [["--nope", "a"], 2, /no option --nope/],
    [["-o", `${directory}/trace`, `${directory}/none`], 1, /none/],
    [["-o", `${directory}/trace`, text], 1, /text/],
    // What is there and is no trace stays.
    [["-o", text, text], 1, /is there already and is no tracefs capture/],
    [["-o", "/proc/trace", text], 1, /\/proc/],
  ];
  for (const [args, code, said] of wrong) {
    const found = await schedscope(["vm", "user", ...args]);
    assert.equal(found.code, code, `${args.join(" ")}: ${found.err}`);
    assert.match(found.err, said);
    const lines = found.err.trim().split("\n").filter((line) => !line.startsWith("Try: "));
    assert.equal(lines.length, 1, `one sentence and no stack: ${found.err}`);
    assert.equal(found.out, "");
  }
  assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["text"], "nothing is left");
  await Deno.remove(directory, { recursive: true });
});
