// Nothing is imported before it is known which command runs: the start is part of every command's time.

interface Command {
  /** Runs the command; returns its exit code. */
  run(args: string[]): Promise<number>;
  /** One line for the list of commands. */
  readonly summary: string;
}

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  start: () => import("./start.ts"),
  doctor: () => import("./doctor.ts"),
  record: () => import("./record.ts"),
  info: () => import("./info.ts"),
  timehist: () => import("./timehist.ts"),
  report: () => import("./report.ts"),
  export: () => import("./export.ts"),
  bench: () => import("./bench.ts"),
  spin: () => import("./spin.ts"),
  reflex: () => import("./reflex.ts"),
  latency: () => import("./latency.ts"),
  gaps: () => import("./gaps.ts"),
  why: () => import("./why.ts"),
  ledger: () => import("./ledger.ts"),
  audit: () => import("./audit.ts"),
  top: () => import("./top.ts"),
  compare: () => import("./compare.ts"),
  weights: () => import("./weights.ts"),
  vm: () => import("./vm.ts"),
  notebook: () => import("./notebook.ts"),
};

/** Runs the command that `args` name; returns the exit code. */
async function main(args: string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    console.log(await usage());
    return name === undefined ? 2 : 0;
  }
  if (name === "--version") {
    const { default: config } = await import("../../deno.json", { with: { type: "json" } });
    console.log(`schedscope ${config.version}`);
    return 0;
  }
  if (!Object.hasOwn(commands, name)) {
    console.error(
      `schedscope: no command ${JSON.stringify(name)}; there are: ${Object.keys(commands).join(", ")}`,
    );
    return 2;
  }
  try {
    return await (await commands[name]!()).run(rest);
  } catch (error) {
    const { reportError } = await import("./exit_code.ts");
    return reportError(name, error);
  }
}

async function usage(): Promise<string> {
  const lines = await Promise.all(
    Object.entries(commands).map(async ([name, load]) => `  ${name.padEnd(10)} ${(await load()).summary}`),
  );
  return [
    "Usage: schedscope COMMAND [OPTIONS] [ARGUMENTS]",
    "",
    "When a thread wanted to run and did not: why, for how long, and was that fair?",
    "",
    "Commands:",
    ...lines,
    "",
    "schedscope COMMAND --help tells more of each. Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 the machine lacks something.",
  ].join("\n");
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
