import { loadNative, nativeProgram, unwrap } from "../native/mod.ts";
import { MachineLacksError } from "../trace/record/errors.ts";

/** A run that has been started. */
export interface SpinRun extends AsyncDisposable {
  /** Resolves when it has ended; rejects with an Error that says why it could not run. */
  readonly ended: Promise<void>;
  /** Ends it. */
  stop(): void;
}

async function eachLine(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) if (line) take(line);
  }
  if (rest) take(rest);
}

/** Exit code of schedscope-spin where the machine lacks something or does not allow it. */
const LACKING = 3;

/** The error of a sentence that may end with a remedy. */
function lacking(said: string): MachineLacksError {
  const [problem = said, remedy = "see schedscope doctor"] = said.split("; remedy: ");
  return new MachineLacksError("permission", problem, remedy);
}

/** Starts schedscope-spin as a child that cannot outlive this process. */
export function spinInProcess(
  args: readonly string[],
  path: string,
  onLine: (line: string) => void,
): SpinRun {
  const program = nativeProgram("schedscope-spin");
  const child = new Deno.Command(program, {
    args: [...args, "--shm", path, "--parent", String(Deno.pid)],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const said: string[] = [];
  const lines = Promise.all([
    eachLine(child.stdout, onLine),
    eachLine(child.stderr, (line) => said.push(line)),
  ]);
  let over = false;
  const ended = (async () => {
    const status = await child.status;
    over = true;
    await lines;
    if (!status.success) {
      const why = said.join("\n").replace(/^schedscope-spin: /, "") ||
        `it ended with ${status.signal ?? status.code}`;
      if (status.code === LACKING) throw lacking(why);
      throw new Error(`schedscope-spin failed: ${why}`);
    }
  })();
  const kill = (signal: Deno.Signal) => {
    if (!over) child.kill(signal);
  };
  return {
    ended,
    stop: () => kill("SIGTERM"),
    async [Symbol.asyncDispose]() {
      kill("SIGKILL");
      await ended.catch(() => {}); // whoever awaits `ended` has the reason
    },
  };
}

/** Runs it in threads of this process. */
export function spinInThreads(args: readonly string[], path: string, failure: () => string): SpinRun {
  const native = loadNative();
  const { symbols } = native;
  const text = new TextEncoder().encode([...args, "--shm", path].map((arg) => `${arg}\0`).join(""));
  const message = new Uint8Array(512);
  const reason = () => new TextDecoder().decode(message.subarray(0, message.indexOf(0)));
  let handle: number;
  try {
    const rc = symbols.schedscope_spin_open(text, text.length, message, message.length);
    handle = unwrap(rc, "spin", reason() || undefined);
  } catch (error) {
    native.close();
    throw error;
  }
  const ended = (async () => {
    try {
      const rc = await symbols.schedscope_spin_run(handle);
      const said = rc < 0 ? failure() : undefined;
      if (said?.includes("; remedy: ")) throw lacking(said);
      unwrap(rc, "spin", said);
    } finally {
      symbols.schedscope_spin_close(handle);
      native.close();
    }
  })();
  let over = false;
  ended.then(() => over = true, () => over = true);
  const stop = () => {
    if (!over) symbols.schedscope_spin_stop(handle);
  };
  return {
    ended,
    stop,
    async [Symbol.asyncDispose]() {
      stop();
      await ended.catch(() => {}); // whoever awaits `ended` has the reason
    },
  };
}
