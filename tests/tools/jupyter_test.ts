import assert from "node:assert/strict";
import { ensureJupyter, findJupyter } from "../../lib/tools/jupyter.ts";

async function inTempDir(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "schedscope-jupyter-" });
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Runs `source` in a Deno that sees only `path` as PATH. */
async function withPath(path: string, source: string): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", source],
    env: { PATH: path, NO_COLOR: "1" },
    stdin: "null",
  }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

const module = new URL("../../lib/tools/jupyter.ts", import.meta.url).href;

Deno.test("ensureJupyter() gives a Python with the packages, whose Jupyter lists Deno's kernel in signal mode", async () => {
  const jupyter = await ensureJupyter();
  const { stdout } = await new Deno.Command(jupyter.python, {
    args: ["-m", "jupyter_client.kernelspecapp", "list", "--json"],
    env: jupyter.env,
    stdin: "null",
  }).output();
  const { spec } = JSON.parse(new TextDecoder().decode(stdout)).kernelspecs.deno;
  assert.deepEqual(spec.argv, [Deno.execPath(), "jupyter", "--kernel", "--conn", "{connection_file}"]);
  assert.equal(spec.interrupt_mode, "signal");
  const lab = await new Deno.Command(jupyter.python, {
    args: ["-m", "jupyterlab", "--version"],
    stdin: "null",
  })
    .output();
  assert.equal(new TextDecoder().decode(lab.stdout).trim(), jupyter.versions.jupyterlab);
});

Deno.test("findJupyter() starts the kernel with the Deno it is told, and rewrites its spec when that changes", async () => {
  await ensureJupyter();
  await inTempDir(async (cacheDir) => {
    const file = `${cacheDir}/jupyter/share/kernels/deno/kernel.json`;
    for (const deno of ["/one/deno", "/two/deno", "/two/deno"]) {
      const jupyter = await findJupyter({ cacheDir, deno });
      // Without a Jupyter on PATH there is nothing to register the kernel for; the first test covers the cache.
      if (jupyter === undefined) return;
      assert.equal(jupyter.source, "system");
      assert.equal(JSON.parse(await Deno.readTextFile(file)).argv[0], deno);
      assert.deepEqual([...Deno.readDirSync(`${cacheDir}/jupyter/share/kernels/deno`)].map((e) => e.name), [
        "kernel.json",
      ]);
    }
  });
});

Deno.test("without Python the error names the packages to install", async () => {
  await inTempDir(async (directory) => {
    const source = `import { ensureJupyter, findJupyter } from ${JSON.stringify(module)};
      console.log(await findJupyter({ cacheDir: ${JSON.stringify(directory)} }));
      await ensureJupyter({ cacheDir: ${JSON.stringify(directory)} })
        .catch((error) => console.log(error.name, error.message));`;
    assert.equal(
      await withPath(directory, source),
      "undefined\nJupyterUnavailableError Found no Python 3 on PATH. Run: apt-get install -y python3 python3-venv\n",
    );
  });
});

Deno.test("a Python that lacks the venv module is named, with the remedy, and nothing half made is used", async () => {
  await inTempDir(async (directory) => {
    // What Debian's python3 without python3-venv does.
    const python =
      `#!/bin/sh\ncase "$1" in --version) echo Python 3.11.2;; *) echo no ensurepip; exit 1;; esac\n`;
    await Deno.writeTextFile(`${directory}/python3`, python, { mode: 0o755 });
    const source = `import { ensureJupyter, findJupyter } from ${JSON.stringify(module)};
      const options = { cacheDir: ${JSON.stringify(directory)}, log: () => {} };
      await ensureJupyter(options).catch((error) => console.log(error.message, error.cause.trim()));
      console.log(await findJupyter(options));`;
    assert.equal(
      await withPath(directory, source),
      "python3 cannot make a virtual environment. Run: apt-get install -y python3 python3-venv no ensurepip\n" +
        "undefined\n",
    );
  });
});
