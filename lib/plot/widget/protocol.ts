/**
 * What the encoder (here) and the page (in the browser) agree on. The packed data are one deflated stream: the length of a header
 * as a little-endian uint32, the header as JSON, then the sections of {@linkcode SECTIONS} one after another. All times are
 * whole ns from the header's `from`; unless said otherwise a section holds unsigned LEB128 numbers.
 */

/** Raised whenever the packing changes: a page may hold fragments that different versions made. */
export const VERSION = 1;

/** What a thread does in a slice of its lane, in this order in three bits. `dead` also stands for time without any row. */
export const WIDGET_STATES = [
  "unknown",
  "running",
  "preempted",
  "woken",
  "sleeping",
  "blocked",
  "stopped",
  "dead",
] as const;

/** By what a thread was woken, in this order in three bits. */
export const WAKE_SOURCES = ["", "task", "irq", "softirq", "timer", "new"] as const;

/** Numbers of {@linkcode WIDGET_STATES}. */
export const State = {
  Unknown: 0,
  Running: 1,
  Preempted: 2,
  Woken: 3,
  Sleeping: 4,
  Blocked: 5,
  Stopped: 6,
  Dead: 7,
} as const;

/** Who is meant, where a slice names a thread: these two, or the index of the thread plus {@linkcode FIRST_THREAD}. */
export const IDLE = 0;
/** A thread that is not known. */
export const NOBODY = 1;
/** See {@linkcode IDLE}. */
export const FIRST_THREAD = 2;

/** The sections, in their order. */
export const SECTIONS = [
  /** For each CPU: the first boundary, then each distance to the next. */
  "cpuTime",
  /** For each slice of a CPU who ran. */
  "cpuWho",
  /** For each thread, likewise. */
  "threadTime",
  /** For each slice of a thread a byte: the state, the source of the wakeup << 3, censored << 6. */
  "threadWhat",
  /** For each slice of a thread its CPU + 1. */
  "threadCpu",
  /** For each slice in the state `woken` who woke it. */
  "threadWaker",
  /** For each gap: distance of its start from the one before, length, who, cause, culprit's name and who that is, ns of each cause. */
  "gaps",
  /** For each hole: CPU + 1, kind, start, length, records lost. */
  "holes",
] as const;

/** One of {@linkcode SECTIONS}. */
export type Section = typeof SECTIONS[number];

/** The JSON in front of the sections. */
export interface Header {
  version: typeof VERSION;
  title: string;
  /** Said above the lanes, such as what was left out; may be empty. */
  note: string;
  /** ns since the trace's epoch at which the widget's time 0 is. */
  from: number;
  /** Length of the time shown, ns. */
  length: number;
  /** Number of each CPU that has a lane, and how many slices. */
  cpu: number[];
  cpuRows: number[];
  /** The threads, those that wanted to run most first, and how many slices each has. */
  tid: number[];
  pid: number[];
  comm: string[];
  threadRows: number[];
  gaps: number;
  /** So many of `causes`, the first, have their ns in each gap. */
  gapParts: number;
  /** Words that gaps use. */
  causes: string[];
  culprits: string[];
  holes: number;
  holeKinds: string[];
  /** Bytes of each section. */
  bytes: Record<Section, number>;
}
