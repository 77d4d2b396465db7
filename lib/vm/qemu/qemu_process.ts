import { VmError } from "../errors.ts";

/** Bytes of QEMU's last words that are kept. */
const TAIL = 8192;

/** Milliseconds in which the kernel must have ended a process after SIGKILL. */
const DEATH = 15_000;

/**
 * Goes on only while its parent is the process `$1`: it may have died before the request of a signal at its death was made. The
 * request itself lives through exec. A QEMU that aborts leaves no core file.
 */
const WHILE_PARENT_LIVES = '[ "$PPID" = "$1" ] || exit 125; shift; ulimit -c 0; exec "$@"';

/** How a process ended. */
export interface ProcessEnd {
  /** Its exit code; undefined where a signal ended it, or it does not end. */
  readonly code: number | undefined;
  /** The signal that ended it. */
  readonly signal: string | undefined;
  /** The last that it wrote to stderr. */
  readonly stderr: string;
}

/**
 * A program that ends when the thread that started it does, by whatever it dies; `kill -9` included (PR_SET_PDEATHSIG). It is in
 * a session of its own, so that Ctrl-C in a terminal does not reach it: whoever started it decides what that means.
 */
export class QemuProcess {
  readonly #child: Deno.ChildProcess;
  readonly #stderr: Promise<string>;
  #over = false;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  readonly #gaveUp = Promise.withResolvers<Deno.CommandStatus | undefined>();
  /** Resolves when it has ended and all that it wrote was read. */
  readonly ended: Promise<ProcessEnd>;

  /** Starts `program` with `args`. Throws a {@linkcode VmError} where that cannot be. */
  constructor(program: string, args: readonly string[]) {
    try {
      this.#child = new Deno.Command("setsid", {
        args: [
          "setpriv",
          "--pdeathsig",
          "KILL",
          "sh",
          "-c",
          WHILE_PARENT_LIVES,
          "sh",
          String(Deno.pid),
          program,
          ...args,
        ],
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      }).spawn();
    } catch (cause) {
      throw new VmError(
        `${program} could not be started: ${cause instanceof Error ? cause.message : cause}`,
        { cause },
      );
    }
    this.#stderr = tailOf(this.#child.stderr);
    this.ended = this.#watch();
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Whether it has ended. */
  get over(): boolean {
    return this.#over;
  }

  /** Sends it `signal`; does nothing when it has ended. */
  kill(signal: Deno.Signal = "SIGKILL"): void {
    if (this.#over) return;
    try {
      this.#child.kill(signal);
    } catch {
      // It has just ended.
    }
    if (signal === "SIGKILL") this.#deadline ??= setTimeout(() => this.#gaveUp.resolve(undefined), DEATH);
  }

  async #watch(): Promise<ProcessEnd> {
    const status = await Promise.race([this.#child.status, this.#gaveUp.promise]);
    this.#over = true;
    clearTimeout(this.#deadline);
    if (status === undefined) {
      this.#child.unref();
      return { code: undefined, signal: undefined, stderr: `process ${this.pid} does not end after SIGKILL` };
    }
    return {
      code: status.signal === null ? status.code : undefined,
      signal: status.signal ?? undefined,
      stderr: await this.#stderr,
    };
  }
}

/** The last bytes of `stream` as text. */
async function tailOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let tail = "";
  try {
    for await (const chunk of stream) {
      tail += decoder.decode(chunk, { stream: true });
      if (tail.length > 2 * TAIL) tail = tail.slice(-TAIL);
    }
  } catch {
    // What was read until here is all there is.
  }
  return tail.slice(-TAIL).trim();
}
