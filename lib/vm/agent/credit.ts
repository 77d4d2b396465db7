import type { OpenRequest } from "./connection.ts";
import { Ask, PayloadWriter } from "./wire.ts";

/** Bytes that may be on the way from the guest for one request. */
export const CREDIT = 4 << 20;

/** Lets the agent go on when enough of what it sent was taken. */
export class CreditGiver {
  #taken = 0;

  /** `bytes` were taken. */
  taken(request: OpenRequest, bytes: number): void {
    this.#taken += bytes;
    if (this.#taken < CREDIT / 4) return;
    request.send(Ask.Credit, new PayloadWriter().u64(this.#taken).done());
    this.#taken = 0;
  }
}

/** Bytes that are collected piece by piece. */
export class Collected {
  readonly #pieces: Uint8Array[] = [];
  /** How many there are. */
  length = 0;

  /** Adds a copy of `bytes`. */
  add(bytes: Uint8Array): void {
    this.#pieces.push(bytes.slice());
    this.length += bytes.length;
  }

  /** All of them. */
  bytes(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.#pieces.splice(0)) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}
