import { isAlive, ownedName, ownerOf, startTimeOf } from "../../trace/record/owner.ts";
import { VmError } from "../errors.ts";
import { fileRefusal } from "../file_refusal.ts";

/** Longest path of a Unix socket: sun_path less its NUL. */
const LONGEST_SOCKET = 107;

/** Ends of the names of run directories. */
const SUFFIX = "-vm";

/** File in a run directory that names its QEMU: process id and start time. */
const PROCESS_FILE = "process";

/**
 * Waits for the end of its stdin, which comes when the process that started it closes it or dies by whatever, then removes the
 * directory. It tries for a while: QEMU may die a moment later and make another socket in between.
 */
const GUARD = `trap "" INT TERM HUP QUIT
read -r _
n=0
while [ -e "$1" ] && [ "$n" -lt 50 ]; do
  rm -rf -- "$1"
  [ -e "$1" ] && sleep 0.1
  n=$((n + 1))
done`;

/** The private directory (mode 0700) of one guest, with its sockets. It does not outlive this process, `kill -9` included. */
export class RunDirectory implements AsyncDisposable {
  /** Its path. */
  readonly path: string;
  readonly #guard: Deno.ChildProcess;
  #gone: Promise<void> | undefined;

  private constructor(path: string, guard: Deno.ChildProcess) {
    this.path = path;
    this.#guard = guard;
  }

  /** Makes one in `base`, and removes those there whose owners are dead. */
  static async create(base: string = runBase()): Promise<RunDirectory> {
    sweepRunDirectories(base);
    const path = `${base}/${ownedName()}${SUFFIX}`;
    await Deno.mkdir(path, { mode: 0o700 }).catch((error) => {
      throw refused(base, error);
    });
    try {
      const guard = new Deno.Command("setsid", {
        args: ["sh", "-c", GUARD, "sh", path],
        stdin: "piped",
        stdout: "null",
        stderr: "null",
        cwd: "/",
      }).spawn();
      return new RunDirectory(path, guard);
    } catch (error) {
      await Deno.remove(path);
      throw error;
    }
  }

  /** Path of the socket `name` in it. Throws a {@linkcode VmError} where that is longer than a socket's may be. */
  socket(name: string): string {
    const path = `${this.path}/${name}`;
    if (new TextEncoder().encode(path).length > LONGEST_SOCKET) {
      throw new VmError(
        `The path of a socket may have ${LONGEST_SOCKET} bytes and ${path} has more; set XDG_RUNTIME_DIR or TMPDIR to a shorter one`,
      );
    }
    return path;
  }

  /** Notes that the process `pid` is the QEMU of this directory. */
  async claim(pid: number): Promise<void> {
    try {
      await Deno.writeTextFile(`${this.path}/${PROCESS_FILE}`, `${pid} ${startTimeOf(pid) ?? ""}`);
    } catch (error) {
      throw refused(this.path, error);
    }
  }

  /** Removes it. A second call waits for the first. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#gone ??= this.#remove();
  }

  async #remove(): Promise<void> {
    removeTree(this.path);
    await this.#guard.stdin.close().catch(() => {});
    await this.#guard.status;
  }
}

/** `error`, in a sentence where it is of the files at `path`. */
function refused(path: string, error: unknown): unknown {
  const why = fileRefusal(error);
  if (why === undefined) return error;
  return new VmError(
    `The sockets of a guest cannot be made in ${path}: ${why}; set XDG_RUNTIME_DIR or TMPDIR to another directory`,
    { cause: error },
  );
}

/** Where run directories are made: `XDG_RUNTIME_DIR` where it is set and there, else the directory for temporary files. */
export function runBase(): string {
  const runtime = Deno.env.get("XDG_RUNTIME_DIR");
  if (runtime && isDirectory(runtime)) return runtime;
  return (Deno.env.get("TMPDIR") || "/tmp").replace(/(?<=.)\/+$/, "");
}

/** Removes the run directories in `base` whose owners are dead, and ends what is left of their QEMUs. Returns their paths. */
export function sweepRunDirectories(base: string = runBase()): string[] {
  const removed: string[] = [];
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(base)];
  } catch {
    return removed;
  }
  for (const { name, isDirectory } of entries) {
    const owner = isDirectory && name.endsWith(SUFFIX) ? ownerOf(name) : undefined;
    if (owner === undefined || isAlive(owner)) continue;
    const path = `${base}/${name}`;
    endProcessOf(path);
    if (removeTree(path)) removed.push(path);
  }
  return removed;
}

/** Ends the QEMU of the run directory at `path`, if it is still the process that was noted. */
function endProcessOf(path: string): void {
  try {
    const [pid, startTime] = Deno.readTextFileSync(`${path}/${PROCESS_FILE}`).split(" ");
    if (startTime && startTimeOf(Number(pid)) === startTime) Deno.kill(Number(pid), "SIGKILL");
  } catch {
    // It was never noted, is gone, or is somebody else's.
  }
}

function removeTree(path: string): boolean {
  try {
    Deno.removeSync(path, { recursive: true });
    return true;
  } catch {
    // Gone already, or another user's.
    return false;
  }
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
