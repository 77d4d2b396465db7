/** Options of {@linkcode measureInTurn}. */
export interface MeasureInTurnOptions {
  /** Runs of each side, at least 1. Default 10. */
  pairs?: number;
  /** Ends it after the pairs that are whole, which are the result. Default: none. */
  signal?: AbortSignal;
  /** Called after each pair with how many are done. Default: none. */
  onProgress?: (done: number) => void;
}

/** What the two sides gave, pair by pair. */
export interface InTurn {
  /** What each run of the first gave. */
  readonly a: number[];
  /** What each run of the second gave. */
  readonly b: number[];
}

/**
 * Measures two things in turn, in the order A B B A A B B A ...: what changes steadily on the machine meanwhile (heat, a neighbour that
 * comes) adds the same to both over every two pairs, where all of A and then all of B would take it for their difference. Give what it
 * returns to `compare`.
 *
 * Throws what the measurements throw, and a RangeError for fewer than one pair. Where the signal is aborted, the pair that was in
 * progress is dropped; with no whole pair its reason is thrown.
 *
 * @example
 * ```ts
 * import { measureInTurn } from "@schedscope/schedscope/bench";
 * import { compare } from "@schedscope/schedscope/sched";
 * import assert from "node:assert/strict";
 *
 * let time = 0; // each run takes longer than the one before
 * const { a, b } = await measureInTurn(() => 100 + ++time, () => 100 + ++time, { pairs: 10 });
 * assert.equal(compare({ us: a }, { us: b }).row(0).verdict, "no difference seen");
 * ```
 */
export async function measureInTurn(
  a: () => Promise<number> | number,
  b: () => Promise<number> | number,
  options: MeasureInTurnOptions = {},
): Promise<InTurn> {
  const { pairs = 10, signal, onProgress } = options;
  if (!Number.isSafeInteger(pairs) || pairs < 1) {
    throw new RangeError(`Expected pairs to be a whole number from 1 but found ${pairs}`);
  }
  const found: InTurn = { a: [], b: [] };
  for (let pair = 0; pair < pairs && !signal?.aborted; pair++) {
    let ofA: number, ofB: number;
    try {
      if (pair % 2 === 0) {
        ofA = await a();
        ofB = await b();
      } else {
        ofB = await b();
        ofA = await a();
      }
    } catch (error) {
      if (signal?.aborted && error === signal.reason) break;
      throw error;
    }
    if (signal?.aborted) break;
    found.a.push(ofA);
    found.b.push(ofB);
    onProgress?.(pair + 1);
  }
  if (found.a.length === 0) signal?.throwIfAborted();
  return found;
}
