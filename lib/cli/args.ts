import { UsageError } from "./exit_code.ts";

/** One option of a command. */
export interface OptionSpec {
  /** Its letter, without the dash. */
  readonly short?: string;
  /** Whether a value follows it. Default false. */
  readonly value?: boolean;
}

/** What {@linkcode parseArgs} found. */
export interface ParsedArgs<Name extends string> {
  /** Whether an option was given. */
  has(name: Name): boolean;
  /** The value that was given last for an option; undefined where it was not given. */
  get(name: Name): string | undefined;
  /** Every value that was given for an option. */
  all(name: Name): readonly string[];
  /** What is no option. */
  readonly rest: readonly string[];
}

/**
 * Parses a command line: `--name`, `--name value`, `--name=value`, `-x`, `-x value`, `-xvalue`, letters together (`-MVw`), `--`
 * before what is no option, and `-` itself. Options may stand anywhere. Throws {@linkcode UsageError}.
 *
 * Our own because `node:util` costs every command 10 ms at its start, a third of the whole start of the runtime.
 */
export function parseArgs<Name extends string>(
  args: readonly string[],
  options: Readonly<Record<Name, OptionSpec>>,
): ParsedArgs<Name> {
  const given = new Map<string, string[]>();
  const rest: string[] = [];
  const letters = new Map<string, string>();
  for (const [name, { short }] of Object.entries<OptionSpec>(options)) {
    if (short !== undefined) letters.set(short, name);
  }
  const put = (name: string, value: string) => {
    const values = given.get(name);
    if (values === undefined) given.set(name, [value]);
    else values.push(value);
  };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") {
      rest.push(...args.slice(i + 1));
      break;
    }
    const next = (name: string): string => {
      if (i + 1 >= args.length) throw new UsageError(`${name} needs a value`);
      return args[++i]!;
    };
    if (arg.startsWith("--")) {
      const equals = arg.indexOf("=");
      const name = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
      if (!Object.hasOwn(options, name)) throw new UsageError(`no option --${name}`);
      if (options[name as Name].value === true) {
        put(name, equals < 0 ? next(`--${name}`) : arg.slice(equals + 1));
      } else if (equals >= 0) throw new UsageError(`--${name} takes no value`);
      else put(name, "");
    } else if (arg.length > 1 && arg.startsWith("-")) {
      for (let at = 1; at < arg.length; at++) {
        const letter = arg[at]!;
        const name = letters.get(letter);
        if (name === undefined) {
          throw new UsageError(`no option -${letter}${arg.length > 2 ? ` (in ${arg})` : ""}`);
        }
        if (options[name as Name].value === true) {
          put(name, at + 1 < arg.length ? arg.slice(at + 1) : next(`-${letter}`));
          break;
        }
        put(name, "");
      }
    } else rest.push(arg);
  }
  return {
    has: (name) => given.has(name),
    get: (name) => given.get(name)?.at(-1),
    all: (name) => given.get(name) ?? [],
    rest,
  };
}

/**
 * Parses the command line of a command, which has `--help` and `-h` besides its `options`. Asked for it, it prints `help` and returns
 * undefined. Throws {@linkcode UsageError}.
 */
export function parseCommand<Name extends string>(
  args: readonly string[],
  options: Readonly<Record<Name, OptionSpec>>,
  help: string,
): ParsedArgs<Name> | undefined {
  const parsed = parseArgs<Name | "help">(args, { ...options, help: { short: "h" } });
  if (!parsed.has("help")) return parsed;
  console.log(help.trimEnd());
  return undefined;
}

/** The one FILE of a command that takes no more and no less. Throws {@linkcode UsageError}. */
export function oneFile({ rest }: { readonly rest: readonly string[] }): string {
  if (rest.length !== 1) throw new UsageError(`Expected one FILE but found ${rest.length}`);
  return rest[0]!;
}
