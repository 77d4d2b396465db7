import { homedir } from "node:os";

/**
 * A Python with `packages` (pinned, as pip has them), in an environment of its own in the cache directory, called after `name`; made
 * where it is missing.
 */
export async function pythonWith(
  name: string,
  packages: readonly string[],
  log: (line: string) => void = () => {},
): Promise<string> {
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${homedir()}/.cache`;
  const home = `${cache}/schedscope/${name}-${packages.join("-").replaceAll("==", "-")}`;
  const python = `${home}/bin/python`;
  if (await Deno.stat(`${home}/complete`).catch(() => undefined) !== undefined) return python;
  log(`installing ${packages.join(", ")} from PyPI into ${home}`);
  await Deno.mkdir(home, { recursive: true });
  await runProgram("python3", "-m", "venv", "--clear", home);
  await runProgram(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages);
  await Deno.writeTextFile(`${home}/complete`, "");
  return python;
}

/** Runs `program`; what it prints, each byte one character. Throws what it says on its error output when it fails. */
export async function runProgram(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  if (!success) throw new Error(`${program} ${args[0]}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder("latin1").decode(stdout);
}
