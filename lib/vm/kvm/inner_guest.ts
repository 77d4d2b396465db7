import { abortable } from "./abortable.ts";
import type { ExecResult } from "../agent/mod.ts";
import { VmError } from "../errors.ts";
import type { GuestShell } from "../user/guest_shell.ts";

/** How long the end of one is waited for, ms. */
const LAST_WAIT = 10_000;

/** Where all that belongs to inner guests is kept in the outer one. */
export const INNER_DIRECTORY = "/run/schedscope";

/** What an inner guest (initrd/l2/init) writes when it is up and waits to be let go. */
export const READY = "schedscope: inner ready";

/** What it answers when it is asked whether it lives. */
export const HERE = "schedscope: inner here";

/** What its kernel writes, on lines that may begin with a prefix, when a CPU of it hangs while it comes up. */
const STALLED = /rcu: INFO: rcu_\w+ (?:self-)?detected stall/;

/** What it writes where there is nothing to measure; the reason follows. */
const LOST = "schedscope: lost: ";

/** How every inner guest of a run is started. */
export interface InnerSettings {
  /** Path of the kernel in the outer guest. */
  readonly kernel: string;
  /** Path of the initrd there. */
  readonly initrd: string;
  /** What runs its instructions. */
  readonly accelerator: "kvm" | "tcg";
  /** MiB. */
  readonly memory: number;
  /** Length of a round of its tracer, ns. */
  readonly window: number;
  /** Part of a round in which the tracer watches, ns. */
  readonly width: number;
}

/** How one inner guest is started. */
export interface InnerStart {
  /** Name, of which its directory is made: unique in a run. */
  readonly name: string;
  /** The state to come up from, a file in the outer guest. Default: it boots. */
  readonly state?: string;
  /** Gets each line of its console, without its end. */
  readonly onLine?: (line: string) => void;
}

/** How long a step of an inner guest may take. */
export interface StepOptions {
  /** Most seconds. */
  readonly seconds: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal;
}

/**
 * A guest that runs inside the outer one: a QEMU there whose console is the standard input and output of a request to the agent, so
 * that its lines come here without anybody in the outer guest having to look for them. It lives as long as that request.
 */
export class InnerGuest implements AsyncDisposable {
  /** Its name. */
  readonly name: string;
  /** Its directory in the outer guest, with `pid`, `control.in` and `control.log`. */
  readonly directory: string;
  /** Resolves with its last words when its QEMU ended, by whatever; never rejects. */
  readonly ended: Promise<string>;
  readonly #end = new AbortController();
  readonly #waits = new Set<(line: string) => void>();
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #decoder = new TextDecoder();
  readonly #input: ReadableStreamDefaultController<Uint8Array>;
  #rest = "";
  #console = "";
  #lastWords: string | undefined;

  /** Starts one. */
  constructor(agent: GuestShell, settings: InnerSettings, start: InnerStart) {
    this.name = start.name;
    this.directory = `${INNER_DIRECTORY}/${start.name}`;
    this.#onLine = start.onLine;
    let input: ReadableStreamDefaultController<Uint8Array> | undefined;
    const stdin = new ReadableStream<Uint8Array>({
      start(controller) {
        input = controller;
      },
    });
    this.#input = input!;
    this.ended = agent.exec(["/bin/sh", "-c", startScript(this.directory, settings, start)], {
      stdin,
      onStdout: (bytes) => this.#take(bytes),
      signal: this.#end.signal,
    }).then(lastWords, (error) => error instanceof Error ? error.message : String(error)).then((words) => {
      this.#lastWords = words;
      return words;
    });
  }

  /** Whether its QEMU ended. */
  get isOver(): boolean {
    return this.#lastWords !== undefined;
  }

  /** What its QEMU said when it ended; empty while it runs. */
  get lastWords(): string {
    return this.#lastWords ?? "";
  }

  /** All that its console said, up to the last whole line. */
  get console(): string {
    return this.#console;
  }

