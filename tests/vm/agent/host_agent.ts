import { nativeProgram } from "../../../lib/native/mod.ts";
import { AgentChannel } from "../../../lib/vm/agent/mod.ts";

/** An agent that runs as a program of this machine, and a channel to it. */
export interface HostAgent extends AsyncDisposable {
  readonly channel: AgentChannel;
  /** Its process. */
  readonly process: Deno.ChildProcess;
  /** A directory for the test, removed in the end. */
  readonly directory: string;
  /** Another connection to the same agent; it is served when the one before has ended. */
  connect(): Promise<AgentChannel>;
}

/** Starts it; it dies with this process. */
export async function startHostAgent(): Promise<HostAgent> {
  const directory = await Deno.makeTempDir({ prefix: "schedscope-agent-test-" });
  const path = `${directory}/socket`;
  const process = new Deno.Command(nativeProgram("schedscope-agent"), {
    args: ["--socket", path, "--parent", String(Deno.pid)],
    stdin: "null",
  }).spawn();
  const connect = async () => {
    for (let tries = 0;; tries++) {
      try {
        return new AgentChannel(await Deno.connect({ transport: "unix", path }));
      } catch (error) {
        if (tries > 500) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };
  const channel = await connect();
  await channel.hello;
  return {
    channel,
    process,
    directory,
    connect,
    async [Symbol.asyncDispose]() {
      await channel[Symbol.asyncDispose]();
      try {
        process.kill("SIGKILL");
      } catch {
        // It has ended already.
      }
      await process.status;
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** Bytes as text. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Bytes that are different everywhere. */
export function patternOf(size: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i, 2654435761) ^ i;
  return new Uint8Array(words.buffer, 0, size);
}
