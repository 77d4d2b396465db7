import type { ClockReading } from "./clock_mapping.ts";

/** What a thread block's head holds, by name: byte offset of each 64-bit counter in `struct ss_thread`. */
const counters = {
  sleep_ns: 24,
  bursts: 32,
  wall_ticks: 40,
  cpu_ns: 48,
  run_delay_ns: 56,
  nivcsw: 64,
  nvcsw: 72,
  run_count: 80,
  run_ticks: 88,
  run_max: 96,
  wake_count: 104,
  wake_ticks: 112,
  wake_max: 120,
  wakeups: 128,
  lateness_ticks: 136,
  stall_count: 144,
  stall_ticks: 152,
  audit_count: 160,
  audit_ticks: 168,
  warp_count: 176,
  warp_max: 184,
  record_count: 192,
  record_ticks: 200,
  gap_count: 208,
  overflow: 216,
  migrations: 224,
  wake_delay_ns: 272,
  first_tsc: 320,
  last_tsc: 328,
  forceidle_ns: 336,
} as const;

/** Name of a counter of a thread. */
export type ThreadCounter = keyof typeof counters;

/** States of a run, by number. */
export const regionStates = ["starting", "calibrating", "running", "done", "failed"] as const;
/** States of a thread, by number. */
export const threadStates = ["ready", "spinning", "sleeping", "done"] as const;
/** Reasons of a stop, by number. */
export const stopReasons = ["none", "duration", "maxGap", "signal"] as const;

/** Size of the region's head. */
export const headSize = 4096;
/** Size of a thread's counters. */
export const threadSize = 512;

const magic = 0x314e495053484353n;
const version = 1;

/** The head of a spin region: layout, settings and clocks; see native/include/spin_region.h. */
export class RegionHead {
  readonly #view: DataView;

  /** Wraps the first page of a region, little endian. */
  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Whether the region is laid out and of the known version. Throws an Error for another version. */
  get ready(): boolean {
    if (this.#view.byteLength < headSize || this.#view.getBigUint64(0, true) !== magic) return false;
    const found = this.#view.getUint32(8, true);
    if (found !== version) {
      throw new Error(`The spin region has version ${found} and version ${version} is needed`);
    }
    return true;
  }
  /** State of the run. */
  get state(): typeof regionStates[number] {
    return regionStates[this.u32(80)] ?? "failed";
  }
  /** Why it ended. */
  get stopReason(): typeof stopReasons[number] {
    return stopReasons[this.u32(84)] ?? "none";
  }
  /** Number of threads measured. */
  get threads(): number {
    return this.blocks - (this.hasControl ? 1 : 0);
  }
  /** Number of thread blocks: those of the threads measured, then the control's if there is one. */
  get blocks(): number {
    return this.u32(24);
  }
  /** Whether the last block is that of a control thread. */
  get hasControl(): boolean {
    return this.u32(324) === 1;
  }
  /** Bytes of a thread's block. */
  get threadStride(): number {
    return this.u32(28);
  }
  /** Where the first block begins. */
  get threadsOffset(): number {
    return Number(this.u64(32));
  }
  /** Ticks per second: over the whole run when it has ended. */
  get hz(): number {
    return this.f64(192) || this.f64(176);
  }

  /** The unsigned 32-bit field at `offset`. */
  u32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }
  /** The signed 32-bit field at `offset`. */
  i32(offset: number): number {
    return this.#view.getInt32(offset, true);
  }
  /** The unsigned 64-bit field at `offset`. */
  u64(offset: number): bigint {
    return this.#view.getBigUint64(offset, true);
  }
  /** The double at `offset`. */
  f64(offset: number): number {
    return this.#view.getFloat64(offset, true);
  }
  /** The NUL-ended text of at most `size` bytes at `offset`. */
  text(offset: number, size: number): string {
    const bytes = new Uint8Array(this.#view.buffer, this.#view.byteOffset + offset, size);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(bytes.subarray(0, end < 0 ? size : end));
  }
  /** The pair of clock readings at `offset`. */
  reading(offset: number): ClockReading {
    return { tsc: this.u64(offset), mono: this.u64(offset + 8) };
  }
}

/** One thread's block of a region. */
export class RegionThread {
  readonly #head: RegionHead;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  /** Wraps a block's `bytes`, of which only as much has to be there as is asked for: 512 for the counters. */
  constructor(head: RegionHead, bytes: Uint8Array) {
    this.#head = head;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Kernel id of the thread. */
  get tid(): number {
    return this.#view.getInt32(8, true);
  }
  /** What it does. */
  get state(): typeof threadStates[number] {
    return threadStates[this.#view.getUint32(12, true)] ?? "done";
  }
  /** The CPU on which it was last found. */
  get cpu(): number {
    return this.#view.getUint32(16, true);
  }
  /** Which evidence the machine gave it: bit 0 rusage, bit 1 schedstat, bit 2 steal, bit 3 forced idle. */
  get evidence(): number {
    return this.#view.getUint32(20, true);
  }
  /** Its name. */
  get comm(): string {
    const bytes = this.#bytes.subarray(280, 296);
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  }
  /** Its core-scheduling cookie, 0 for none; 0 or why it has none as errno; and whether it was to have one. */
  get cookie(): { readonly value: bigint; readonly errno: number; readonly asked: boolean } {
    return {
      value: this.#view.getBigUint64(296, true),
      errno: -this.#view.getInt32(308, true) || 0,
      asked: this.#view.getUint32(304, true) !== 0,
    };
  }
  /** Which of the groups it was put into, -1 for none. */
  get group(): number {
    return this.#view.getUint32(312, true) - 1;
  }
  /** A counter; exact up to 2^53. */
  counter(name: ThreadCounter): number {
    return Number(this.#view.getBigUint64(counters[name], true));
  }
  /** Intervals of exactly i ticks, for i below 256. */
  get fast(): Float64Array {
    return this.#counts(this.#head.u32(48), this.#head.u32(52));
  }
  /** Longer intervals, log-linear. */
  get run(): Float64Array {
    return this.#counts(this.#head.u32(56), this.#head.u32(68));
  }
  /** Lateness of wake-ups, log-linear. */
  get wake(): Float64Array {
    return this.#counts(this.#head.u32(60), this.#head.u32(68));
  }
  /** The gaps, one record of 96 bytes each, not in order. */
  get gaps(): DataView {
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#head.u32(64), this.#gapBytes);
  }

  /** How many bytes of the block are in use. */
  get used(): number {
    return this.#head.u32(64) + this.#gapBytes;
  }

  get #gapBytes(): number {
    return Math.min(this.counter("gap_count"), this.#head.u32(40)) * this.#head.u32(44);
  }

  #counts(offset: number, length: number): Float64Array {
    // The sum of both halves of each counter: BigInts would take most of the time of making a result.
    const halves = new Uint32Array(this.#bytes.buffer, this.#bytes.byteOffset + offset, 2 * length);
    const out = new Float64Array(length);
    for (let i = 0; i < length; i++) out[i] = halves[2 * i]! + halves[2 * i + 1]! * 2 ** 32;
    return out;
  }
}

/** Smallest value of bucket `index` of a log-linear histogram with 2^`bits` buckets for each power of two. */
export function logLinearEdge(index: number, bits: number): number {
  const sub = 1 << bits;
  return index < 2 * sub ? index : (sub + index % sub) * 2 ** (Math.floor(index / sub) - 1);
}
