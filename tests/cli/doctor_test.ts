import assert from "node:assert/strict";
import { run } from "../../lib/cli/doctor.ts";
import { UsageError } from "../../lib/cli/exit_code.ts";

/** Runs the command with what it prints kept. */
async function doctor(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { log, error } = console;
  const out: string[] = [];
  const err: string[] = [];
  console.log = (text: string) => out.push(text);
  console.error = (text: string) => err.push(text);
  try {
    return { code: await run(args), out: out.join("\n"), err: err.join("\n") };
  } finally {
    console.log = log;
    console.error = error;
  }
}

async function succeeds(program: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

Deno.test("what doctor says agrees with the machine, and what is lacking has a remedy", async () => {
  const { code, out } = await doctor("--json");
  assert.equal(code, 0);
  const { checks } = JSON.parse(out) as {
    checks: { name: string; ok?: boolean; found: string; remedy?: string }[];
  };
  const ok = (name: string) => checks.find((check) => check.name === name)!.ok;
  assert.equal(ok("root"), Deno.uid() === 0);
  assert.equal(ok("perf"), await succeeds("perf", "--version"));
  assert.equal(ok("cc"), await succeeds("cc", "--version") && await succeeds("make", "--version"));
  assert.equal(ok("python3"), await succeeds("python3", "--version"));
  assert.equal(ok("tracefs"), await succeeds("test", "-w", "/sys/kernel/tracing/instances"));
  assert.equal(ok("kvm"), await succeeds("sh", "-c", "exec 3<>/dev/kvm"));
  assert.equal(ok("qemu"), await succeeds(`qemu-system-${Deno.build.arch}`, "--version"));
  for (const { name, ok, found, remedy } of checks) {
    assert.ok(found.length > 0, name);
    if (ok === false) assert.ok(remedy !== undefined && remedy.length > 5, `${name} has no remedy`);
    if (ok === true) assert.equal(remedy, undefined);
  }
});

Deno.test("--require ends with 3 for what is lacking, with 2 for what is not known", async () => {
  const { checks } = JSON.parse((await doctor("--json")).out) as { checks: { name: string; ok?: boolean }[] };
  for (const { name, ok } of checks) {
    const { code, err } = await doctor("--require", name);
    assert.equal(code, ok === true ? 0 : 3, name);
    if (ok !== true) assert.match(err, new RegExp(`${name} is required`));
  }
  await assert.rejects(run(["--require", "luck"]), UsageError);
  await assert.rejects(run(["extra"]), UsageError);
});
