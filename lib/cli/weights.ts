import { entitlement } from "../sched/entitlement.ts";
import { niceWeight } from "../sched/nice_weight.ts";
import { parseCommand } from "./args.ts";
import { ExitCode, UsageError } from "./exit_code.ts";

/** One line for the list of commands. */
export const summary = "what tasks of given weights are entitled to on a number of CPUs";

const HELP = `Usage: schedscope weights --cpus N [OPTIONS] WEIGHT[@DEMAND]...

Says how many CPUs each task is entitled to. A task can use no more than one CPU, however heavy it is, or than its DEMAND
(0 to 1, the share of time that it wants to run; default 1): what it cannot use belongs to the others.

Options:
      --cpus N    CPUs
      --nice      what is given are nice values, -20 to 19, in place of weights (after --)
      --json      one JSON object
  -h, --help      this text

Examples:
  schedscope weights --cpus 4 10000 1 1 1 1 1 1 1     the heavy one gets 1 CPU, the others 3/7 each
  schedscope weights --cpus 2 1024@0.25 1024 335      the first wants a quarter of the time only
  schedscope weights --cpus 1 --nice -- 0 5           1024 to 335
`;

/** Runs the command; returns its exit code. */
export function run(args: string[]): Promise<number> {
  const parsed = parseCommand(args, { cpus: { value: true }, nice: {}, json: {} }, HELP);
  if (parsed === undefined) return Promise.resolve(ExitCode.Ok);
  const cpus = parsed.get("cpus");
  if (cpus === undefined) throw new UsageError("Expected --cpus");
  if (parsed.rest.length === 0) throw new UsageError("Expected at least one weight");
  const tasks = parsed.rest.map((text) => taskOf(text, parsed.has("nice")));
  const { tasks: frame, lambda, used } = entitled(tasks, number(cpus, "--cpus"));
  if (parsed.has("json")) {
    const facts = { cpus: Number(cpus), used, lambda: Number.isFinite(lambda) ? lambda : null };
    console.log(JSON.stringify({ ...facts, tasks: frame.toJSON() }));
    return Promise.resolve(ExitCode.Ok);
  }
  console.log(frame.toText({ limit: frame.length }));
  console.log(
    lambda === Infinity
      ? `\nThe ${cpus} CPUs suffice: everybody gets the demand, ${round(used)} CPUs in all.`
      : `\nAll CPU time is used. A weight above ${round(lambda)} gains nothing more.`,
  );
  return Promise.resolve(ExitCode.Ok);
}

interface Task {
  readonly weight: number;
  readonly demand: number;
}

/** The library's own words for what is out of range, as a wrong use. */
function entitled(tasks: readonly Task[], cpus: number): ReturnType<typeof entitlement> {
  try {
    return entitlement(tasks.map(({ weight }) => weight), cpus, tasks.map(({ demand }) => demand));
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}

function taskOf(text: string, nice: boolean): Task {
  const [weight, demand, ...more] = text.split("@");
  if (more.length > 0) {
    throw new UsageError(`Expected WEIGHT or WEIGHT@DEMAND but found ${JSON.stringify(text)}`);
  }
  const value = number(weight!, nice ? "a nice value" : "a weight");
  return {
    weight: nice ? weightOf(value) : value,
    demand: demand === undefined ? 1 : number(demand, "a demand"),
  };
}

function weightOf(nice: number): number {
  try {
    return niceWeight(nice);
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}

function number(text: string, what: string): number {
  const value = text.trim() === "" ? NaN : Number(text);
  if (!Number.isFinite(value)) {
    throw new UsageError(`Expected ${what} to be a number but found ${JSON.stringify(text)}`);
  }
  return value;
}

function round(value: number): string {
  return String(Number(value.toPrecision(6)));
}
