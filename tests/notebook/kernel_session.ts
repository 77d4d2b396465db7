import { ensureJupyter } from "../../lib/tools/jupyter.ts";
import { repository } from "./repository.ts";

/** A message of the iopub channel. */
export interface KernelMessage {
  /** Its type, as `stream`, `display_data` or `execute_result`. */
  type: string;
  /** Its content. */
  content: {
    name?: string;
    text?: string;
    data?: Record<string, string>;
    transient?: { display_id?: string };
    ename?: string;
    evalue?: string;
  };
}

/** What a cell did. */
export interface CellOutcome {
  /** The kernel's reply. */
  reply: { status: "ok" | "error"; ename?: string; evalue?: string };
  /** Messages of the cell before it was idle, without status, input and drain markers. */
  outputs: KernelMessage[];
  /** Messages that came after the cell was idle, or with another cell's name on them. */
  late: KernelMessage[];
  /** Seconds from the interrupt to the reply; null without an interrupt. */
  stopped_in: number | null;
  /** Seconds from the request to the reply. */
  seconds: number;
}

/** Options of {@linkcode KernelSession.execute}. */
export interface ExecuteOptions {
  /** Seconds after which the kernel gets a SIGINT (default: never). */
  interruptAfter?: number;
  /** Seconds to go on listening once the cell is idle (default 0). */
  listen?: number;
  /** Seconds after which the cell counts as hung (default 60). */
  timeout?: number;
}

/** A real Deno kernel, driven by jupyter_client as JupyterLab's server drives it. */
export class KernelSession implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #commands: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#answers = lines(child.stdout);
    this.#commands = child.stdin.getWriter();
  }

  /** Starts a kernel in directory `cwd` (default: the repository). */
  static async start(cwd = repository): Promise<KernelSession> {
    const jupyter = await ensureJupyter();
    const script = new URL("./kernel_session.py", import.meta.url).pathname;
    const child = new Deno.Command(jupyter.python, {
      args: [script, cwd],
      env: jupyter.env,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const session = new KernelSession(child);
    await session.#answer();
    return session;
  }

  /** Runs one cell to its end. */
  async execute(code: string, options: ExecuteOptions = {}): Promise<CellOutcome> {
    const { interruptAfter = null, listen = 0, timeout = 60 } = options;
    const command = { code, interrupt_after: interruptAfter, listen, timeout };
    await this.#commands.write(new TextEncoder().encode(JSON.stringify(command) + "\n"));
    const outcome = await this.#answer() as CellOutcome & { error?: string };
    if (outcome.error !== undefined) throw new Error(`Cell failed: ${outcome.error}\n${code}`);
    const real = (m: KernelMessage) => !m.content.transient?.display_id?.startsWith("schedscope-drain-");
    return { ...outcome, outputs: outcome.outputs.filter(real), late: outcome.late.filter(real) };
  }

  /** Runs one cell and returns its text: console lines, results and displays, in order. */
  async text(code: string, options: ExecuteOptions = {}): Promise<string> {
    const { reply, outputs } = await this.execute(code, options);
    if (reply.status === "error") throw new Error(`${reply.ename}: ${reply.evalue}\n${code}`);
    return outputs.map(messageText).join("");
  }

  /** Ends the kernel. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#commands.close();
    await this.#answers.return?.();
    await this.#child.status;
  }

  async #answer(): Promise<unknown> {
    const { value, done } = await this.#answers.next();
    if (done) {
      throw new Error("The process that drives the kernel ended; run kernel_session.py by hand to see why");
    }
    return JSON.parse(value);
  }
}

/** The plain text of `message`. */
export function messageText(message: KernelMessage): string {
  const { content } = message;
  return content.text ?? content.data?.["text/plain"] ?? content.evalue ?? "";
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  let rest = "";
  for await (
    const text of stream.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
  ) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}
