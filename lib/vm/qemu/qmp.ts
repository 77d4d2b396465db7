import { VmError } from "../errors.ts";
import { QmpError } from "./qmp_error.ts";
import { formatQmp, parseQmp } from "./qmp_json.ts";
import { readLines } from "./read_lines.ts";

/** Most bytes of a message that QEMU may send. */
const MOST = 1 << 26;

/** An event that QEMU sent. */
export interface QmpEvent {
  /** Its name: `SHUTDOWN`, `STOP`, `MIGRATION`, ... */
  readonly event: string;
  /** What comes with it; empty where nothing does. */
  readonly data: Readonly<Record<string, unknown>>;
  /** QEMU's wall clock, ns since 1970. */
  readonly ts: bigint;
}

/** How to send a command. */
export interface QmpExecuteOptions {
  /** Stops waiting for the answer; QEMU carries the command out all the same. */
  readonly signal?: AbortSignal;
}

/** How to open the channel. */
export interface QmpOptions {
  /** Stops waiting for the greeting. */
  readonly signal?: AbortSignal;
}

interface Pending {
  readonly command: string;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * QEMU's control channel: commands with their answers matched by id, and events. Whole numbers beyond 2^53 come and go as bigints.
 *
 * Where the channel closes, what waits for an answer gets a {@linkcode QmpError} of class `Closed`.
 */
export class Qmp implements Disposable {
  readonly #conn: Deno.Conn;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  readonly #greeting = Promise.withResolvers<string>();
  #next = 1;
  #why: string | undefined;
  #writing: Promise<void> = Promise.resolve();
  /** Resolves when the channel is closed, by whom ever. */
  readonly closed: Promise<void>;

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
    this.#greeting.promise.catch(() => {});
    this.closed = this.#read();
  }

  /** Takes QEMU's greeting on `conn` and makes it listen to commands. `conn` is closed where that fails. */
  static async open(conn: Deno.Conn, options: QmpOptions = {}): Promise<Qmp> {
    const qmp = new Qmp(conn);
    try {
      await abortable(qmp.#greeting.promise, options.signal);
      await qmp.execute("qmp_capabilities", {}, options);
      return qmp;
    } catch (error) {
      qmp.close();
      await qmp.closed;
      throw error;
    }
  }

  /** QEMU's version, such as `7.2.22`. */
  get version(): Promise<string> {
    return this.#greeting.promise;
  }

  /**
   * Sends `command` and resolves with what it returns. Throws a {@linkcode QmpError} where QEMU refuses it or the channel is gone.
   */
  async execute<T = unknown>(
    command: string,
    args: Readonly<Record<string, unknown>> = {},
    options: QmpExecuteOptions = {},
  ): Promise<T> {
    options.signal?.throwIfAborted();
    if (this.#why !== undefined) throw new QmpError(command, "Closed", this.#why);
    const id = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { command, resolve, reject });
    try {
      this.#write(formatQmp({ execute: command, ...(isEmpty(args) ? {} : { arguments: args }), id }));
      return await abortable(promise, options.signal) as T;
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Calls `listener` with each event from now on; returns what ends that. */
  listen(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * The first event from now on that `matches`. Throws a {@linkcode QmpError} where the channel closes before it.
   */
  async event(matches: (event: QmpEvent) => boolean, options: QmpExecuteOptions = {}): Promise<QmpEvent> {
    const { promise, resolve } = Promise.withResolvers<QmpEvent>();
    const stop = this.listen((event) => matches(event) && resolve(event));
    try {
      const gone = this.closed.then(() => {
        throw new QmpError("(event)", "Closed", this.#why ?? "the channel was closed");
      });
      gone.catch(() => {});
      return await abortable(Promise.race([promise, gone]), options.signal);
    } finally {
      stop();
    }
  }

  /** Closes the channel. */
  close(): void {
    this.#end("the channel was closed");
  }

  /** As {@linkcode Qmp.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  #write(text: string): void {
    const bytes = new TextEncoder().encode(`${text}\n`);
    this.#writing = this.#writing.then(async () => {
      for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
    }).catch(() => this.#end("QEMU does not read the channel any more"));
  }

  async #read(): Promise<void> {
    try {
      for await (const line of readLines(this.#conn, { most: MOST })) {
        if (line.trim() !== "") this.#take(parseQmp(line));
      }
      this.#end("QEMU closed the channel");
    } catch (error) {
      this.#end(`QEMU sent what is no message: ${error instanceof Error ? error.message : error}`);
    }
    await this.#writing;
  }

  #take(message: unknown): void {
    if (typeof message !== "object" || message === null) {
      throw new VmError(`expected an object, found ${message}`);
    }
    const { QMP: greeting, event, data, timestamp, id, error } = message as Record<string, unknown>;
    if (greeting !== undefined) this.#greeting.resolve(versionOf(greeting));
    else if (typeof event === "string") {
      const told: QmpEvent = { event, data: (data ?? {}) as QmpEvent["data"], ts: timeOf(timestamp) };
      for (const listener of [...this.#listeners]) listener(told);
    } else if (typeof id === "number") {
      const pending = this.#pending.get(id);
      // Nobody waits any more for what was aborted.
      if (pending === undefined) return;
      if (error === undefined) pending.resolve((message as { return?: unknown }).return);
      else pending.reject(refusal(pending.command, error));
    } else if (error !== undefined) {
      // An error without an id is about a text that QEMU could not read: whichever command it was, its answer will not come.
      for (const pending of [...this.#pending.values()]) pending.reject(refusal(pending.command, error));
    }
  }

  #end(why: string): void {
    if (this.#why !== undefined) return;
    this.#why = why;
    try {
      this.#conn.close();
    } catch {
      // It is closed already.
    }
    this.#greeting.reject(new QmpError("(greeting)", "Closed", why));
    for (const pending of [...this.#pending.values()]) {
      pending.reject(new QmpError(pending.command, "Closed", why));
    }
    this.#pending.clear();
  }
}

function refusal(command: string, error: unknown): QmpError {
  const { class: errorClass, desc } = (error ?? {}) as Record<string, unknown>;
  return new QmpError(command, String(errorClass ?? "GenericError"), String(desc ?? "no reason given"));
}

function versionOf(greeting: unknown): string {
  const { major, minor, micro } =
    (greeting as { version?: { qemu?: Record<string, unknown> } }).version?.qemu ?? {};
  return `${major ?? "?"}.${minor ?? "?"}.${micro ?? "?"}`;
}

function timeOf(timestamp: unknown): bigint {
  const { seconds, microseconds } = (timestamp ?? {}) as Record<string, unknown>;
  return typeof seconds === "number" && typeof microseconds === "number"
    ? BigInt(seconds) * 1_000_000_000n + BigInt(microseconds) * 1000n
    : 0n;
}

function isEmpty(object: object): boolean {
  return Object.keys(object).length === 0;
}

/** `promise`, or the reason of `signal` where that aborts first. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
    promise.catch(() => {});
  }
}
