import assert from "node:assert/strict";

const MAIN = new URL("../../../lib/cli/main.ts", import.meta.url).pathname;

/** A place where the user nobody can run Deno: root's home, where it may be installed, is closed to others. */
async function placeForNobody(): Promise<string> {
  const directory = await Deno.makeTempDir();
  await Deno.chmod(directory, 0o777);
  await Deno.copyFile(Deno.execPath(), `${directory}/deno`);
  await Deno.chmod(`${directory}/deno`, 0o755);
  return directory;
}

/** Runs a command of schedscope as nobody. */
async function asNobody(
  directory: string,
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  const run = ["run", "-A", "-q", "--no-lock", "--no-check", "--no-config", "--no-npm", MAIN, ...args];
  const { code, stdout, stderr } = await new Deno.Command("setpriv", {
    args: ["--reuid=65534", "--regid=65534", "--clear-groups", `${directory}/deno`, ...run],
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin", DENO_DIR: `${directory}/cache`, HOME: directory },
    cwd: directory,
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

Deno.test("without permission each door says what would allow it, and exits with 3", async () => {
  const directory = await placeForNobody();
  try {
    for (const door of ["auto", "tracefs", "perf"]) {
      const { code, err } = await asNobody(directory, "record", "--door", door, "-d", "100ms");
      assert.equal(code, 3, `${door}: ${err}`);
      assert.match(err, /^schedscope record: .*remedy: .*sudo/, door);
      assert.doesNotMatch(err, /\n\s+at /, "no stack");
    }
    const left = [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) =>
      /tracefs|perf|schedscope/.test(name)
    );
    assert.deepEqual(left, []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("doctor works without permission and marks what is closed", async () => {
  const directory = await placeForNobody();
  try {
    const { code, out, err } = await asNobody(directory, "doctor", "--json", "--clean");
    assert.equal(code, 0, err);
    const { checks } = JSON.parse(out) as { checks: { name: string; ok?: boolean; remedy?: string }[] };
    for (const name of ["root", "tracefs", "perf"]) {
      const check = checks.find((each) => each.name === name)!;
      assert.equal(check.ok, false, name);
      assert.match(check.remedy!, /sudo/);
    }
    assert.equal((await asNobody(directory, "doctor", "--require", "root")).code, 3);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
