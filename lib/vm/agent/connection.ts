import { AgentError } from "./agent_error.ts";
import type { AgentHello, ClockReading, RequestOptions } from "./options.ts";
import { Answer, Ask, frameHead, FrameReader, MAGIC, PayloadReader, PayloadWriter, VERSION } from "./wire.ts";

/** What a connection needs of a `Deno.Conn`. */
export type Line = Pick<Deno.Conn, "read" | "write" | "close">;

/** Bytes that wait to be written above which data waits. */
const HIGH_WATER = 1 << 20;

/** Milliseconds between repetitions of HELLO while there is no answer: a serial line loses what comes before it is listened to. */
const HELLO_AGAIN = 1000;

/** Requests at once, fewer than the agent takes. */
const AT_ONCE = 200;

/** An open request: what answers are for, and how it ends. */
export interface OpenRequest {
  /** Number of the request. */
  readonly id: number;
  /** Sends a frame about it. */
  send(type: number, payload?: Uint8Array): void;
  /** Ends it with an error; the agent is told to let go of it. */
  fail(error: unknown): void;
}

/** Handles an answer: true once the request is over. The payload is valid only during the call. */
export type OnAnswer = (type: number, payload: Uint8Array<ArrayBuffer>) => boolean;

interface Pending {
  readonly what: string;
  readonly answer: OnAnswer;
  readonly reject: (error: unknown) => void;
}

/** Frames over a line: requests in and out, one reader and one writer, and an end that reaches every request. */
export class Connection {
  /** What the agent said of itself. */
  readonly hello: Promise<AgentHello>;
  /** Settles when the talk is over: with the error that ended it, or undefined where it was closed here. */
  readonly closed: Promise<AgentError | undefined>;
  /** Bytes of input that may be on the way to a request, as the agent said. */
  window = 0;
  readonly #line: Line;
  readonly #nonce = crypto.getRandomValues(new Uint8Array(8));
  readonly #greeted = Promise.withResolvers<AgentHello>();
  readonly #closed = Promise.withResolvers<AgentError | undefined>();
  readonly #pending = new Map<number, Pending>();
  readonly #queue: Uint8Array[] = [];
  readonly #waiting: (() => void)[] = [];
  #queued = 0;
  #writing: Promise<void> | undefined;
  #drained = Promise.withResolvers<void>();
  #nextId = 1;
  #over: AgentError | undefined;
  #bye: string | undefined;
  #again: ReturnType<typeof setInterval> | undefined;

