import { ensureJupyter, findJupyter, type Jupyter } from "../tools/jupyter.ts";
import { ExitCode, UsageError } from "./exit_code.ts";

/** One line for the list of commands. */
export const summary = "open the tutorials in JupyterLab, on Deno's kernel";

const HELP = `Usage: deno task notebook [--check] [--json] [NOTEBOOK] [JUPYTERLAB OPTIONS]

Registers Deno's kernel and opens JupyterLab, at notebooks/01-quickstart.ipynb unless told otherwise. Jupyter is taken
from PATH if it is recent enough, else installed into the cache directory of schedscope. Every option that is not listed
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

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    console.log(HELP.trimEnd());
    return ExitCode.Ok;
  }
  if (args.includes("--check")) return await check(args.includes("--json"));
  const chosen = args.find((arg, i) => arg.endsWith(".ipynb") && !args[i - 1]?.startsWith("--"));
  const notebook = chosen === undefined ? await quickstart() : await Deno.realPath(chosen).catch(() => {
    throw new UsageError(`There is no notebook ${chosen}`);
  });
  return await openLab(await ensureJupyter(), notebook, args.filter((arg) => arg !== chosen));
}

async function check(json: boolean): Promise<number> {
  const jupyter = await findJupyter();
  if (jupyter === undefined) {
    const remedy = "deno task notebook installs one; it needs: apt-get install -y python3 python3-venv";
    console.log(json ? JSON.stringify({ ok: false, missing: "jupyter", remedy }) : `No Jupyter; ${remedy}`);
    return ExitCode.Lacking;
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
  return problem === undefined ? ExitCode.Ok : ExitCode.Failed;
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

async function openLab(jupyter: Jupyter, notebook: string | undefined, options: string[]): Promise<number> {
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
      return code === 0 ? ExitCode.Ok : ExitCode.Failed;
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
