import { FIRST_THREAD, type Header, IDLE, NOBODY, State } from "../protocol.ts";
import type { Longest, Track } from "./track.ts";

/** Categories of a CPU's slices. */
export const Use = { Idle: 0, Unknown: 1, Busy: 2 } as const;

/** Whole numbers of as few bytes as they need. */
export type Indexes = Uint8Array | Uint16Array | Uint32Array;

/** A CPU and who ran on it. */
export interface CpuLane {
  readonly cpu: number;
  /** By {@linkcode Use}. */
  readonly track: Track;
  readonly who: Indexes;
  readonly longest: Longest;
}

/** A thread and what it did. */
export interface ThreadLane {
  /** Its index. */
  readonly index: number;
  /** By `State`. */
  readonly track: Track;
  /** State, source of the wakeup << 3, censored << 6. */
  readonly what: Uint8Array;
  /** CPU + 1 of each slice. */
  readonly cpu: Indexes;
  /** Of a woken slice who woke it. */
  readonly waker: Indexes;
}

/** Stretches in which a thread wanted to run and did not, by their start. */
export interface Gaps {
  readonly length: number;
  /** ns from the widget's time 0, cut at its ends. */
  readonly from: Float64Array;
  readonly to: Float64Array;
  /** The whole length of each, ns. */
  readonly dur: Float64Array;
  readonly who: Uint32Array;
  /** Indexes into the header's `causes` and `culprits`. */
  readonly cause: Uint32Array;
  readonly culprit: Uint32Array;
  /** The culprit's thread, as slices name it. */
  readonly culpritWho: Uint32Array;
  /** ns of cause `k` of gap `i` at `i * gapParts + k`. */
  readonly parts: Float64Array;
  /** Rows of each thread, by its number in slices. */
  readonly byThread: ReadonlyMap<number, readonly number[]>;
}

/** Where records are missing, of one CPU, by their start. */
export interface Holes {
  readonly from: number[];
  readonly to: number[];
  /** The last `to` so far: holes may overlap. */
  readonly reach: number[];
  readonly kind: number[];
  readonly lost: number[];
}

/** Everything that the page knows. */
export interface Model {
  readonly header: Header;
  readonly cpus: readonly CpuLane[];
  readonly threads: readonly ThreadLane[];
  readonly gaps: Gaps;
  /** By CPU; those of -1 are of all CPUs. */
  readonly holes: ReadonlyMap<number, Holes>;
  /** Slices in all. */
  readonly slices: number;
}

/** The thread that `who` names, as `make[4711]`. */
export function nameOf({ comm, tid }: Pick<Header, "comm" | "tid">, who: number): string {
  if (who === IDLE) return "idle";
  if (who === NOBODY) return "unknown";
  const index = who - FIRST_THREAD;
  return comm[index] === "" ? `[${tid[index]}]` : `${comm[index]}[${tid[index]}]`;
}

/** Whether a thread in `state` wants to run and does not. */
export function waits(state: number): boolean {
  return state === State.Preempted || state === State.Woken;
}
