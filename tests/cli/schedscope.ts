/** How a command ended, and what it printed. */
export interface Ended {
  code: number;
  out: string;
  err: string;
}

/** The program's first module, for tests that start it themselves. */
export const MAIN: string = new URL("../../lib/cli/main.ts", import.meta.url).pathname;

/** Runs `schedscope ARGS` as a user does, without colours, and returns how it ended. `permissions` are the runtime's, by default all. */
export async function schedscope(
  args: readonly string[],
  permissions: readonly string[] = ["-A"],
): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...permissions, "-q", MAIN, ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}
