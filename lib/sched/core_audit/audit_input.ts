import type { Frame } from "../../frame/frame.ts";
import type { Trace } from "../../trace/trace.ts";
import { type StateColumns, states } from "../states.ts";
import { kernelThreads } from "../kernel_threads.ts";
import { type GroupBy, type ThreadGroups, threadGroups } from "../thread_groups.ts";
import { type CpuTimeline, cpuTimelines } from "./cpu_timeline.ts";
import { smtCores } from "./topology.ts";

/**
 * What threads may do to others that run beside them. `trusted`: they neither spy nor are spied upon; `victim`: they do not spy, but
 * others must not spy upon them; `untrusted`: both, as one group of their own.
 */
export type Trust = "trusted" | "victim" | "untrusted";

/** Options of the core-scheduling audit, all of its parts have the same. */
export interface CoreAuditOptions {
  /** What makes threads trust one another. Default `process`. */
  groups?: GroupBy;
  /** CPUs that share a core, a list for each core. Default: those that the trace's header tells. */
  cores?: readonly (readonly number[])[];
  /** Names of groups that neither spy nor are spied upon. Default: none. */
  trusted?: Iterable<string>;
  /**
   * The kernel's own threads. With `groups` by thread, process or name they are none of those; a map, a function or `vm` may put some
   * into its groups (`vhost-PID` works for a machine). Default `trusted`.
   */
  kthreads?: Trust;
  /** Threads that `groups` puts into no group. Default `untrusted`. */
  others?: Trust;
  /**
   * Longest episode in ns that a change of both siblings at once may leave: what the stamps resolve and an interrupt from one CPU to
   * another (IPI) takes. Longer ones are summed up apart. Default 5 us, more where the clock's steps are coarser than that.
   */
  epsilon?: number;
}

/** Name of the group of the kernel's threads. */
export const KERNEL = "(kernel)";
/** Name of the group of threads without group. */
export const OTHERS = "(no group)";

/** What the parts of the audit work on. */
export interface AuditInput {
  readonly trace: Trace;
  /** First stamp that counts, ns since the epoch. */
  readonly from: number;
  /** Last one. */
  readonly to: number;
  readonly cores: readonly (readonly number[])[];
  /** All groups: those of `groups`, then {@linkcode KERNEL} and {@linkcode OTHERS}. */
  readonly names: readonly string[];
  /** Groups as they were asked for. */
  readonly groups: ThreadGroups;
  /** Index into `names` of a thread that is not idle. */
  readonly groupOf: (tid: number) => number;
  /** 1 for each group that may spy. */
  readonly attacks: Uint8Array;
  /** 1 for each group that must not be spied upon. */
  readonly suffers: Uint8Array;
  readonly epsilon: number;
  readonly timelines: ReadonlyMap<number, CpuTimeline>;
  /** The states of all threads, made when they are first asked for. */
  readonly lives: () => Frame<StateColumns>;
}

const EPSILON = 5000;

/** Checks `options` and makes what all parts of the audit need. Throws RangeError, and `MissingEventError` without sched_switch. */
export function auditInput(trace: Trace, options: CoreAuditOptions): AuditInput {
  const context = trace.context ?? trace;
  context.requireEvent("coreAudit", "sched:sched_switch");
  const { groups: by = "process", kthreads = "trusted", others = "untrusted" } = options;
  const resolution = trace.clock.resolution ?? 1;
  const { epsilon = Math.max(EPSILON, 2 * resolution) } = options;
  if (!(epsilon >= 0)) throw new RangeError(`Expected epsilon to be at least 0 ns but found ${epsilon}`);
  const cores = smtCores(trace, options.cores);
  const groups = threadGroups(trace, by);
  const names = [...groups.names, KERNEL, OTHERS];
  const kernel = names.length - 2;
  const trusts = trustOf(names, kthreads, others, options.trusted);
  const kernelTids = kernelThreads(trace);
  const kernelFirst = by === "thread" || by === "process" || by === "comm";
  const groupOf = (tid: number): number => {
    if (kernelFirst && kernelTids.has(tid)) return kernel;
    const group = groups.of(tid);
    return group >= 0 ? group : kernelTids.has(tid) ? kernel : kernel + 1;
  };
  const { from, to } = trace.span;
  let lives: Frame<StateColumns> | undefined;
  return {
    trace,
    from,
    to,
    cores,
    names,
    groups,
    groupOf,
    attacks: Uint8Array.from(trusts, (trust) => trust === "untrusted" ? 1 : 0),
    suffers: Uint8Array.from(trusts, (trust) => trust === "trusted" ? 0 : 1),
    epsilon,
    timelines: cpuTimelines(context.stream, cores.flat(), from, to, remembered(groupOf)),
    lives: () => lives ??= states(trace),
  };
}

function trustOf(
  names: readonly string[],
  kthreads: Trust,
  others: Trust,
  trusted: Iterable<string> = [],
): Trust[] {
  for (const [option, trust] of Object.entries({ kthreads, others })) {
    if (!["trusted", "victim", "untrusted"].includes(trust)) {
      throw new RangeError(
        `Expected ${option} to be trusted, victim or untrusted but found ${JSON.stringify(trust)}`,
      );
    }
  }
  const trusts: Trust[] = names.map(() => "untrusted");
  trusts[names.length - 2] = kthreads;
  trusts[names.length - 1] = others;
  for (const name of trusted) {
    const group = names.indexOf(name);
    if (group < 0) {
      throw new RangeError(
        `Expected trusted groups to be of the trace's but found ${JSON.stringify(name)}; it has ${
          names.slice(0, 20).map((each) => JSON.stringify(each)).join(", ")
        }${names.length > 20 ? ` and ${names.length - 20} more` : ""}`,
      );
    }
    trusts[group] = "trusted";
  }
  return trusts;
}

/** `of`, asked once for each thread. */
function remembered(of: (tid: number) => number): (tid: number) => number {
  const known = new Map<number, number>();
  return (tid) => {
    let group = known.get(tid);
    if (group === undefined) known.set(tid, group = of(tid));
    return group;
  };
}
