import { DictColumn } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import { type Ns, ns } from "../frame/units.ts";
import { QualityTracker } from "./quality_tracker.ts";
import type { SchedStream } from "./stream.ts";

/** Why something is missing. */
export type HoleKind = "lost" | "chain" | "truncated" | "corrupt";

/** A hole that the recorder or the reader knows of. */
export interface KnownHole {
  /** Why. */
  readonly kind: HoleKind;
  /** CPU, or -1 where it is not known or all are meant. */
  readonly cpu: number;
  /** ns since the epoch. */
  readonly from: number;
  /** ns since the epoch. */
  readonly to: number;
  /** Records that are missing; 0 where it is not known. */
  readonly lost: number;
  /** Byte of the file, where the reader found it. */
  readonly offset?: number;
}

/** Columns of {@linkcode Quality.holes}. */
export type HoleColumns = {
  /** `lost` (the recorder said so), `chain` (prev_pid is not the last next_pid), `truncated`, `corrupt`. */
  kind: DictColumn<HoleKind>;
  /** -1 where it is not known or all are meant. */
  cpu: Int32Array;
  /** ns since the epoch. */
  from: Float64Array;
  /** ns since the epoch. */
  to: Float64Array;
  /** Records that are missing; 0 where it is not known. */
  lost: Float64Array;
};

/** Columns of {@linkcode Quality.coverage}. */
export type CoverageColumns = {
  cpu: Int32Array;
  /** sched_switch records. */
  switches: Int32Array;
  /** Switches whose prev_pid is not the next_pid of the one before. */
  breaks: Int32Array;
  /** ns of the trace's span less this CPU's holes; 0 for a CPU that never switched. */
  covered: Ns;
  /** `covered` as a share of the whole trace's span, 0 to 1. */
  share: Float64Array;
};

/** What is missing from a trace, and how it is known. */
export interface Quality {
  /** Every hole, by its start. */
  readonly holes: Frame<HoleColumns>;
  /** One row for each CPU. */
  readonly coverage: Frame<CoverageColumns>;
  /** Records that the recorder said it lost. */
  readonly lost: number;
  /** Covered CPU-time as a share of span x CPUs, 0 to 1; 1 where there is no switch at all. */
  readonly share: number;
}

/** What the switches of one CPU say of what is missing between them. */
export interface CpuChain {
  /** Its number. */
  readonly cpu: number;
  /** sched_switch records; at least one. */
  readonly switches: number;
  /** Switches whose prev_pid is not the next_pid of the one before. */
  readonly breaks: number;
  /** ns between these and the one before. */
  readonly missing: number;
}

/**
 * Finds the holes of `stream`: those in `known`, and each place where the chain breaks (a switch whose prev_pid is not
 * the next_pid of the CPU's switch before), which happens on real machines without any lost record.
 */
export function assessQuality(stream: SchedStream, known: readonly KnownHole[]): Quality {
  const tracker = new QualityTracker();
  tracker.take(stream, stream.length);
  return tracker.finish(known);
}

/** The quality of a trace of `span` ns that has these holes, and switches on the CPUs of `chains`. */
export function qualityOf(found: readonly KnownHole[], chains: readonly CpuChain[], span: number): Quality {
  const holes = found.toSorted((x, y) => x.from - y.from);
  const cpus = chains.reduce((most, { cpu }) => Math.max(most, cpu + 1), 0);
  const switches = new Int32Array(cpus);
  const breaks = new Int32Array(cpus);
  const covered = new Float64Array(cpus);
  let total = 0;
  for (const chain of chains) {
    switches[chain.cpu] = chain.switches;
    breaks[chain.cpu] = chain.breaks;
    // Before its first switch a CPU ran that switch's prev_pid, after its last one next_pid: no switch is no hole.
    covered[chain.cpu] = span - chain.missing;
    total += covered[chain.cpu]!;
  }
  return {
    holes: new Frame<HoleColumns>({
      kind: DictColumn.from(holes.map((hole) => hole.kind)),
      cpu: Int32Array.from(holes, (hole) => hole.cpu),
      from: Float64Array.from(holes, (hole) => hole.from),
      to: Float64Array.from(holes, (hole) => hole.to),
      lost: Float64Array.from(holes, (hole) => hole.lost),
    }),
    coverage: new Frame<CoverageColumns>({
      cpu: Int32Array.from({ length: cpus }, (_, on) => on),
      switches,
      breaks,
      covered: ns(covered),
      share: covered.map((time) => (span === 0 ? 0 : time / span)),
    }),
    lost: lostRecords(holes),
    share: chains.length === 0 || span === 0 ? 1 : total / (span * chains.length),
  };
}

/** LOST records say where and how many; LOST_SAMPLES (cpu -1) only how many in all. They count the same losses. */
function lostRecords(holes: readonly KnownHole[]): number {
  let placed = 0;
  let total = 0;
  for (const hole of holes) {
    if (hole.kind !== "lost") continue;
    if (hole.cpu < 0) total += hole.lost;
    else placed += hole.lost;
  }
  return Math.max(placed, total);
}
