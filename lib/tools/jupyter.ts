import { homedir } from "node:os";

/** Python packages installed into schedscope's own environment, pinned to what the tests have run with. */
const pins: Record<string, string> = {
  jupyterlab: "4.6.6",
  nbconvert: "7.17.2",
  nbclient: "0.11.0",
  jupyter_client: "8.10.0",
};

/** Oldest major versions that are taken from what is installed already. */
const oldestMajor: Record<string, number> = { jupyterlab: 4, nbconvert: 7, nbclient: 0, jupyter_client: 8 };

/** A Jupyter that can run notebooks on Deno's kernel. */
export interface Jupyter {
  /** The Python interpreter that has the packages; run everything as `python -m jupyterlab`, `-m nbconvert`. */
  python: string;
  /** `cache` for schedscope's own environment, `system` for one that was there. */
  source: "cache" | "system";
  /** Version of each package by its name. */
  versions: Record<string, string>;
  /** Environment for the child process; it makes Deno's kernel known under the name `deno`. */
  env: Record<string, string>;
}

/** Options of {@linkcode findJupyter} and {@linkcode ensureJupyter}. */
export interface JupyterOptions {
  /** Where schedscope keeps its files (default `$XDG_CACHE_HOME/schedscope`, or `~/.cache/schedscope`). */
  cacheDir?: string;
  /** Program that the kernel spec starts (default: the running Deno). */
  deno?: string;
  /** Told what is going on when something takes long (default: `console.error`). */
  log?: (line: string) => void;
  /** Ends an installation when aborted (default: never). */
  signal?: AbortSignal;
}

/** There is no Jupyter and none could be installed. */
export class JupyterUnavailableError extends Error {
  /** The name of this class. */
  override readonly name = "JupyterUnavailableError";
  /** What to run or do about it. */
  readonly remedy: string;

  /** Says what is missing and what helps. */
  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(`${message}. ${remedy}`, options);
    this.remedy = remedy;
  }
}

/**
 * A Jupyter that is here already, with Deno's kernel registered: schedscope's own environment if it has been made
 * and is up to date, else a Python on PATH that has JupyterLab 4, nbconvert 7, nbclient and jupyter_client 8.
 *
 * The kernel spec is written below the cache directory and put on `JUPYTER_PATH` of {@linkcode Jupyter.env}. It
 * starts the same command as `deno jupyter --install` would register in the user's home, which stays as it is. The
 * interrupt mode must be `signal`: in `message` mode an interrupt of an awaiting cell hangs Deno's kernel for ever.
 */
export async function findJupyter(options: JupyterOptions = {}): Promise<Jupyter | undefined> {
  const home = jupyterDir(options);
  const own = venvPython(home);
  const made = await readText(`${home}/venv/complete.json`) === JSON.stringify(pins);
  const candidates: [Jupyter["source"], string][] = made ? [["cache", own]] : [];
  for (const python of await pythonsOnPath()) candidates.push(["system", python]);
  for (const [source, python] of candidates) {
    const versions = await packageVersions(python);
    if (versions === undefined || !recentEnough(versions)) continue;
    const data = `${home}/share`;
    await registerKernel(data, options.deno ?? Deno.execPath());
    const path = Deno.env.get("JUPYTER_PATH");
    return { python, source, versions, env: { JUPYTER_PATH: path ? `${data}:${path}` : data } };
  }
  return undefined;
}

/**
 * A Jupyter as {@linkcode findJupyter} finds it; if there is none, one is installed from PyPI (about 300 MB) into a
 * virtual environment in the cache directory, because Debian refuses `pip install` into the system.
 *
 * @throws {JupyterUnavailableError} If Python or its venv module is missing, or the installation failed
 */
export async function ensureJupyter(options: JupyterOptions = {}): Promise<Jupyter> {
  const found = await findJupyter(options);
  if (found !== undefined) return found;
  const home = jupyterDir(options);
  await Deno.mkdir(home, { recursive: true });
  // The lock goes away with the process, so two first runs do not build into each other and none is left behind.
  using lock = await Deno.open(`${home}/lock`, { create: true, write: true });
  await lock.lock(true);
  if (await readText(`${home}/venv/complete.json`) !== JSON.stringify(pins)) await install(home, options);
  const installed = await findJupyter(options);
  if (installed !== undefined) return installed;
  throw new JupyterUnavailableError(
    `The Jupyter installed in ${home}/venv does not answer`,
    `Remove ${home} and try again`,
  );
}

