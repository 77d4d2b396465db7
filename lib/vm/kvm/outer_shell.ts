import type { AgentChannel, ExecOptions } from "../agent/mod.ts";
import { VmError } from "../errors.ts";

/** What is needed of the agent in the outer guest. */
export type OuterAgent = Pick<AgentChannel, "exec" | "push" | "pull">;

const utf8 = new TextDecoder();

/**
 * Runs `script` by the shell of the outer guest; what it wrote. Throws a `VmError` that says `what` failed and the last line of its
 * complaint where it ends with another code than 0.
 */
export async function outerShell(
  agent: OuterAgent,
  what: string,
  script: string,
  options: ExecOptions = {},
): Promise<string> {
  const { code, signal, stdout, stderr } = await agent.exec(["/bin/sh", "-c", script], {
    timeout: 60_000,
    ...options,
  });
  if (code === 0 && signal === null) return utf8.decode(stdout);
  const complaint = utf8.decode(stderr).trim().split("\n").at(-1)!;
  throw new VmError(
    `The outer guest cannot ${what}: ${complaint || (signal ?? `its shell ended with exit code ${code}`)}`,
  );
}
