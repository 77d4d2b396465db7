import { Connection, type Line, readGuestClock } from "./connection.ts";
import { exec } from "./exec.ts";
import { type GuestEntry, list, pull, pullTo, push } from "./files.ts";
import { ClockHistory } from "./measure_clock.ts";
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
import { pullTrace } from "./pull_trace.ts";
import type { Input } from "./send_input.ts";
import { streamTrace, type TraceStream } from "./stream_trace.ts";
import { Ask, PayloadWriter } from "./wire.ts";
import type { AgentError } from "./agent_error.ts";

/**
 * The talk with the agent in a guest, over a connection to its virtio-serial port.
 *
 * Any number of requests may be open at once; none keeps another waiting, whatever it sends or leaves unread. Each ends with
 * an {@linkcode AgentError} when the guest says no or the connection ends, with the signal's reason or a `TimeoutError` where
 * that was asked for; a program is then killed with its process group.
 */
export class AgentChannel implements AsyncDisposable {
  /** What the agent said of itself, once it has; rejected where the connection ends before. */
  readonly hello: Promise<AgentHello>;
  /** Settles when the connection has ended: with why, or with undefined where it was this channel's disposal. */
  readonly closed: Promise<AgentError | undefined>;
  readonly #connection: Connection;
  readonly #clocks = new ClockHistory();

  /** Greets the agent at the other end of `line`, which belongs to the channel from here on. Requests may be made at once. */
  constructor(line: Line) {
    this.#connection = new Connection(line);
    this.hello = this.#connection.hello;
    this.closed = this.#connection.closed;
  }

  /**
   * Runs a program in the guest, in a session and process group of its own, and waits for its end; a string is a command of
   * `/bin/sh`. An exit code other than 0 is no error; that it cannot be started is.
   *
   * All that the program itself wrote is in the result. What its children in the background write after its end is not: give
   * them another place for their output.
   */
  exec(argv: readonly string[] | string, options: ExecOptions = {}): Promise<ExecResult> {
    return exec(this.#connection, argv, options);
  }

  /** Writes `data` to the file `path` of the guest; it is there whole or not at all (but see `inPlace`). Returns its bytes. */
  push(path: string, data: Input, options: PushOptions = {}): Promise<number> {
    return push(this.#connection, path, data, options);
  }

  /** The file `path` of the guest. Files that would wait (pipes, `trace_pipe_raw`) are read as far as something is there. */
  pull(path: string, options: PullOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    return pull(this.#connection, path, options);
  }

  /** The same as text. */
  async pullText(path: string, options: PullOptions = {}): Promise<string> {
    return new TextDecoder().decode(await this.pull(path, options));
  }

  /** Copies the file `path` of the guest to `hostFile`, where it is whole or not at all. Returns its bytes. */
  pullTo(path: string, hostFile: string, options: PullOptions = {}): Promise<number> {
    return pullTo(this.#connection, path, hostFile, options);
  }

  /** What is in the directory `path` of the guest, by name. */
  list(path: string, options: RequestOptions = {}): Promise<GuestEntry[]> {
    return list(this.#connection, path, options);
  }

  /**
   * Brings what a tracefs instance of the guest holds to the directory `hostDir`, which `openTrace` reads: the raw pages of all
   * CPUs and all that is needed to understand them. Tracing is turned off first, and what was read is gone from the guest.
   */
  pullTrace(hostDir: string, options: PullTraceOptions = {}): Promise<PulledTrace> {
    return pullTrace(this.#connection, hostDir, options);
  }

  /**
   * The same while the guest traces: pages come when a buffer is `buffer_percent` full (an option of the instance, by default
   * the half of it), without a timer in the guest. `stop()` turns tracing off and finishes the directory; where the guest
   * ends before, what has come is a trace all the same.
   */
  streamTrace(hostDir: string, options: PullTraceOptions = {}): Promise<TraceStream> {
    return streamTrace(this.#connection, hostDir, options);
  }

  /** The guest's clocks now. */
  readClock(options: RequestOptions = {}): Promise<ClockReading> {
    return readGuestClock(this.#connection, options);
  }

  /**
   * Compares the guest's clocks with CLOCK_MONOTONIC of the host by many pings; the quickest tenth of them counts. Earlier calls
   * of the same channel count too, so that one at the beginning of a measurement and one at its end give the rate of the
   * clocks between them.
   */
  clock(options: ClockOptions = {}): Promise<GuestClock> {
    return this.#clocks.measure(this.#connection, options);
  }

  /** Powers the guest off; resolves when the agent has said that it does so. An agent that is not process 1 only exits. */
  powerOff(options: RequestOptions = {}): Promise<void> {
    return this.#power(0, "power off", options);
  }

  /** Restarts the guest. */
  reboot(options: RequestOptions = {}): Promise<void> {
    return this.#power(1, "reboot", options);
  }

  /** Ends the connection; what is open in it ends with an error, and the programs that were started are killed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.close();
    await this.closed;
  }

  async #power(what: number, name: string, options: RequestOptions): Promise<void> {
    await this.#connection.hello;
    const ended = this.#connection.closed;
    // Nothing but BYE answers it, which ends the connection.
    const request = this.#connection.request(
      name,
      options,
      (request) => request.send(Ask.Power, new PayloadWriter().u32(what).done()),
      (type) => {
        throw new RangeError(`an answer of type ${type} to ${name}`);
      },
    );
    await Promise.race([
      ended,
      request.catch((error) => {
        if (this.#connection.over === undefined) throw error;
      }),
    ]);
  }
}
