import { ensureJupyter, findJupyter, type Jupyter, JupyterUnavailableError } from "../tools/jupyter.ts";

const usage = `Usage: deno task notebook [--check] [--json] [NOTEBOOK] [JUPYTERLAB OPTIONS]

Registers Deno's kernel and opens JupyterLab, at notebooks/01-quickstart.ipynb unless told otherwise. Jupyter is taken
from PATH if it is recent enough, else installed into schedscope's cache directory. Every option that is not listed
here goes to JupyterLab.

Options:
  --check  Only say whether there is a Jupyter, and start Deno's kernel once
  --json   With --check: print it as JSON
  --help   Print this text

Examples:
  deno task notebook
  deno task notebook --check
  deno task notebook notebooks/02-recording.ipynb
  deno task notebook --no-browser --port 8890

Exit codes: 0 ok, 1 JupyterLab or the kernel failed, 2 no such notebook, 3 Python or Jupyter is missing.
`;

/**
 * The command behind `deno task notebook`: see its `--help`.
 *
 * @returns The exit code: 0 ok, 1 JupyterLab or the kernel failed, 2 no such notebook, 3 something missing here
 */
export async function run(args: string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    console.log(usage.trimEnd());
    return 0;
  }
  try {
    if (args.includes("--check")) return await check(args.includes("--json"));
    return await open(await ensureJupyter(), args);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      console.error(error.message);
      return 2;
    }
    if (!(error instanceof JupyterUnavailableError)) throw error;
    console.error(error.message);
    return 3;
  }
}

async function check(json: boolean): Promise<number> {
  const jupyter = await findJupyter();
  if (jupyter === undefined) {
    const remedy = "deno task notebook installs one; it needs: apt-get install -y python3 python3-venv";
    console.log(json ? JSON.stringify({ ok: false, missing: "jupyter", remedy }) : `No Jupyter; ${remedy}`);
    return 3;
  }
  const problem = await kernelProblem(jupyter);
  const { python, source, versions } = jupyter;
  if (json) {
    const kernel = problem ?? `Deno ${Deno.version.deno}`;
    console.log(JSON.stringify({ ok: problem === undefined, python, source, versions, kernel }));
  } else {
    const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ");
    console.log(`Jupyter: ${list} (${python}, ${source})`);
    console.log(`Kernel:  ${problem ?? `Deno ${Deno.version.deno} answers`}`);
  }
  return problem === undefined ? 0 : 1;
}

const kernelScript = `
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(startup_timeout=60, kernel_name="deno")
print(client.kernel_info(reply=True, timeout=30)["content"]["implementation"])
client.stop_channels()
manager.shutdown_kernel(now=True)
`;

/** Starts the kernel as a notebook would; what went wrong, or undefined. */
async function kernelProblem(jupyter: Jupyter): Promise<string | undefined> {
  const { success, stdout, stderr } = await new Deno.Command(jupyter.python, {
    args: ["-c", kernelScript],
    env: jupyter.env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (success && new TextDecoder().decode(stdout).includes("Deno")) return undefined;
  return `does not start: ${new TextDecoder().decode(stderr).trim().split("\n").at(-1)}`;
}

async function open(jupyter: Jupyter, args: string[]): Promise<number> {
  const chosen = args.find((arg, i) => arg.endsWith(".ipynb") && !args[i - 1]?.startsWith("--"));
  const options = args.filter((arg) => arg !== chosen);
  const notebook = chosen === undefined ? await quickstart() : await Deno.realPath(chosen);
  const command = ["-m", "jupyterlab"];
  if (notebook !== undefined) {
    // The address that is printed leads to the notebook; with the notebook as an argument only the browser would.
    const cwd = await Deno.realPath(Deno.cwd());
    const root = notebook.startsWith(`${cwd}/`) ? cwd : notebook.slice(0, notebook.lastIndexOf("/"));
    const path = notebook.slice(root.length + 1).split("/").map(encodeURIComponent).join("/");
    command.push(`--ServerApp.root_dir=${root}`, `--LabApp.default_url=/lab/tree/${path}`);
  }
  // JupyterLab refuses to run as root unasked; tracing needs root.
  if (Deno.uid() === 0 && !options.includes("--allow-root")) command.push("--allow-root");
  const screen = Deno.env.get("DISPLAY") || Deno.env.get("WAYLAND_DISPLAY");
  if (Deno.build.os === "linux" && !screen && !options.includes("--no-browser")) command.push("--no-browser");
  // Ctrl-C reaches JupyterLab too, which asks on the terminal whether to end; this process has to outlive that.
  const wait = () => {};
  Deno.addSignalListener("SIGINT", wait);
  try {
    const lab = new Deno.Command(jupyter.python, { args: [...command, ...options], env: jupyter.env })
      .spawn();
    const end = () => lab.kill("SIGTERM");
    Deno.addSignalListener("SIGTERM", end);
    try {
      const { code } = await lab.status;
      return code === 0 ? 0 : 1;
    } finally {
      Deno.removeSignalListener("SIGTERM", end);
    }
  } finally {
    Deno.removeSignalListener("SIGINT", wait);
  }
}

/** Path of the first tutorial of this checkout; undefined for a copy that came without notebooks. */
async function quickstart(): Promise<string | undefined> {
  const url = new URL("../../notebooks/01-quickstart.ipynb", import.meta.url);
  if (url.protocol !== "file:") return undefined;
  return await Deno.realPath(url).catch(() => undefined);
}

if (import.meta.main) Deno.exit(await run(Deno.args));
