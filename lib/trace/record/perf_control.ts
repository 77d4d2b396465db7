import * as fs from "node:fs";
import { ownedName } from "./owner.ts";

/**
 * The pipes by which a running `perf record` is told what to do and says that it has done it.
 *
 * `ctl` and `ack` are perf's `--control`. `life` is what the command that perf is given reads: it ends, and perf
 * with it, when this process closes it or is gone, however it went. All are opened for both directions and
 * without blocking, so that no open or read ever waits for the other end.
 */
export class PerfControl implements Disposable {
  readonly #directory = `/tmp/${ownedName()}`;
  readonly #fds: number[] = [];
  #life: number | undefined;

  /** Makes the pipes in a directory of their own. */
  static async make(): Promise<PerfControl> {
    const control = new PerfControl();
    Deno.mkdirSync(control.#directory, { mode: 0o700 });
    try {
      const paths = ["ctl", "ack", "life"].map((name) => control.#path(name));
      const { success, stderr } = await new Deno.Command("mkfifo", { args: paths }).output();
      if (!success) throw new Error(`mkfifo failed: ${new TextDecoder().decode(stderr).trim()}`);
      const flags = fs.constants.O_RDWR | fs.constants.O_NONBLOCK;
      for (const path of paths) control.#fds.push(fs.openSync(path, flags));
      control.#life = control.#fds.pop();
      return control;
    } catch (error) {
      control[Symbol.dispose]();
      throw error;
    }
  }

  /** The value of perf's `--control`. */
  get option(): string {
    return `fifo:${this.#path("ctl")},${this.#path("ack")}`;
  }

  /** The pipe that perf's command reads until its end. */
  get lifeline(): string {
    return this.#path("life");
  }

  /**
   * Sends `command` and waits until perf has carried it out, until `ended` says that it will not, or for `patience` ms (default:
   * without end): perf reads its commands only when its buffers are empty, which on a busy machine small ones may never be.
   */
  async send(command: string, ended: () => boolean, patience = Infinity): Promise<boolean> {
    const until = performance.now() + patience;
    const [ctl, ack] = this.#fds as [number, number];
    fs.writeSync(ctl, `${command}\n`);
    const answer = new Uint8Array(64);
    let text = "";
    while (!text.includes("ack\n")) {
      try {
        const n = fs.readSync(ack, answer, 0, answer.length, null);
        text += String.fromCharCode(...answer.subarray(0, n));
        continue;
      } catch (error) {
        if ((error as { code?: string }).code !== "EAGAIN") throw error;
      }
      if (ended() || performance.now() > until) return false;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return true;
  }

  /** Lets perf's command, and so perf, come to its end. */
  letGo(): void {
    if (this.#life !== undefined) fs.closeSync(this.#life);
    this.#life = undefined;
  }

  /** Closes and removes the pipes. */
  [Symbol.dispose](): void {
    this.letGo();
    for (const fd of this.#fds.splice(0)) fs.closeSync(fd);
    try {
      Deno.removeSync(this.#directory, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  #path(name: string): string {
    return `${this.#directory}/${name}`;
  }
}
