import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { type AuditInput, auditInput, type CoreAuditOptions } from "./audit_input.ts";
import { type CollectiveSwitches, collectiveSwitchesOf } from "./collective_switch.ts";
import { type Exposure, exposureOf } from "./exposure.ts";
import { type ForcedIdle, forcedIdleOf, type ForcedIdleOptions } from "./forced_idle.ts";
import { gangOf, type GangReport } from "./gang.ts";
import { gangsIn, gangTids } from "./gang_members.ts";
import { type StealMismatchColumns, stealMismatchOf } from "./steal_mismatch.ts";

/** Columns of {@linkcode CoreAudit.groups}. */
export type AuditGroupColumns = {
  group: DictColumn;
  /** What its threads may do to those of others. */
  trust: DictColumn<"trusted" | "victim" | "untrusted">;
  /** Time on the CPUs of the audited cores, ns. */
  run: Ns;
};

/** Everything that the audit found. */
export interface CoreAudit {
  /** CPUs of each audited core. */
  readonly cores: readonly (readonly number[])[];
  /** Length of the span, ns. */
  readonly span: number;
  /** Length in ns up to which an episode may be a change of both siblings at once. */
  readonly epsilon: number;
  /** Share of the cores' CPU-time of which the trace tells who had it, 0 to 1. */
  readonly coverage: number;
  /** A row for each group that ran, the one that ran longest first. */
  readonly groups: Frame<AuditGroupColumns>;
  /** Who ran beside whom. */
  readonly exposure: Exposure;
  /** What idling that other groups forced costs. */
  readonly forcedIdle: ForcedIdle;
  /** How atomically the cores changed from group to group. */
  readonly collective: CollectiveSwitches;
  /** How much of the time the threads of each group (of a virtual machine: its CPUs) ran together. */
  readonly gangs: GangReport;
  /** How unequally they were kept waiting, window by window. */
  readonly steal: Frame<StealMismatchColumns>;
}

/** Options of {@linkcode coreAudit}. */
export interface CoreAuditAllOptions extends CoreAuditOptions, ForcedIdleOptions {
  /** Length of a window of `steal`, ns. Default 100 ms, or the span where that is shorter. */
  stealWindow?: number;
}

/**
 * The core-scheduling audit: who ran beside whom on the siblings of the cores (`exposure`), what keeping them apart cost or would cost
 * (`forcedIdle`), how atomically cores changed hands (`collective`), and how well threads that need one another ran together
 * (`gangs`, `steal`). Each part is a function of its own as well, with the same options.
 *
 * `groups` says who trusts whom: processes by default, `vm` for the machines of a host, a map from thread or process to
 * name for cookies of core scheduling (`readCookies`, `parseCookies`) or tenants.
 *
 * Needs `sched:sched_switch`, and `sched:sched_waking` or `sched:sched_wakeup`. Throws `MissingEventError`, and RangeError where
 * neither the trace nor `cores` tells which CPUs share a core.
 *
 * @example
 * ```ts
 * import { coreAudit } from "@schedscope/schedscope/sched";
 * import { openTrace } from "@schedscope/schedscope/trace";
 *
 * async function audit(path: string) {
 *   const { exposure, forcedIdle } = coreAudit(await openTrace(path), { groups: "vm" });
 *   console.log(exposure.pairs.head(10), forcedIdle.cpus);
 * }
 * ```
 */
export function coreAudit(trace: Trace, options: CoreAuditAllOptions = {}): CoreAudit {
  const input = auditInput(trace, options);
  const lives = input.lives();
  const gangs = gangsIn(lives, gangTids(trace, input.groups));
  const span = input.to - input.from;
  const exposure = exposureOf(input);
  const forcedIdle = forcedIdleOf(input, options.kappa);
  const shares = forcedIdle.cpus.column("coverage");
  return {
    cores: input.cores,
    span,
    epsilon: input.epsilon,
    coverage: shares.reduce((sum, share) => sum + share, 0) / shares.length,
    groups: groupRows(input),
    exposure,
    forcedIdle,
    collective: collectiveSwitchesOf(input),
    gangs: gangOf(lives, gangs, span),
    steal: stealMismatchOf(lives, gangs, input, options.stealWindow),
  };
}

const TRUSTS = ["trusted", "victim", "untrusted"] as const;

function groupRows(input: AuditInput): Frame<AuditGroupColumns> {
  const run = new Float64Array(input.names.length);
  for (const { ts, group } of input.timelines.values()) {
    for (let i = 0; i < group.length; i++) if (group[i]! >= 0) run[group[i]!]! += ts[i + 1]! - ts[i]!;
  }
  const rows = [...run.keys()].filter((group) => run[group]! > 0);
  return new Frame<AuditGroupColumns>({
    group: new DictColumn(Uint32Array.from(rows), input.names),
    trust: new DictColumn(
      Uint8Array.from(rows, (group) => input.attacks[group]! + input.suffers[group]!),
      TRUSTS,
    ),
    run: ns(Float64Array.from(rows, (group) => run[group]!)),
  }).sort("run", { descending: true });
}
