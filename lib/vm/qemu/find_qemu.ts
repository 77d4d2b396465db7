import { LackingError } from "../errors.ts";

/** The QEMU of this machine. */
export interface QemuProgram {
  /** Its absolute path. */
  readonly path: string;
  /** Its version, such as `7.2.22`. */
  readonly version: string;
}

const NAME = "qemu-system-x86_64";
const REMEDY = "install it: apt-get install qemu-system-x86 (or set SCHEDSCOPE_QEMU to its path)";

/** Oldest major version whose control channel and command line are those used here. */
const OLDEST = 5;

const found = new Map<string, QemuProgram>();

/**
 * QEMU for x86-64 guests: the file that `SCHEDSCOPE_QEMU` names, else `qemu-system-x86_64` on the PATH.
 *
 * Throws a {@linkcode LackingError} where there is none, where it does not run, or where it is older than QEMU 5; and where
 * `setpriv` or `setsid` is missing, without which a guest could outlive this process.
 */
export async function findQemu(): Promise<QemuProgram> {
  const given = Deno.env.get("SCHEDSCOPE_QEMU");
  const path = given || which(NAME);
  if (path === undefined) throw new LackingError(`${NAME} is not installed`, REMEDY);
  const known = found.get(path);
  if (known !== undefined) return known;
  for (const tool of ["setpriv", "setsid", "taskset"]) {
    if (which(tool) === undefined) {
      throw new LackingError(
        `${tool} is not installed, which guests are started with`,
        "install it: apt-get install util-linux",
      );
    }
  }
  const version = await versionOf(path);
  const program = { path, version };
  found.set(path, program);
  return program;
}

async function versionOf(path: string): Promise<string> {
  let text: string;
  try {
    const { stdout } = await new Deno.Command(path, {
      args: ["--version"],
      stdin: "null",
      stderr: "null",
      signal: AbortSignal.timeout(20_000),
    }).output();
    text = new TextDecoder().decode(stdout);
  } catch (cause) {
    const given = path === Deno.env.get("SCHEDSCOPE_QEMU") ? ", which SCHEDSCOPE_QEMU names," : "";
    throw new LackingError(`${path}${given} does not run`, given === "" ? REMEDY : `unset it, or ${REMEDY}`, {
      cause,
    });
  }
  const version = /QEMU emulator version (\d+(?:\.\d+)*)/.exec(text)?.[1];
  if (version === undefined) {
    throw new LackingError(`${path} does not say that it is QEMU`, REMEDY);
  }
  if (Number(version.split(".")[0]) < OLDEST) {
    throw new LackingError(`${path} is QEMU ${version}, and QEMU ${OLDEST} or newer is needed`, REMEDY);
  }
  return version;
}

function which(name: string): string | undefined {
  for (const directory of (Deno.env.get("PATH") ?? "/usr/bin:/bin").split(":")) {
    const path = `${directory || "."}/${name}`;
    try {
      const { isFile, mode } = Deno.statSync(path);
      if (isFile && ((mode ?? 0) & 0o111) !== 0) return path;
    } catch {
      // Not in this directory.
    }
  }
  return undefined;
}