  /** Begins the talk. */
  constructor(line: Line) {
    this.#line = line;
    this.hello = this.#greeted.promise;
    this.closed = this.#closed.promise;
    this.hello.catch(() => {});
    this.#greet();
    this.#again = setInterval(() => this.#greet(), HELLO_AGAIN);
    Deno.unrefTimer(this.#again as unknown as number);
    this.#read();
  }

  /** The error that ended the talk; undefined while it goes on. */
  get over(): AgentError | undefined {
    return this.#over;
  }

  /**
   * Begins a request and waits for its end: `begin` sends what asks for it, `answer` is handed what comes and returns true at
   * the end. An ERROR ends it with an {@linkcode AgentError}. Resolves when it is over.
   */
  async request(
    what: string,
    options: RequestOptions,
    begin: (request: OpenRequest) => void,
    answer: OnAnswer,
  ): Promise<void> {
    const { signal, timeout } = options;
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => {});
    const timer = timeout === undefined ? undefined : setTimeout(() => {
      reject(new DOMException(`${what} took longer than ${timeout} ms`, "TimeoutError"));
    }, timeout);
    const abort = () => reject(signal!.reason);
    signal?.addEventListener("abort", abort, { once: true });
    let id = 0;
    try {
      await Promise.race([this.hello, promise]);
      while (this.#pending.size >= AT_ONCE && this.#over === undefined) {
        await Promise.race([new Promise<void>((resolve) => this.#waiting.push(resolve)), promise]);
      }
      if (this.#over !== undefined) throw this.#over;
      do id = this.#nextId++ % 0xffff_ffff + 1; while (this.#pending.has(id));
      const own = id;
      this.#pending.set(id, {
        what,
        reject,
        answer: (type, payload) => {
          if (type !== Answer.Error) {
            if (!answer(type, payload)) return false;
            resolve();
            return true;
          }
          const reader = new PayloadReader(payload);
          const errno = reader.i32();
          reject(new AgentError(`${what}: ${reader.text()}`, errno));
          return true;
        },
      });
      begin({ id, send: (type, payload) => this.send(type, own, payload), fail: reject });
      await promise;
    } catch (error) {
      const pending = id === 0 ? undefined : this.#pending.get(id);
      if (pending !== undefined && this.#over === undefined) {
        this.send(Ask.Cancel, id);
        // The number is not free before the agent has let go of it.
        this.#pending.set(id, { what, reject: () => {}, answer: isLast });
      }
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Queues a frame. What `payload` holds must stay as it is until it was written. */
  send(type: number, id: number, payload: Uint8Array = new Uint8Array()): void {
    if (this.#over !== undefined) return;
    this.#queue.push(frameHead(type, id, payload.length));
    if (payload.length > 0) this.#queue.push(payload);
    this.#queued += payload.length;
    this.#writing ??= this.#write();
  }

  /** Waits until there is room for more data. */
  async room(): Promise<void> {
    while (this.#queued > HIGH_WATER && this.#over === undefined) await this.#drained.promise;
    if (this.#over !== undefined) throw this.#over;
  }

  /** Waits until all that was sent is written. */
  async flushed(): Promise<void> {
    await this.#writing;
  }

  /** Ends the talk; open requests end with an error. */
  close(): void {
    this.#end(undefined);
  }

  #greet(): void {
    this.send(
      Ask.Hello,
      0,
      new PayloadWriter().raw(new TextEncoder().encode(MAGIC)).raw(this.#nonce).u32(VERSION).done(),
    );
  }

  async #write(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const bytes = this.#nextBytes();
        for (let at = 0; at < bytes.length;) at += await this.#line.write(bytes.subarray(at));
        if (this.#queued <= HIGH_WATER) {
          this.#drained.resolve();
          this.#drained = Promise.withResolvers();
        }
      }
    } catch (cause) {
      this.#end(lost(cause));
    } finally {
      this.#writing = undefined;
    }
  }

  /** The next piece, small ones together. */
  #nextBytes(): Uint8Array {
    let size = 0;
    let count = 0;
    while (count < this.#queue.length && (count === 0 || size + this.#queue[count]!.length <= 64 << 10)) {
      size += this.#queue[count++]!.length;
    }
    const parts = this.#queue.splice(0, count);
    this.#queued = this.#queue.reduce((sum, part) => sum + part.length, 0);
    if (count === 1) return parts[0]!;
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  async #read(): Promise<void> {
    const frames = new FrameReader(this.#nonce);
    const take = (type: number, id: number, payload: Uint8Array<ArrayBuffer>) =>
      this.#take(type, id, payload);
    try {
      while (this.#over === undefined) {
        const size = await this.#line.read(frames.room);
        if (size === null) {
          this.#end(
            this.#bye === undefined
              ? new AgentError("The connection to the guest's agent has ended")
              : ended(this.#bye),
          );
          return;
        }
        try {
          frames.take(size, take);
        } catch (cause) {
          if (!(cause instanceof RangeError)) throw cause;
          this.#end(
            new AgentError(`The guest's agent sent what makes no sense: ${cause.message}`, 0, { cause }),
          );
        }
      }
    } catch (cause) {
      this.#end(lost(cause));
    }
  }

  #take(type: number, id: number, payload: Uint8Array<ArrayBuffer>): void {
    if (type === Answer.Hello) return this.#takeHello(payload);
    if (type === Answer.Bye) {
      this.#bye = new PayloadReader(payload).text();
      this.#end(ended(this.#bye));
      return;
    }
    const pending = this.#pending.get(id);
    if (pending === undefined) throw new RangeError(`type ${type} for request ${id}, which is not open`);
    if (!pending.answer(type, payload)) return;
    this.#pending.delete(id);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #takeHello(payload: Uint8Array): void {
    const reader = new PayloadReader(payload);
    reader.raw(MAGIC.length + 8 + 4);
    const flags = reader.u32();
    const cpus = reader.u32();
    const pageSize = reader.u32();
    this.window = reader.u32();
    reader.u32();
    const clock = readClocks(reader);
    const [agent, sysname, nodename, release, version, machine, transport] = Array.from(
      { length: 7 },
      () => reader.text(),
    ) as [string, string, string, string, string, string, string];
    clearInterval(this.#again);
    const isInit = (flags & 1) !== 0;
    this.#greeted.resolve({
      agent,
      isInit,
      cpus,
      pageSize,
      sysname,
      nodename,
      release,
      version,
      machine,
      transport,
      clock,
    });
  }

  #end(error: AgentError | undefined): void {
    if (this.#over !== undefined) return;
    this.#over = error ?? new AgentError("The connection to the guest's agent was closed by this program");
    clearInterval(this.#again);
    try {
      this.#line.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
    this.#greeted.reject(this.#over);
    for (const { what, reject } of this.#pending.values()) {
      reject(new AgentError(`${what}: ${this.#over.message}`, 0, { cause: this.#over }));
    }
    this.#pending.clear();
    this.#drained.resolve();
    for (const resolve of this.#waiting.splice(0)) resolve();
    this.#closed.resolve(error);
  }
}

/** Readings of the guest's clocks as CLOCK and HELLO have them. */
export function readClocks(reader: PayloadReader): ClockReading {
  const before = reader.u64();
  const after = reader.u64();
  return {
    tsc: before + (after - before) / 2n,
    mono: reader.u64(),
    raw: reader.u64(),
    boot: reader.u64(),
    wall: reader.u64(),
  };
}

/** The guest's clocks now. */
export async function readGuestClock(connection: Connection, options: RequestOptions): Promise<ClockReading> {
  let reading: ClockReading | undefined;
  await connection.request(
    "read the clock",
    options,
    (request) => request.send(Ask.Clock),
    (type, payload) => {
      if (type !== Answer.Clock) throw new RangeError(`an answer of type ${type} to a clock's reading`);
      reading = readClocks(new PayloadReader(payload));
      return true;
    },
  );
  return reading!;
}

function isLast(type: number): boolean {
  return type === Answer.Exit || type === Answer.Done || type === Answer.Error || type === Answer.Clock;
}

function ended(reason: string): AgentError {
  return new AgentError(`The guest's agent has ended the connection: ${reason}`);
}

function lost(cause: unknown): AgentError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new AgentError(`The connection to the guest's agent is lost: ${why}`, 0, { cause });
}
