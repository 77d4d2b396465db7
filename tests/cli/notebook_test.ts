import assert from "node:assert/strict";
import { ensureJupyter } from "../../lib/tools/jupyter.ts";

const module = (name: string) => JSON.stringify(new URL(`../../lib/cli/${name}.ts`, import.meta.url).href);
const script = `import { run } from ${module("notebook")}; import { reportError } from ${module("exit_code")};
  Deno.exit(await run(Deno.args).catch((error) => reportError("notebook", error)));`;
const fixture = new URL("../notebook/fixtures/smallest.ipynb", import.meta.url).pathname;

async function run(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", script, "--", ...args],
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
  }).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("notebook --check starts the kernel and says what it found", async () => {
  await ensureJupyter();
  const { code, text } = await run(["--check", "--json"]);
  const found = JSON.parse(text);
  assert.deepEqual([code, found.ok, found.kernel], [0, true, `Deno ${Deno.version.deno}`]);
  assert.match((await run(["--check"])).text, /^Jupyter: jupyterlab \d.*\nKernel: {2}Deno [\d.]+ answers\n$/);
});

Deno.test("notebook says what is missing with code 3, and a missing file with code 2", async () => {
  const empty = await Deno.makeTempDir();
  try {
    const { code, text } = await run([], { PATH: empty, XDG_CACHE_HOME: empty });
    assert.equal(code, 3, text);
    assert.match(text, /apt-get install -y python3 python3-venv/);
    assert.equal((await run(["--check"], { PATH: empty, XDG_CACHE_HOME: empty })).code, 3);
  } finally {
    await Deno.remove(empty, { recursive: true });
  }
  assert.equal((await run(["no-such.ipynb"])).code, 2);
  assert.match((await run(["--help"])).text, /^Usage: deno task notebook/);
});

Deno.test("notebook serves the notebook with a kernel called deno and ends with SIGTERM", async () => {
  await ensureJupyter();
  const lab = new Deno.Command(Deno.execPath(), {
    args: ["eval", script, "--", fixture, "--no-browser", "--port", "0"],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let log = "";
  const reading = (async () => {
    for await (const chunk of lab.stderr) log += new TextDecoder().decode(chunk);
  })();
  try {
    const address = /(http:\/\/127\.0\.0\.1:\d+)\/lab\/tree\/\S*smallest\.ipynb\?(token=\w+)/;
    for (let i = 0; i < 600 && !address.test(log); i++) await new Promise((done) => setTimeout(done, 100));
    const [, server, token] = address.exec(log) ?? assert.fail(`no address in:\n${log}`);
    const specs = await (await fetch(`${server}/api/kernelspecs?${token}`)).json();
    assert.equal(specs.kernelspecs.deno.spec.interrupt_mode, "signal");
  } finally {
    lab.kill("SIGTERM");
    await lab.status;
    await reading;
  }
});
