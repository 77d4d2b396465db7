import { ExitCode, reportError, UsageError } from "./exit_code.ts";

/** One line for the list of commands. */
export const summary = "guests: build a kernel, make initrds, run the gap benchmark in a guest or nested";

interface Subcommand {
  /** Runs the command; returns its exit code. */
  run(args: string[]): Promise<number>;
  /** One line for the list of commands. */
  readonly summary: string;
}

const subcommands: Readonly<Record<string, () => Promise<Subcommand>>> = {
  kernel: () => import("./vm_kernel.ts"),
  initrd: () => import("./vm_initrd.ts"),
  user: () => import("./vm_user.ts"),
  kvm: () => import("./vm_kvm.ts"),
};

/** Runs the command that the first argument names; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h") {
    console.log(await usage());
    return name === undefined ? ExitCode.Usage : ExitCode.Ok;
  }
  if (!Object.hasOwn(subcommands, name)) {
    throw new UsageError(
      `no command ${JSON.stringify(`vm ${name}`)}; there are: ${Object.keys(subcommands).join(", ")}`,
    );
  }
  try {
    return await (await subcommands[name]!()).run(rest);
  } catch (error) {
    // Its own name, so that what is to be tried names the help that tells of it.
    return reportError(`vm ${name}`, error);
  }
}

async function usage(): Promise<string> {
  const lines = await Promise.all(
    Object.entries(subcommands).map(async ([name, load]) => `  ${name.padEnd(8)} ${(await load()).summary}`),
  );
  return [
    "Usage: schedscope vm COMMAND [OPTIONS] [ARGUMENTS]",
    "",
    "Commands:",
    ...lines,
    "",
    "schedscope vm COMMAND --help tells more of each.",
  ].join("\n");
}
