import type { Connection, OpenRequest } from "./connection.ts";
import { Ask, PayloadReader } from "./wire.ts";

/** Bytes of one frame of input. */
const PIECE = 128 << 10;

/** What can be sent into a guest. */
export type Input = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;

/** Sends the input of a request as the agent allows it, and then END. */
export class InputSender {
  readonly #connection: Connection;
  readonly #request: OpenRequest;
  readonly #stopped = Promise.withResolvers<void>();
  #allowed: number;
  #isStopped = false;
  #more = Promise.withResolvers<void>();

  /** Begins to send `input`; what goes wrong with a stream ends the request. */
  constructor(connection: Connection, request: OpenRequest, input: Input) {
    this.#connection = connection;
    this.#request = request;
    this.#allowed = connection.window;
    this.#send(input).catch((error) => request.fail(error));
  }

  /** Takes a CREDIT. */
  credit(payload: Uint8Array): void {
    this.#allowed += Number(new PayloadReader(payload).u64());
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }

  /** No more is wanted. */
  stop(): void {
    this.#isStopped = true;
    this.#stopped.resolve();
  }

  async #send(input: Input): Promise<void> {
    if (typeof input === "string") await this.#sendBytes(new TextEncoder().encode(input));
    else if (input instanceof Uint8Array) await this.#sendBytes(input);
    else await this.#sendStream(input);
    if (!this.#isStopped) this.#request.send(Ask.End);
  }

  async #sendStream(input: ReadableStream<Uint8Array>): Promise<void> {
    const reader = input.getReader();
    try {
      while (!this.#isStopped) {
        const next = await Promise.race([reader.read(), this.#stopped.promise]);
        if (next === undefined || next.done) break;
        await this.#sendBytes(next.value);
      }
    } finally {
      if (this.#isStopped) await reader.cancel().catch(() => {});
      reader.releaseLock();
    }
  }

  async #sendBytes(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#isStopped;) {
      if (this.#allowed === 0) {
        await Promise.race([this.#more.promise, this.#stopped.promise]);
        continue;
      }
      const size = Math.min(PIECE, this.#allowed, bytes.length - at);
      this.#allowed -= size;
      this.#request.send(Ask.Input, bytes.subarray(at, at + size));
      at += size;
      await this.#connection.room();
    }
    // The caller may write into its bytes again once this has settled.
    await this.#connection.flushed();
  }
}
