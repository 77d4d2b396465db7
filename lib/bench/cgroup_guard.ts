/**
 * Waits for the end of its standard input, then removes the groups below the one named, and that one, trying for five seconds as
 * their threads may still be ending. Signals of a terminal reach the whole process group and must not end it.
 */
const SCRIPT = `trap "" INT TERM HUP QUIT
read -r _
i=0
while [ -d "$0" ] && [ $i -lt 50 ]; do
  for group in "$0"/*/; do rmdir "$group"; done
  rmdir "$0" && exit
  i=$((i + 1))
  sleep 0.1
done`;

/** A shell that sleeps beside groups and removes them when this process is gone without having done so. */
export class CgroupGuard implements AsyncDisposable {
  readonly #shell: Deno.ChildProcess;

  /** Starts to guard the group at `path`. */
  constructor(path: string) {
    this.#shell = new Deno.Command("/bin/sh", {
      args: ["-c", SCRIPT, path],
      cwd: "/",
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#shell.unref();
  }

  /** Lets the shell go and waits until it has ended; what it guards and is still there is removed by it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#shell.ref();
    try {
      await this.#shell.stdin.close();
    } catch {
      // It is gone already.
    }
    await this.#shell.status;
  }
}
