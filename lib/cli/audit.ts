import { formatNs } from "../frame/format_ns.ts";
import type { Columns } from "../frame/column.ts";
import type { Frame } from "../frame/frame.ts";
import type { Trust } from "../sched/core_audit/audit_input.ts";
import { type CoreAudit, coreAudit } from "../sched/core_audit/core_audit.ts";
import { parseCookies } from "../sched/core_audit/parse_cookies.ts";
import type { GroupBy } from "../sched/thread_groups.ts";
import { parseCpuList } from "../trace/cpu_list.ts";
import { openTrace } from "../trace/open.ts";
import type { Trace } from "../trace/trace.ts";
import { oneFile, parseCommand } from "./args.ts";
import { parseDuration } from "./duration.ts";
import { ExitCode, UsageError } from "./exit_code.ts";
import { TRACE_HELP, TRACE_OPTIONS, traceOptions } from "./trace_args.ts";
import { wholeNumber } from "./whole_number.ts";
import { parseWindow } from "./window_args.ts";

/** One line for the list of commands. */
export const summary = "who ran beside whom on the siblings of a core, and what keeping them apart costs";

const HELP = `Usage: schedscope audit [OPTIONS] FILE

Audits core scheduling from a recording FILE of the host: which groups of threads that do not trust one another ran on the same
core at the same time (exposure), how long CPUs idled for that not to happen (forced idle), how atomically cores changed hands, and
how well the virtual CPUs of a machine (or the threads of a group) ran together.

Options:
${TRACE_HELP}
      --by WHAT         who trusts whom: threads of the same process (default), vm, comm, cgroup, or thread
      --group NAME=WHO,...  these threads are of group NAME: process or thread numbers, names (of the thread or its process, with
                        * and ?); may be given more than once, the first that fits counts
      --cookies PATH    groups from a file: a line "NUMBER COOKIE" for each thread or process
      --list-cookies    print such lines for the threads of this machine that have a cookie now; no FILE (needs root)
      --cores CPUS      CPUs that share a core, such as 0,2; once for each core (default: what the recording tells)
      --trust NAME      this group neither spies nor is spied upon; may be given more than once
      --kthreads TRUST  the kernel's threads: trusted (default), victim or untrusted
      --others TRUST    threads of no group: trusted, victim or untrusted (default)
      --epsilon TIME    longest episode that a change of both siblings at once may leave (default 5us)
      --steal-window TIME   length of the windows in which the steal of virtual CPUs is compared (default 100ms)
      --window FROM,TO  only this part of the recording, from its start on, such as 1.5s,2s
  -n, --top N           lines of each table (default 10)
      --json            one JSON object with all of them (all lines, unless -n is given)
  -h, --help            this text

Examples:
  schedscope audit --by vm host.data
  schedscope audit --group red=4711,4712 --group blue='web*' --others trusted perf.data
  sudo schedscope audit --list-cookies >cookies && schedscope audit --cookies cookies perf.data
  schedscope audit --cores 0,1 --cores 2,3 --json perf.data | jq '.exposure.pairs[0]'
`;

