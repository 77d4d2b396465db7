import { LackingError, VmError } from "../errors.ts";
import { type GuestShell, shellText, shellWord } from "./guest_shell.ts";
import { holdCoreScheduling } from "./hold_core_scheduling.ts";

/**
 * How the pairs are kept apart on a core: core-scheduling cookies (prctl, Linux 5.14 and newer), a tag of a cgroup (`cpu.tag`, patches of
 * 2019 and 2020), coscheduled cgroups (`cpu.scheduled`, patches of 2018), or not.
 */
export type Isolation = "cookies" | "tag" | "coscheduling" | "none";

/** All of them, the best first. */
export const ISOLATIONS: readonly Isolation[] = ["cookies", "tag", "coscheduling", "none"];

/** What two threads that may not share a core did on its two hardware threads. */
export interface IsolationProof {
  /** Whether they shared its time, instead of both having all of it. */
  readonly holds: boolean;
  /** Share of the wall time that each ran. */
  readonly shares: readonly number[];
  /** Their cookies as read back, in hexadecimal; empty where cookies are not how it is done. */
  readonly cookies: readonly string[];
}

/** The isolation of a run. */
export interface ChosenIsolation {
  /** Which. */
  readonly kind: Isolation;
  /** Why this one, a sentence: what better ones lack. */
  readonly reason: string;
  /** What it was seen to do; undefined for `none`. */
  readonly proof: IsolationProof | undefined;
  /** Arguments of schedscope-spin that put its pairs into it. */
  readonly spin: readonly string[];
}

/** The pairs' cgroups, in the hierarchy of version 1 that the patches are for. */
const GROUPS = "/tmp/schedscope-cpu";

/** A group's file that isolates it. */
const FILE: Readonly<Record<"tag" | "coscheduling", string>> = {
  tag: "cpu.tag",
  coscheduling: "cpu.scheduled",
};

/** What the agents of the errors of prctl(PR_SCHED_CORE) are, by number. */
function cookieRefusal(errno: number): { problem: string; remedy: string } {
  if (errno === 22) {
    return {
      problem: "the guest's kernel has no core scheduling (EINVAL: built without CONFIG_SCHED_CORE)",
      remedy: 'build one by "schedscope vm kernel", or ask for --isolation none',
    };
  }
  if (errno === 19) {
    return {
      problem: "the guest sees no hardware threads that share a core (ENODEV), so its core scheduling is off",
      remedy: "give it two threads a core, on a kernel that reads the topology of this CPU model",
    };
  }
  return {
    problem: `the guest's kernel refused a core-scheduling cookie (errno ${errno})`,
    remedy: "ask for --isolation none",
  };
}

/**
 * Sets up the isolation that was asked for, or the best that the guest's kernel has, and shows that it works: two threads of different
 * groups on `cpus`, the hardware threads of one core.
 *
 * `pairs` is how many groups are made. Throws {@linkcode LackingError} where the kernel does not have the one asked for.
 */
