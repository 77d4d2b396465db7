import { AgentError } from "./agent_error.ts";
import type { Connection, OpenRequest } from "./connection.ts";
import { Collected, CREDIT, CreditGiver } from "./credit.ts";
import type { ExecOptions, ExecResult } from "./options.ts";
import { InputSender } from "./send_input.ts";
import { signalName, signalNumber } from "./signals.ts";
import { Answer, Ask, MAX_PAYLOAD, PayloadReader, PayloadWriter } from "./wire.ts";

/** EXEC's flags. */
const STDIN = 1;
const CLEAR_ENV = 2;

/** Most characters of a command that errors quote. */
const QUOTED = 80;

/** Runs a program; see `AgentChannel.exec`. */
export async function exec(
  connection: Connection,
  argv: readonly string[] | string,
  options: ExecOptions,
): Promise<ExecResult> {
  const words = typeof argv === "string" ? ["/bin/sh", "-c", argv] : argv;
  if (words.length === 0) {
    throw new RangeError("Expected a program's name and arguments but found an empty list");
  }
  const whole = typeof argv === "string" ? argv : argv.join(" ");
  const what = `exec ${whole.length > QUOTED ? `${whole.slice(0, QUOTED)}...` : whole}`;
  const ask = payloadOf(words, options);
  const most = options.maxOutput ?? 256 << 20;
  const streams = {
    stdout: new Taken(options.onStdout),
    stderr: new Taken(options.onStderr),
  };
  const credit = new CreditGiver();
  let sender: InputSender | undefined;
  let request: OpenRequest | undefined;
  let end: Pick<ExecResult, "code" | "signal" | "cpu" | "maxResident"> | undefined;
  try {
    await connection.request(what, options, (opened) => {
      request = opened;
      opened.send(Ask.Exec, ask);
      if (options.stdin !== undefined) sender = new InputSender(connection, opened, options.stdin);
    }, (type, payload) => {
      switch (type) {
        case Answer.Started: {
          const pid = new PayloadReader(payload).i32();
          options.onStart?.({
            pid,
            kill: (signal = "SIGTERM") => {
              const number = signalNumber(signal);
              if (end === undefined) request!.send(Ask.Signal, new PayloadWriter().u32(number).done());
            },
          });
          return false;
        }
        case Answer.Stdout:
        case Answer.Stderr: {
          const stream = type === Answer.Stdout ? streams.stdout : streams.stderr;
          const size = payload.length;
          const settled = stream.take(payload);
          if (stream.length > most) {
            const name = type === Answer.Stdout ? "stdout" : "stderr";
            request!.fail(
              new AgentError(
                `${what}: it wrote more than ${most} bytes to ${name}; take them by onStdout and onStderr, or raise maxOutput`,
              ),
            );
          }
          if (settled === undefined) credit.taken(request!, size);
          else settled.then(() => credit.taken(request!, size), (error) => request!.fail(error));
          return false;
        }
        case Answer.Credit:
          sender?.credit(payload);
          return false;
        case Answer.Exit: {
          const reader = new PayloadReader(payload);
          const code = reader.i32();
          const signal = reader.i32();
          end = {
            code,
            signal: signal === 0 ? null : signalName(signal),
            cpu: { user: Number(reader.u64()), system: Number(reader.u64()) },
            maxResident: Number(reader.u64()) * 1024,
          };
          return true;
        }
        default:
          throw new RangeError(`an answer of type ${type} to a program's start`);
      }
    });
  } finally {
    sender?.stop();
  }
  await Promise.all([streams.stdout.settled, streams.stderr.settled]);
  return { ...end!, stdout: streams.stdout.bytes(), stderr: streams.stderr.bytes() };
}

function payloadOf(words: readonly string[], options: ExecOptions): Uint8Array {
  const env = Object.entries(options.env ?? {});
  const writer = new PayloadWriter()
    .u32((options.stdin === undefined ? 0 : STDIN) | (options.clearEnv === true ? CLEAR_ENV : 0))
    .u64(CREDIT);
  if (words.length > 0xffff || env.length > 0xffff) {
    throw new RangeError(
      `Expected at most 65535 arguments and variables but found ${words.length} and ${env.length}`,
    );
  }
  writer.u16(words.length).u16(env.length).text(options.cwd ?? "", "the working directory");
  for (const word of words) writer.text(word, "an argument");
  for (const [name, value] of env) {
    if (name === "" || name.includes("=")) {
      throw new TypeError(`Expected a variable's name but found ${JSON.stringify(name)}`);
    }
    writer.text(`${name}=${value}`, `the variable ${name}`);
  }
  const payload = writer.done();
  if (payload.length > MAX_PAYLOAD) {
    throw new RangeError(
      `Expected at most ${MAX_PAYLOAD} bytes of arguments and environment but found ${payload.length}; use stdin`,
    );
  }
  return payload;
}

/** One of a program's outputs: handed on, one piece after the other, or collected. */
class Taken {
  readonly #collected = new Collected();
  readonly #onBytes: ((bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>) | undefined;
  /** Settles when all that was handed on is done with. */
  settled: Promise<void> | undefined;

  constructor(onBytes: ((bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>) | undefined) {
    this.#onBytes = onBytes;
  }

  /** Bytes collected. */
  get length(): number {
    return this.#collected.length;
  }

  /** Takes some; returns what settles when these are done with, undefined where they are already. */
  take(bytes: Uint8Array<ArrayBuffer>): Promise<void> | undefined {
    const onBytes = this.#onBytes;
    if (onBytes === undefined) {
      this.#collected.add(bytes);
      return undefined;
    }
    const own = bytes.slice();
    this.settled = (this.settled ?? Promise.resolve()).then(() => onBytes(own));
    this.settled.catch(() => {});
    return this.settled;
  }

  /** What was collected. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#collected.bytes();
  }
}
