/**
 * Waits for the end of its standard input, then stops and removes the instance if it is still there, trying for five seconds as
 * the one who is gone may still be closing files. Signals of a terminal reach the whole process group and must not end it.
 */
const SCRIPT = `trap "" INT TERM HUP QUIT
read -r _
i=0
while [ -d "$0" ] && [ $i -lt 50 ]; do
  echo 0 >"$0/tracing_on"
  echo 0 >"$0/events/enable"
  rmdir "$0" && exit
  i=$((i + 1))
  sleep 0.1
done`;

/**
 * A shell that sleeps beside a recording and removes its tracefs instance when this process is gone without having done so:
 * killed, interrupted with no one to catch it, or ended by an error. It needs no time while it waits.
 */
export class InstanceGuard implements AsyncDisposable {
  /** Process id of the shell. */
  readonly pid: number;
  readonly #shell: Deno.ChildProcess;

  /** Starts to guard the instance at `path`. */
  constructor(path: string) {
    this.#shell = new Deno.Command("/bin/sh", {
      args: ["-c", SCRIPT, path],
      cwd: "/",
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#shell.unref();
    this.pid = this.#shell.pid;
  }

  /** Lets the shell go and waits until it has ended; it removes the instance if that is still there and no longer busy. */
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