  /** Writes a line to its console. */
  send(line: string): void {
    try {
      this.#input.enqueue(new TextEncoder().encode(`${line}\n`));
    } catch {
      // The request that reads it is over: so is the guest, and whoever waits for an answer hears of that.
    }
  }

  /**
   * Resolves with the first line from now on that begins with `prefix`. Throws a `VmError` that says what it did not do where it ends
   * before, says that there is nothing to measure or that it hangs, or does not in time.
   */
  async says(prefix: string, what: string, options: StepOptions): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const look = (line: string) => {
      if (line.startsWith(prefix)) resolve(line);
      else if (line.startsWith(LOST)) {
        reject(new VmError(`Inner guest ${this.name} has nothing to measure: ${line.slice(LOST.length)}`));
      } else if (STALLED.test(line)) {
        reject(new VmError(`Inner guest ${this.name} did not ${what}: one of its CPUs hangs`));
      }
    };
    this.#waits.add(look);
    try {
      return await this.alive(promise, what, options);
    } finally {
      this.#waits.delete(look);
    }
  }

  /** Waits for `work`, but no longer than this guest runs and the options allow: then throws a `VmError` that says why. */
  async alive<T>(work: Promise<T>, what: string, { seconds, signal }: StepOptions): Promise<T> {
    const death = this.ended.then((words) => {
      throw new VmError(`Inner guest ${this.name} ended before it could ${what}: ${words}`);
    });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new VmError(`Inner guest ${this.name} did not ${what} within ${seconds} s`));
      }, seconds * 1000);
    });
    try {
      return await abortable(Promise.race([work, death, late]), signal);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort(new DOMException("it was ended", "AbortError"));
    let timer: ReturnType<typeof setTimeout> | undefined;
    // Where the agent does not answer any more, it ends with the outer guest.
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, LAST_WAIT));
    await Promise.race([this.ended, late]);
    clearTimeout(timer);
  }

  #take(bytes: Uint8Array): void {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    const end = text.lastIndexOf("\n") + 1;
    this.#rest = text.slice(end);
    this.#console += text.slice(0, end);
    for (const ended of text.slice(0, end).split("\n").slice(0, -1)) {
      const line = ended.replace(/\r+$/, "");
      this.#onLine?.(line);
      for (const look of this.#waits) look(line);
    }
  }
}

function lastWords({ code, signal, stderr }: ExecResult): string {
  const words = new TextDecoder().decode(stderr).trim().split("\n").at(-1)!;
  return words || (signal === null ? `QEMU ended with exit code ${code}` : `QEMU was ended by ${signal}`);
}

function startScript(directory: string, settings: InnerSettings, start: InnerStart): string {
  const { kernel, initrd, accelerator, memory, window, width } = settings;
  const tracer = `schedscope.window=${Math.round(window / 1e3)} schedscope.width=${Math.round(width / 1e3)}`;
  const qemu = [
    "qemu-system-x86_64",
    ...["-name", `${start.name},debug-threads=on`, "-nodefaults", "-no-user-config", "-display", "none"],
    ...["-no-reboot", "-M", "q35,hpet=off", "-m", `${memory}`, "-smp", "2"],
    ...accelerator === "kvm"
      ? ["-accel", "kvm", "-cpu", "host"]
      : ["-accel", "tcg,thread=multi,tb-size=64", "-cpu", "max"],
    ...["-kernel", kernel, "-initrd", initrd],
    "-append",
    `"console=ttyS0 quiet tsc=reliable random.trust_cpu=on panic=-1 schedscope.wait ${tracer}"`,
    ...["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
    ...["-chardev", "pipe,id=control,path=control,logfile=control.log"],
    ...["-mon", "chardev=control,mode=control"],
    ...start.state === undefined ? [] : ["-incoming", `"exec:cat ${start.state}"`],
  ].join(" ");
  return `mkdir -p ${directory} && cd ${directory} && mkfifo control.in control.out && echo $$ > pid && exec ${qemu}`;
}