async function install(home: string, options: JupyterOptions): Promise<void> {
  const { log = console.error, signal } = options;
  const base = (await pythonsOnPath()).at(-1);
  const packages = Object.entries(pins).map(([name, version]) => `${name}==${version}`);
  if (base === undefined) {
    throw new JupyterUnavailableError("Found no Python 3 on PATH", aptRemedy);
  }
  log(`Installing ${packages.join(" ")} into ${home}/venv`);
  const venv = await run(base, ["-m", "venv", "--clear", `${home}/venv`], signal);
  if (!venv.success) {
    throw new JupyterUnavailableError(`${base} cannot make a virtual environment`, aptRemedy, {
      cause: venv.text,
    });
  }
  const pip = await run(venvPython(home), ["-m", "pip", "install", "--quiet", ...packages], signal);
  if (!pip.success) {
    throw new JupyterUnavailableError(
      `pip could not install ${packages.join(" ")}: ${lastLines(pip.text)}`,
      "Check the network, or put a Python that has jupyterlab and nbconvert on PATH",
      { cause: pip.text },
    );
  }
  await Deno.writeTextFile(`${home}/venv/complete.json`, JSON.stringify(pins));
}

const aptRemedy = "Run: apt-get install -y python3 python3-venv";

async function registerKernel(data: string, deno: string): Promise<void> {
  const file = `${data}/kernels/deno/kernel.json`;
  const spec = JSON.stringify(
    {
      argv: [deno, "jupyter", "--kernel", "--conn", "{connection_file}"],
      display_name: "Deno",
      language: "typescript",
      interrupt_mode: "signal",
    },
    undefined,
    2,
  );
  if (await readText(file) === spec) return;
  await Deno.mkdir(`${data}/kernels/deno`, { recursive: true });
  // Renamed into place: another process may be reading it.
  const written = await Deno.makeTempFile({ dir: `${data}/kernels/deno`, suffix: ".json" });
  await Deno.writeTextFile(written, spec);
  await Deno.rename(written, file);
}

function jupyterDir(options: JupyterOptions): string {
  if (options.cacheDir !== undefined) return `${options.cacheDir}/jupyter`;
  const base = Deno.env.get("XDG_CACHE_HOME") || `${homedir()}/.cache`;
  return `${base}/schedscope/jupyter`;
}

function venvPython(home: string): string {
  return `${home}/venv/bin/python`;
}

/** Interpreters to try, the one behind the `jupyter` command first, `python3` last. */
async function pythonsOnPath(): Promise<string[]> {
  const found: string[] = [];
  for (const dir of (Deno.env.get("PATH") ?? "").split(":")) {
    const script = dir === "" ? undefined : await readText(`${dir}/jupyter`);
    const interpreter = /^#!\s*(\S*python[\d.]*)\s*$/m.exec(script?.split("\n", 1)[0] ?? "")?.[1];
    if (interpreter !== undefined) found.push(interpreter);
  }
  if ((await run("python3", ["--version"])).success) found.push("python3");
  return [...new Set(found)];
}

const versionsScript = `
import importlib.metadata, json, sys
print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))
`;

async function packageVersions(python: string): Promise<Record<string, string> | undefined> {
  const { success, stdout } = await run(python, ["-c", versionsScript, ...Object.keys(pins)]);
  return success ? JSON.parse(stdout) : undefined;
}

function recentEnough(versions: Record<string, string>): boolean {
  return Object.entries(oldestMajor).every(([name, major]) => parseInt(versions[name] ?? "-1") >= major);
}

async function run(
  program: string,
  args: string[],
  signal?: AbortSignal,
): Promise<{ success: boolean; stdout: string; text: string }> {
  try {
    const command = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      ...(signal === undefined ? {} : { signal }),
    });
    const { success, stdout, stderr } = await command.output();
    signal?.throwIfAborted();
    const out = new TextDecoder().decode(stdout);
    return { success, stdout: out, text: out + new TextDecoder().decode(stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) {
      return { success: false, stdout: "", text: error.message };
    }
    throw error;
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return undefined;
  }
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-3).join(" / ");
}
