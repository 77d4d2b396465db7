import { cleanStaleCgroups, findStaleCgroups } from "../bench/cgroup_stale.ts";
import { checkMachine, type MachineCheck } from "../tools/check_machine.ts";
import { type CleanedUp, cleanStale, findStale } from "../trace/record/clean_stale.ts";
import { parseCommand } from "./args.ts";
import { ExitCode, UsageError } from "./exit_code.ts";

/** One line for the list of commands. */
export const summary = "what this machine has and lacks, each with its remedy; clean up after killed runs";

const HELP = `Usage: schedscope doctor [OPTIONS]

Says what of all that schedscope can use this machine has, and for what it lacks, the command that would install or
allow it. Also lists what killed runs have left behind: tracefs instances, memory files, pipes, cgroups.

Options:
  --clean          remove what was left behind (never what belongs to a living process)
  --require NAME   end with 3 unless NAME is there; may be given more than once
  --json           one JSON object: checks, left_overs, cleaned
  -h, --help       this text

Examples:
  schedscope doctor
  sudo schedscope doctor --clean
  schedscope doctor --require tracefs --require cc && echo ready
  schedscope doctor --json | jq '.checks[] | select(.ok == false) | .remedy'
`;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseCommand(args, { clean: {}, require: { value: true }, json: {} }, HELP);
  if (parsed === undefined) return ExitCode.Ok;
  if (parsed.rest.length > 0) {
    throw new UsageError(`Expected no arguments but found ${parsed.rest.join(" ")}`);
  }
  const cleaned = parsed.has("clean") ? cleanAll() : undefined;
  const checks = await checkMachine();
  const required = parsed.all("require");
  for (const name of required) {
    if (checks.some((each) => each.name === name)) continue;
    throw new UsageError(
      `Expected --require to name one of ${checks.map((each) => each.name).join(", ")} but found ${name}`,
    );
  }
  const leftOvers = [...findStale(), ...findStaleCgroups()];
  if (parsed.has("json")) {
    console.log(JSON.stringify({ checks, left_overs: leftOvers, cleaned: cleaned ?? null }, null, 2));
  } else {
    printChecks(checks);
    printLeftOvers(leftOvers, cleaned);
  }
  const lacking = checks.filter(({ name, ok }) => required.includes(name) && ok !== true);
  for (const { name, found, remedy } of lacking) {
    console.error(
      `schedscope doctor: ${name} is required: ${found}${remedy === undefined ? "" : `; remedy: ${remedy}`}`,
    );
  }
  if (lacking.length > 0) return ExitCode.Lacking;
  return cleaned !== undefined && cleaned.failed.length > 0 ? ExitCode.Failed : ExitCode.Ok;
}

function cleanAll(): CleanedUp {
  const files = cleanStale(), groups = cleanStaleCgroups();
  return { removed: [...files.removed, ...groups.removed], failed: [...files.failed, ...groups.failed] };
}

function printChecks(checks: readonly MachineCheck[]): void {
  const width = Math.max(...checks.map(({ name }) => name.length));
  for (const { name, ok, found, use, remedy } of checks) {
    const state = ok === undefined ? "?" : ok ? "yes" : "no";
    console.log(`${state.padEnd(4)}${name.padEnd(width + 2)}${found}`);
    if (ok !== true) {
      const pad = " ".repeat(width + 6);
      console.log(`${pad}for ${use}${remedy === undefined ? "" : `; remedy: ${remedy}`}`);
    }
  }
}

function printLeftOvers(leftOvers: readonly string[], cleaned: CleanedUp | undefined): void {
  for (const path of cleaned?.removed ?? []) console.log(`removed ${path}, left by a process that is gone`);
  for (const { path, reason } of cleaned?.failed ?? []) console.log(`could not remove ${path}: ${reason}`);
  if (cleaned !== undefined) {
    if (cleaned.removed.length + cleaned.failed.length === 0) {
      console.log("nothing was left behind by killed runs");
    }
    return;
  }
  for (const path of leftOvers) console.log(`left by a process that is gone: ${path}`);
  if (leftOvers.length > 0) console.log("schedscope doctor --clean removes it");
}
