import { homedir } from "node:os";

/** Perfetto's own definitions of its messages, for Python. */
const PACKAGES = ["perfetto==0.59.1", "protobuf==7.36.2"];

/** A Python that has them, in an environment of its own in the cache directory; made where it is missing. */
export async function perfettoPython(log: (line: string) => void = () => {}): Promise<string> {
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${homedir()}/.cache`;
  const home = `${cache}/schedscope/perfetto-${PACKAGES.join("-").replaceAll("==", "-")}`;
  const python = `${home}/bin/python`;
  if (await Deno.stat(`${home}/complete`).catch(() => undefined) !== undefined) return python;
  log(`installing ${PACKAGES.join(", ")} from PyPI into ${home}`);
  await Deno.mkdir(home, { recursive: true });
  await run("python3", "-m", "venv", "--clear", home);
  await run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...PACKAGES);
  await Deno.writeTextFile(`${home}/complete`, "");
  return python;
}

/** Runs the script `name` of this directory with `args`; what it prints, each byte one character. */
export async function runPython(name: string, ...args: string[]): Promise<string> {
  return await run(await perfettoPython(), new URL(name, import.meta.url).pathname, ...args);
}

async function run(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  if (!success) throw new Error(`${program} ${args[0]}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder("latin1").decode(stdout);
}