export async function chooseIsolation(
  shell: GuestShell,
  asked: Isolation | "auto",
  cpus: readonly number[],
  pairs: number,
  signal?: AbortSignal,
): Promise<ChosenIsolation> {
  const passing = signal === undefined ? {} : { signal };
  const passed: string[] = [];
  const because = (own: string) => [...passed, own].join("; ");
  if (asked === "none") return { kind: "none", reason: "it was asked for", proof: undefined, spin: [] };
  if (asked === "auto" || asked === "cookies") {
    await holdCoreScheduling(shell, signal);
    const { errno, ...proof } = await prove(shell, cpus, ["--cookies=0,1"], signal);
    if (errno === 0) {
      return {
        kind: "cookies",
        reason: asked === "auto" ? "the kernel has core scheduling" : "it was asked for",
        proof,
        spin: ["--cookies"],
      };
    }
    const { problem, remedy } = cookieRefusal(errno);
    if (asked === "cookies") throw new LackingError(problem, remedy);
    passed.push(problem);
  }
  const offered = await shellText(shell, "Making cgroups", offerScript(pairs), passing);
  for (const kind of ["tag", "coscheduling"] as const) {
    if (asked !== "auto" && asked !== kind) continue;
    if (!offered.split("\n").includes(FILE[kind])) {
      const problem = `the guest's kernel has no ${FILE[kind]} in its cgroups`;
      if (asked === kind) {
        throw new LackingError(
          problem,
          `boot one with those patches, or ask for --isolation cookies on a kernel of 5.14 or newer`,
        );
      }
      passed.push(problem);
      continue;
    }
    await shellText(shell, `Setting ${FILE[kind]}`, enableScript(FILE[kind], pairs), passing);
    const groups = Array.from({ length: pairs }, (_, i) => `${GROUPS}/cosched${i + 1}`);
    const { errno: _errno, ...proof } = await prove(
      shell,
      cpus,
      groups.slice(0, 2).flatMap((group) => ["--group", group]),
      signal,
    );
    return {
      kind,
      reason: because(`its cgroups have ${FILE[kind]}`),
      proof,
      // Threads 2i and 2i + 1 are pair i.
      spin: groups.flatMap((group) => ["--group", group, "--group", group]),
    };
  }
  return { kind: "none", reason: because("so nothing keeps the pairs apart"), proof: undefined, spin: [] };
}

/** A script that makes the pairs' cgroups and prints which of the files they have. */
export function offerScript(pairs: number, root = GROUPS): string {
  const at = shellWord(root);
  return [
    `mkdir -p ${at}`,
    `[ -e ${at}/tasks ] || mount -t cgroup -o cpu none ${at} 2>/dev/null || ` +
    `mount -t cgroup -o cpu,cpuacct none ${at} 2>/dev/null || { echo no hierarchy; exit 0; }`,
    ...Array.from({ length: pairs }, (_, i) => `mkdir -p ${at}/cosched${i + 1}`),
    ...Object.values(FILE).map((file) => `[ -e ${at}/cosched1/${file} ] && echo ${file}`),
    "true",
  ].join("\n");
}

function enableScript(file: string, pairs: number): string {
  return Array.from({ length: pairs }, (_, i) => `echo 1 > ${GROUPS}/cosched${i + 1}/${file}`).join(" && ");
}

/** How long the two threads of the proof run, in ms. */
const PROOF_MS = 200;
/** Of two threads that share a core's time, the shares add up to 1, and to 2 where they do not. */
const MOST_TOGETHER = 1.4;

async function prove(
  shell: GuestShell,
  cpus: readonly number[],
  isolating: readonly string[],
  signal: AbortSignal | undefined,
): Promise<IsolationProof & { errno: number }> {
  const { code, stdout, stderr } = await shell.exec([
    "schedscope-spin",
    ...["-n", "2", "--on", cpus.join(","), ...isolating],
    ...["--duration", `${PROOF_MS}ms`, "--max-sleep", "0", "--max-gap", "0", "--gaps", "16", "--json"],
    ...["--brackets", "1", "--bracket", "20ms"],
  ], { timeout: 30_000, ...(signal === undefined ? {} : { signal }) });
  const said = new TextDecoder().decode(stderr).trim().replace(/^schedscope-spin: /, "");
  if (code !== 0) {
    throw new VmError(`The test of the isolation did not run in the guest: ${said || `exit code ${code}`}`);
  }
  return readProof(new TextDecoder().decode(stdout));
}

/** What schedscope-spin's JSON says of two threads that ran on the two hardware threads of a core. */
export function readProof(json: string): IsolationProof & { errno: number } {
  const { per_thread: threads } = JSON.parse(json) as {
    per_thread: { cpu_ns: number; wall_ns: number; cookie: string; cookie_errno: number }[];
  };
  const shares = threads.map(({ cpu_ns, wall_ns }) => cpu_ns / wall_ns);
  return {
    holds: shares.reduce((sum, share) => sum + share, 0) < MOST_TOGETHER,
    shares,
    cookies: threads.map(({ cookie }) => cookie).filter((cookie) => Number(cookie) !== 0),
    errno: threads.find(({ cookie_errno }) => cookie_errno !== 0)?.cookie_errno ?? 0,
  };
}
