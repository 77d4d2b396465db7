import assert from "node:assert/strict";
import { LackingError } from "../../../lib/vm/errors.ts";
import type { GuestShell } from "../../../lib/vm/user/guest_shell.ts";
import { chooseIsolation, offerScript, readProof } from "../../../lib/vm/user/isolation.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** A guest whose kernel refuses cookies with `errno` and has the files `offered` in its cgroups. */
function guest(errno: number, offered: readonly string[], shares: readonly number[] = [0.49, 0.48]) {
  const commands: string[] = [];
  const shell = {
    exec(argv: readonly string[]) {
      commands.push(argv.join(" "));
      const stdout = argv[0] === "schedscope-spin"
        ? JSON.stringify({
          per_thread: shares.map((share, i) => ({
            cpu_ns: share * 3e8,
            wall_ns: 3e8,
            cookie: argv.includes("--cookies=0,1") && errno === 0 ? `0x${i + 1}` : "0",
            cookie_errno: argv.includes("--cookies=0,1") ? errno : 0,
          })),
        })
        : `${offered.join("\n")}\n`;
      return Promise.resolve({
        code: 0,
        signal: null,
        stdout: bytes(stdout),
        stderr: bytes(""),
        cpu: { user: 0, system: 0 },
        maxResident: 0,
      });
    },
  } as unknown as GuestShell;
  return { shell, commands };
}

Deno.test("cookies are the best, and are shown to work", async () => {
  const { shell } = guest(0, ["cpu.tag"]);
  const { kind, proof, spin } = await chooseIsolation(shell, "auto", [2, 3], 8);
  assert.equal(kind, "cookies");
  assert.deepEqual(spin, ["--cookies"]);
  assert.deepEqual(proof?.cookies, ["0x1", "0x2"]);
  assert.equal(proof?.holds, true);
});

Deno.test("without cookies a tag is taken, then coscheduling, then none, and it is said why", async () => {
  const tagged = await chooseIsolation(guest(22, ["cpu.tag", "cpu.scheduled"]).shell, "auto", [2, 3], 8);
  assert.equal(tagged.kind, "tag");
  assert.match(tagged.reason, /no core scheduling \(EINVAL: built without CONFIG_SCHED_CORE\).*cpu\.tag/);
  assert.equal(tagged.spin.length, 32, "each pair's group is given for both of its threads");
  assert.equal(tagged.spin[1], tagged.spin[3]);
  assert.notEqual(tagged.spin[3], tagged.spin[5]);

  const { shell, commands } = guest(19, ["cpu.scheduled"]);
  const coscheduled = await chooseIsolation(shell, "auto", [2, 3], 2);
  assert.equal(coscheduled.kind, "coscheduling");
  assert.match(coscheduled.reason, /ENODEV.*no cpu\.tag/);
  assert.ok(
    commands.some((command) => command.includes("echo 1 > /tmp/schedscope-cpu/cosched2/cpu.scheduled")),
  );

  const none = await chooseIsolation(guest(22, []).shell, "auto", [2, 3], 8);
  assert.deepEqual([none.kind, none.proof, none.spin], ["none", undefined, []]);
  assert.match(none.reason, /no cpu\.tag.*no cpu\.scheduled.*nothing keeps the pairs apart/);
});

Deno.test("what was asked for and is not there is refused with the reason", async () => {
  const refusal = async (errno: number, asked: "cookies" | "tag" | "coscheduling") => {
    const error = await chooseIsolation(guest(errno, []).shell, asked, [2, 3], 8).catch((error) => error);
    assert.ok(error instanceof LackingError);
    return error;
  };
  assert.match((await refusal(22, "cookies")).message, /EINVAL: built without CONFIG_SCHED_CORE/);
  assert.match((await refusal(19, "cookies")).message, /ENODEV/);
  assert.match((await refusal(0, "tag")).message, /no cpu\.tag/);
  assert.match((await refusal(0, "coscheduling")).remedy, /cookies/);
});

Deno.test("none runs nothing", async () => {
  const { shell, commands } = guest(0, []);
  assert.equal((await chooseIsolation(shell, "none", [2, 3], 8)).kind, "none");
  assert.deepEqual(commands, []);
});

Deno.test("two threads that both have all of the time are not kept apart", () => {
  const of = (shares: readonly number[]) =>
    readProof(JSON.stringify({
      per_thread: shares.map((share) => ({ cpu_ns: share, wall_ns: 1, cookie: "0", cookie_errno: 0 })),
    })).holds;
  assert.equal(of([1, 0.99]), false);
  assert.equal(of([0.47, 0.48]), true);
});

Deno.test("the groups are made, and the files they have are printed", async () => {
  const root = await Deno.makeTempDir();
  await Deno.writeTextFile(`${root}/tasks`, ""); // so that nothing is mounted
  await Deno.mkdir(`${root}/cosched1`);
  await Deno.writeTextFile(`${root}/cosched1/cpu.tag`, "0");
  const run = async () => {
    const { stdout, success } = await new Deno.Command("/bin/sh", { args: ["-c", offerScript(3, root)] })
      .output();
    assert.ok(success);
    return new TextDecoder().decode(stdout);
  };
  assert.equal(await run(), "cpu.tag\n");
  assert.ok((await Deno.stat(`${root}/cosched3`)).isDirectory);
  assert.equal(await run(), "cpu.tag\n", "again on the same groups");
  await Deno.remove(root, { recursive: true });
});
