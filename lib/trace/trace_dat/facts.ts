import type { Packing } from "./unpack.ts";

/** Where one CPU's pages lie in a trace.dat. */
export interface TraceDatCpu {
  /** Its number. */
  readonly cpu: number;
  /** Byte of the file. */
  readonly offset: number;
  /** Bytes in the file: of the pages, or of what they are packed into. */
  readonly size: number;
}

/** One ring buffer of a trace.dat. */
export interface TraceDatBuffer {
  /** Name of the tracefs instance; empty for the main buffer. */
  readonly name: string;
  /** Name of its clock, where the file tells it. */
  readonly clock?: string;
  /** Bytes of a page; undefined where the file says it only once for all buffers. */
  readonly pageSize?: number;
  /** Whether the pages are packed. */
  readonly packed: boolean;
  /** Each CPU's pages. */
  readonly cpus: readonly TraceDatCpu[];
}

/** One correction of a guest's clock (`TIME_SHIFT`). */
export interface TimeShiftSample {
  /** Stamp of the guest's clock at which it was found. */
  readonly time: bigint;
  /** What must be added to reach the peer's clock. */
  readonly offset: bigint;
  /** The stamp is multiplied by it first. */
  readonly scaling: bigint;
  /** And shifted right by so many bits. */
  readonly fraction: bigint;
}

/** How this trace's clock relates to that of a peer, usually the host of a guest. */
export interface TimeShift {
  /** `traceId` of the peer's file. */
  readonly peer: bigint;
  /** Flags of the protocol; 1 says that corrections are to be interpolated. */
  readonly flags: number;
  /** Corrections of each CPU in rising time. */
  readonly cpus: readonly (readonly TimeShiftSample[])[];
}

/** A guest that was traced together with this machine. */
export interface TraceDatGuest {
  /** Name of the virtual machine. */
  readonly name: string;
  /** `traceId` of the guest's file. */
  readonly traceId: bigint;
  /** Thread on this machine that runs each virtual CPU. */
  readonly cpus: readonly { readonly vcpu: number; readonly pid: number }[];
}

/** Ticks to nanoseconds: `(ticks * mult) >> shift`. */
export interface TscToNs {
  /** Multiplier of 32 bits. */
  readonly mult: number;
  /** Bits to shift by. */
  readonly shift: number;
  /** As the file has it; neither trace-cmd nor this reader applies it. */
  readonly offset: bigint;
}

/** What a trace.dat says of itself, apart from its events. */
export interface TraceDatFacts {
  /** 6 or 7. */
  readonly version: number;
  /** Byte order of the file and of its pages. */
  readonly littleEndian: boolean;
  /** Bytes of a long of the recorder (not of the kernel). */
  readonly longSize: number;
  /** Bytes of a page. */
  readonly pageSize: number;
  /** How what is packed is packed. */
  readonly packing: Packing;
  /** CPUs of the machine. */
  readonly cpuCount: number;
  /** All ring buffers; the main one has an empty name. */
  readonly buffers: readonly TraceDatBuffer[];
  /** Where the text of a latency tracer lies, in a file that has that instead of pages. */
  readonly latency?: { readonly offset: number; readonly size: number };
  /** Name of the clock of the stamps. */
  readonly clock?: string;
  /** `uname` of the machine: system, node, release, machine. */
  readonly uname?: string;
  /** Version of trace-cmd. */
  readonly recorder?: string;
  /** Number of the tracing session. */
  readonly traceId?: bigint;
  /** Nanoseconds that trace-cmd adds to stamps to reach the time of day (`DATE`). */
  readonly dateOffset?: bigint;
  /** Nanoseconds to add to each stamp (`OFFSET`); the reader does. */
  readonly timeOffset: bigint;
  /** How this clock relates to the peer's (`TIME_SHIFT`). */
  readonly timeShift?: TimeShift;
  /** Guests that were traced with this machine (`GUEST`). */
  readonly guests: readonly TraceDatGuest[];
  /** How ticks become nanoseconds (`TSC2NSEC`). */
  readonly tscToNs?: TscToNs;
  /** Texts of `per_cpu/cpuN/stats`, with the buffer's name. */
  readonly cpuStats: readonly { readonly buffer: string; readonly text: string }[];
  /** Numbers of options that are not known to this reader. */
  readonly unknownOptions: readonly number[];
}
