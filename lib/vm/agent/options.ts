/** What every request to an agent takes. */
export interface RequestOptions {
  /** Ends the request with the signal's reason; what it started in the guest is ended too. Default: none. */
  signal?: AbortSignal;
  /** Milliseconds after which it ends with a `TimeoutError`. Default: none. */
  timeout?: number;
}

/** A program that has been started in the guest. */
export interface RunningProgram {
  /** Its process id there, which is that of its process group too. */
  readonly pid: number;
  /** Sends a signal to its process group; nothing happens once it has ended. Default: `SIGTERM`. */
  kill(signal?: string): void;
}

/** Options of `AgentChannel.exec`. */
export interface ExecOptions extends RequestOptions {
  /** What the program reads. Default: nothing (`/dev/null`). */
  stdin?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  /** Variables beside those that the agent itself has, or in their place. Default: none. */
  env?: Readonly<Record<string, string>>;
  /** Only the variables of `env`. Default: false. */
  clearEnv?: boolean;
  /** Directory in the guest. Default: the agent's. */
  cwd?: string;
  /**
   * Takes what is written to stdout as it comes, instead of the result. While a promise that it returned is not settled no more
   * is asked for, so that the program waits. Default: it is collected.
   */
  onStdout?: (bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>;
  /** The same for stderr. */
  onStderr?: (bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>;
  /** Handed the program once it runs. Default: none. */
  onStart?: (program: RunningProgram) => void;
  /** Most bytes of each that are collected; a program that writes more is killed and the call ends with an {@linkcode AgentError}. Default: 256 MiB. */
  maxOutput?: number;
}

/** What a program did. */
export interface ExecResult {
  /** Exit code; -1 where a signal ended it. */
  readonly code: number;
  /** The signal that ended it, as `SIGKILL`; null where it ended itself. */
  readonly signal: string | null;
  /** What it wrote; empty where `onStdout` took it. */
  readonly stdout: Uint8Array<ArrayBuffer>;
  /** What it wrote; empty where `onStderr` took it. */
  readonly stderr: Uint8Array<ArrayBuffer>;
  /** CPU time in ns of it and of those of its children that it waited for. */
  readonly cpu: { readonly user: number; readonly system: number };
  /** Most bytes of memory that it had at once. */
  readonly maxResident: number;
}

/** Options of `AgentChannel.push`. */
export interface PushOptions extends RequestOptions {
  /** Permission bits of the file. Default: 0o644. */
  mode?: number;
  /** Write into the file that is there, as those of the kernel need (tracefs, sysctl, cgroups). Default: false, the file appears whole. */
  inPlace?: boolean;
  /** Add to its end. Default: false. */
  append?: boolean;
}

/** Options of `AgentChannel.pull` and `pullTo`. */
export interface PullOptions extends RequestOptions {
  /** Most bytes that are read. Default: all. */
  limit?: number;
  /** Told now and then how many bytes are here. Default: none. */
  onProgress?: (bytes: number) => void;
}

/** Options of `AgentChannel.pullTrace`. */
export interface PullTraceOptions extends RequestOptions {
  /** Name of the tracefs instance. Default: the main buffer. */
  instance?: string;
  /** Events (`system:name`) whose layouts are wanted beside those that are on: of ones that were on before. Default: none. */
  events?: readonly string[];
  /** Ticks in a second of the guest's TSC, where it is known better than from the agent's own readings. */
  tscHz?: number;
  /** Told now and then how far it is. Default: none. */
  onProgress?: (progress: TraceProgress) => void;
}

/** How far the trace of a guest is here. */
export interface TraceProgress {
  /** Bytes of pages. */
  readonly bytes: number;
}

/** A guest's trace that was written to the host. */
export interface PulledTrace {
  /** The directory, which `openTrace` reads. */
  readonly path: string;
  /** Events in it. */
  readonly events: number;
  /** Events that were lost in the guest. */
  readonly lost: number;
  /** Bytes of pages. */
  readonly bytes: number;
  /** Whether all that was recorded is there; false where the guest ended before it was. */
  readonly whole: boolean;
  /** What was noticed. */
  readonly notes: readonly string[];
}

/** Readings of the guest's clocks at one moment. */
export interface ClockReading {
  /** Its time stamp counter (arm64: the virtual counter), halfway between before and after the others. */
  readonly tsc: bigint;
  /** CLOCK_MONOTONIC in ns. */
  readonly mono: bigint;
  /** CLOCK_MONOTONIC_RAW in ns. */
  readonly raw: bigint;
  /** CLOCK_BOOTTIME in ns. */
  readonly boot: bigint;
  /** CLOCK_REALTIME in ns since 1970. */
  readonly wall: bigint;
}

/** Options of `AgentChannel.clock`. */
export interface ClockOptions extends RequestOptions {
  /** Pings. Default: 500. */
  samples?: number;
  /** Milliseconds over which they are spread: a rate is as good as they are far apart. Default: 0, one after the other. */
  over?: number;
}

/** How one clock of the guest and CLOCK_MONOTONIC of the host belong together: a line through the best of many pings. */
export interface ClockFit {
  /** Reading of the guest's clock (ticks of its TSC, or ns) in the middle of the measurement. */
  readonly guest: bigint;
  /** CLOCK_MONOTONIC of the host at that reading, in ns. */
  readonly host: bigint;
  /** Host ns in one tick, or ns, of the guest's clock. */
  readonly rate: number;
  /** `host` less `guest`: how far the host's clock is ahead, in ns, where the guest's counts ns as well; means nothing for a TSC. */
  readonly offset: number;
  /** Standard deviation in ns of the pings' midpoints from the line. */
  readonly sd: number;
  /** The furthest of them, in ns. */
  readonly max: number;
  /** Standard deviation of `rate`, by that of the pings. */
  readonly rateSd: number;
  /** CLOCK_MONOTONIC of the host, in ns, when the guest's clock shows `reading`. */
  toHost(reading: bigint): bigint;
}

/** What `AgentChannel.clock` found. */
export interface GuestClock {
  /** Of the guest's time stamp counter: `x86-tsc` in its traces. */
  readonly tsc: ClockFit;
  /** Of its CLOCK_MONOTONIC: `mono` in its traces. */
  readonly mono: ClockFit;
  /** Of its CLOCK_MONOTONIC_RAW: `mono_raw`. */
  readonly raw: ClockFit;
  /** Of its CLOCK_BOOTTIME: `boot`. */
  readonly boot: ClockFit;
  /** Ticks of its TSC in a second of the host. */
  readonly tscHz: number;
  /** Pings that were made by this call. */
  readonly samples: number;
  /** Pings, of earlier calls too, that were quick enough to count. */
  readonly used: number;
  /** There and back, in ns. What `offset` cannot be wrong by is half of the least: that both ways took the same is assumed. */
  readonly rtt: { readonly min: number; readonly median: number };
}

/** What an agent says of itself and of the guest. */
export interface AgentHello {
  /** Name and version of the agent. */
  readonly agent: string;
  /** Whether it is process 1 there, and so can power off. */
  readonly isInit: boolean;
  /** CPUs that are online. */
  readonly cpus: number;
  /** Bytes of a page of memory. */
  readonly pageSize: number;
  /** Name of the system, as `uname -s`. */
  readonly sysname: string;
  /** Name of the guest, as `uname -n`. */
  readonly nodename: string;
  /** Release of the kernel, as `uname -r`. */
  readonly release: string;
  /** Version of the kernel, as `uname -v`. */
  readonly version: string;
  /** Kind of machine, as `uname -m`. */
  readonly machine: string;
  /** What it talks through, as it sees it. */
  readonly transport: string;
  /** Its clocks when it said so. */
  readonly clock: ClockReading;
}