const BY = ["process", "vm", "comm", "cgroup", "thread"] as const;
const TRUST: readonly Trust[] = ["trusted", "victim", "untrusted"];

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseCommand(args, {
    ...TRACE_OPTIONS,
    by: { value: true },
    group: { value: true },
    cookies: { value: true },
    "list-cookies": {},
    cores: { value: true },
    trust: { value: true },
    kthreads: { value: true },
    others: { value: true },
    epsilon: { value: true },
    "steal-window": { value: true },
    window: { value: true },
    top: { short: "n", value: true },
    json: {},
  }, HELP);
  if (parsed === undefined) return ExitCode.Ok;
  if (parsed.has("list-cookies")) {
    if (parsed.rest.length > 0) throw new UsageError("--list-cookies asks this machine and takes no FILE");
    return await listCookies();
  }
  const file = oneFile(parsed);
  const given = (["by", "group", "cookies"] as const).filter((option) => parsed.has(option));
  if (given.length > 1) throw new UsageError(`--${given[0]} and --${given[1]} exclude one another`);
  const by = oneOf(parsed.get("by") ?? "process", BY, "--by");
  const rules = parsed.all("group").map(groupRule);
  const kthreads = oneOf(parsed.get("kthreads") ?? "trusted", TRUST, "--kthreads");
  const others = oneOf(parsed.get("others") ?? "untrusted", TRUST, "--others");
  const cores = parsed.has("cores") ? parsed.all("cores").map(coreCpus) : undefined;
  const epsilon = parsed.get("epsilon");
  const steal = parsed.get("steal-window");
  const part = parsed.get("window");
  const window = part === undefined ? undefined : parseWindow(part);
  const top = parsed.get("top");
  const limit = top === undefined ? undefined : wholeNumber(top, "--top");
  const options = {
    kthreads,
    others,
    trusted: parsed.all("trust"),
    ...(cores === undefined ? {} : { cores }),
    ...(epsilon === undefined ? {} : { epsilon: parseDuration(epsilon, "--epsilon") }),
    ...(steal === undefined ? {} : { stealWindow: parseDuration(steal, "--steal-window") }),
  };
  const cookies = parsed.get("cookies");
  const listed = cookies === undefined ? undefined : parseCookies(await Deno.readTextFile(cookies));
  const whole = await openTrace(file, traceOptions(parsed));
  const trace = window === undefined ? whole : whole.window(window);
  const groups: GroupBy = listed ?? (rules.length > 0 ? await ruled(trace, rules) : by);
  const audit = coreAudit(trace, { ...options, groups });
  if (groups === "vm" && audit.gangs.gangs.length + audit.steal.length === 0) {
    console.error(
      "No virtual machine with several CPUs is in the recording: QEMU names their threads CPU N/KVM with -name debug-threads=on",
    );
  }
  if (trace.clock.name === "local") {
    console.error(
      "The recording's clock is each CPU's own (local): what ran at the same time is uncertain; record with mono",
    );
  }
  if (parsed.has("json")) console.log(JSON.stringify(asJson(trace, audit, limit ?? Infinity)));
  else print(audit, limit ?? 10);
  return ExitCode.Ok;
}

/** Prints the cookies of this machine's threads. */
async function listCookies(): Promise<number> {
  const { formatCookies, readCookies } = await import("../bench/core_cookies.ts");
  const { NativeError } = await import("../native/error.ts");
  try {
    const text = formatCookies(readCookies());
    if (text === "") console.error("No thread of this machine has a cookie");
    else console.log(text.trimEnd());
    return ExitCode.Ok;
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    console.error(`schedscope audit: ${error.message}`);
    return error.code === "EPERM" ? ExitCode.Failed : ExitCode.Lacking;
  }
}

/** A group, and what makes a thread one of it. */
interface GroupRule {
  readonly name: string;
  readonly fits: (tid: number, pid: number, names: readonly string[]) => boolean;
}

function groupRule(text: string): GroupRule {
  const equals = text.indexOf("=");
  const name = text.slice(0, Math.max(0, equals));
  const words = text.slice(equals + 1).split(",").map((word) => word.trim()).filter((word) => word !== "");
  if (name === "" || words.length === 0) {
    throw new UsageError(`Expected --group NAME=WHO,... but found ${JSON.stringify(text)}`);
  }
  const numbers = new Set(words.filter((word) => /^\d+$/.test(word)).map(Number));
  const globs = words.filter((word) => !/^\d+$/.test(word)).map(globPattern);
  return {
    name,
    fits: (tid, pid, names) =>
      numbers.has(tid) || numbers.has(pid) || globs.some((glob) => names.some((each) => glob.test(each))),
  };
}

/** Matches what a name with `*` and `?` stands for. */
function globPattern(glob: string): RegExp {
  const escaped = glob.replace(/[\\^$.|+()[\]{}]/g, "\\$&").replace(/\*+/g, ".*").replaceAll("?", ".");
  return new RegExp(`^${escaped}$`, "su");
}

