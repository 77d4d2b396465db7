import { findProgram } from "../../tools/apt.ts";

/** Options of {@linkcode runProgram}. */
export interface RunProgramOptions {
  /** Where it runs. Default: here. */
  cwd?: string;
  /** Environment variables besides ours. Default: none. */
  env?: Readonly<Record<string, string>>;
  /** Ends it with all that it started. */
  signal?: AbortSignal;
  /** Told each line that it writes. Default: silent. */
  onLine?: (line: string) => void;
}

/** What a program did. */
export interface ProgramRun {
  /** Whether it ended with 0. */
  readonly success: boolean;
  /** All that it wrote to its standard output. */
  readonly stdout: string;
  /** All that it wrote to its standard error. */
  readonly stderr: string;
}

/** How long a program may take to end when it is asked to. */
const GRACE_MS = 3000;

/**
 * Runs a program, in a process group of its own, to its end. Aborted, it ends the whole group, waits for that and throws the
 * signal's reason; when this process is killed, the kernel ends the program.
 */
export async function runProgram(
  command: readonly string[],
  options: RunProgramOptions = {},
): Promise<ProgramRun> {
  const { signal, onLine } = options;
  signal?.throwIfAborted();
  const setpriv = findProgram("setpriv");
  const [program, ...args] = setpriv === undefined
    ? command
    : [setpriv, "--pdeathsig", "TERM", "--", ...command];
  const child = new Deno.Command(program!, {
    args,
    detached: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { LC_ALL: "C", ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  }).spawn();
  const kill = (name: Deno.Signal) => {
    try {
      Deno.kill(-child.pid, name);
    } catch {
      // It has ended already.
    }
  };
  let late: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    kill("SIGTERM");
    late = setTimeout(() => kill("SIGKILL"), GRACE_MS);
  };
  signal?.addEventListener("abort", end, { once: true });
  if (signal?.aborted) end();
  try {
    const [stdout, stderr, { success }] = await Promise.all([
      lines(child.stdout, onLine),
      lines(child.stderr, onLine),
      child.status,
    ]);
    signal?.throwIfAborted();
    return { success, stdout, stderr };
  } finally {
    clearTimeout(late);
    signal?.removeEventListener("abort", end);
  }
}

/** Everything in `stream`, and each line of it as it comes. */
async function lines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: ((line: string) => void) | undefined,
): Promise<string> {
  let all = "";
  let rest = 0;
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    all += text;
    for (let end = all.indexOf("\n", rest); end >= 0; end = all.indexOf("\n", rest)) {
      onLine?.(all.slice(rest, end));
      rest = end + 1;
    }
  }
  return all;
}
