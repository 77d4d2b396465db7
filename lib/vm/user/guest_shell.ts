import type { AgentChannel, ExecOptions } from "../agent/mod.ts";
import { VmError } from "../errors.ts";

/** What the target needs of the agent in a guest. */
export type GuestShell = Pick<AgentChannel, "exec" | "pull" | "pullTrace">;

const utf8 = new TextDecoder();

/**
 * Runs `script` by the guest's shell and returns what it wrote. Throws a `VmError` that names `what` and ends with what the shell
 * complained of, where it does not end with 0.
 */
export async function shellText(
  shell: GuestShell,
  what: string,
  script: string,
  options: ExecOptions = {},
): Promise<string> {
  const { code, signal, stdout, stderr } = await shell.exec(["/bin/sh", "-c", script], {
    timeout: 30_000,
    ...options,
  });
  if (code === 0 && signal === null) return utf8.decode(stdout);
  const said = utf8.decode(stderr).trim().split("\n").at(-1) ?? "";
  throw new VmError(
    `${what} failed in the guest with ${signal ?? `exit code ${code}`}${said === "" ? "" : `: ${said}`}`,
  );
}

/** `text` as one word of the shell. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