/** The group of each thread that a rule fits. Throws {@linkcode UsageError} for a rule that fits none. */
async function ruled(trace: Trace, rules: readonly GroupRule[]): Promise<Map<number, string>> {
  const { knownThreads } = await import("../sched/known_threads.ts");
  const threads = knownThreads(trace);
  const tid = threads.column("tid");
  const pid = threads.column("pid");
  const comm = threads.column("comm");
  const processName = new Map<number, string>();
  for (let row = 0; row < tid.length; row++) {
    if (tid[row] === pid[row]) processName.set(tid[row]!, comm.at(row));
  }
  const groups = new Map<number, string>();
  for (let row = 0; row < tid.length; row++) {
    if (tid[row] === 0) continue;
    const names = [comm.at(row), processName.get(pid[row]!) ?? comm.at(row)];
    const rule = rules.find(({ fits }) => fits(tid[row]!, pid[row]!, names));
    if (rule !== undefined) groups.set(tid[row]!, rule.name);
  }
  const found = new Set(groups.values());
  const empty = rules.find(({ name }) => !found.has(name));
  if (empty !== undefined) {
    throw new UsageError(`--group ${JSON.stringify(empty.name)} fits no thread of the recording`);
  }
  return groups;
}

function coreCpus(text: string): number[] {
  try {
    return parseCpuList(text);
  } catch (cause) {
    throw new UsageError(`--cores: ${cause instanceof Error ? cause.message : cause}`);
  }
}

function oneOf<T extends string>(text: string, allowed: readonly T[], option: string): T {
  const found = allowed.find((each) => each === text);
  if (found === undefined) {
    throw new UsageError(`${option} is ${allowed.join(", ")} and not ${JSON.stringify(text)}`);
  }
  return found;
}

function print(audit: CoreAudit, limit: number): void {
  const { exposure, forcedIdle, collective, gangs, steal } = audit;
  const table = <C extends Columns>(title: string, frame: Frame<C>, empty: string) => {
    console.log(`\n${title}`);
    console.log(frame.length === 0 ? empty : frame.toText({ limit, width: 220 }));
  };
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  console.log(
    `${audit.cores.length} core${audit.cores.length === 1 ? "" : "s"} (${
      audit.cores.map((cpus) => cpus.join(",")).slice(0, 16).join("; ")
    }${audit.cores.length > 16 ? "; ..." : ""}), ${formatNs(audit.span)}; the trace tells of ${
      percent(audit.coverage)
    } of their time who ran`,
  );
  table(
    "Exposure: threads of both ran on one core at the same time (an upper bound of what could leak)",
    exposure.pairs.select(
      "attacker",
      "victim",
      "exposed",
      "share",
      "episodes",
      "p50",
      "p99",
      "max",
      "beyond",
      "upper",
    ),
    "none",
  );
  table("Longest episodes of it", exposure.longest, "none");
  table("Exposure by core", exposure.cores, "none");
  table(
    "Forced idle: a thread waited, the CPU idled, and siblings ran other groups",
    forcedIdle.cpus.select(
      "cpu",
      "core",
      "idle",
      "forced",
      "share",
      "episodes",
      "p99",
      "max",
      "beyond",
      "unknown",
    ),
    "none",
  );
  table("Forced idle, charged to those who ran", forcedIdle.groups, "none");
  table("Changes of a core from one group to another", collective.cores, "none");
  table(
    "Gangs: how much of the time those that wanted to run all did",
    gangs.gangs.select(
      ...([
        "group",
        "members",
        "run",
        "active",
        "coverage",
        "contended_coverage",
        "efficiency",
        "apart",
        "skew",
        "known",
      ] as const),
    ),
    "no group has more than one thread",
  );
  table(
    "Steal: most unequal windows of a gang",
    steal.filter(({ mismatch }) => mismatch > 0).sort("mismatch", { descending: true }),
    "none",
  );
}

function asJson(trace: Trace, audit: CoreAudit, limit: number): unknown {
  const rows = <C extends Columns>(frame: Frame<C>) => frame.head(Math.min(limit, frame.length)).toJSON();
  return {
    epoch: trace.epoch.toString(),
    span: audit.span,
    epsilon: audit.epsilon,
    coverage: audit.coverage,
    cores: audit.cores,
    groups: rows(audit.groups),
    exposure: {
      pairs: rows(audit.exposure.pairs),
      longest: rows(audit.exposure.longest),
      cores: rows(audit.exposure.cores),
    },
    forced_idle: {
      cpus: rows(audit.forcedIdle.cpus),
      groups: rows(audit.forcedIdle.groups),
      threads: rows(audit.forcedIdle.threads),
    },
    collective: { cores: rows(audit.collective.cores), switches: rows(audit.collective.switches) },
    gangs: rows(audit.gangs.gangs),
    gang_histogram: rows(audit.gangs.histogram),
    steal: rows(audit.steal),
  };
}
