import type {
  AgentHello,
  ClockOptions,
  ClockReading,
  ExecOptions,
  ExecResult,
  GuestClock,
  PulledTrace,
  PullOptions,
  PullTraceOptions,
  PushOptions,
  RequestOptions,
} from "./options.ts";

/** The talk with the agent in a guest. */
export declare class AgentChannel implements AsyncDisposable {
  constructor(conn: Deno.Conn);
  readonly hello: Promise<AgentHello>;
  readonly closed: Promise<Error | undefined>;
  exec(argv: readonly string[] | string, options?: ExecOptions): Promise<ExecResult>;
  push(
    path: string,
    data: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>,
    options?: PushOptions,
  ): Promise<number>;
  pull(path: string, options?: PullOptions): Promise<Uint8Array<ArrayBuffer>>;
  pullText(path: string, options?: PullOptions): Promise<string>;
  pullTo(path: string, hostFile: string, options?: PullOptions): Promise<number>;
  list(path: string, options?: RequestOptions): Promise<{ name: string; isDirectory: boolean }[]>;
  pullTrace(hostDir: string, options?: PullTraceOptions): Promise<PulledTrace>;
  streamTrace(
    hostDir: string,
    options?: PullTraceOptions,
  ): Promise<AsyncDisposable & { stop(): Promise<PulledTrace> }>;
  readClock(options?: RequestOptions): Promise<ClockReading>;
  clock(options?: ClockOptions): Promise<GuestClock>;
  powerOff(options?: RequestOptions): Promise<void>;
  reboot(options?: RequestOptions): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
