import type { SpinResult } from "../../bench/spin_result.ts";
import { formatNs } from "../../frame/format_ns.ts";
import type { Frame, Row } from "../../frame/frame.ts";
import { visibleText } from "../../frame/visible_text.ts";
import { gapInWords } from "../../sched/gap_in_words.ts";
import { CAUSE_COLUMNS } from "../../sched/gap_cause.ts";
import type { GapLedger, LedgerColumns } from "../../sched/gaps.ts";
import type { CoreKnowledge } from "../../sched/idle_causes.ts";
import type { Trace } from "../../trace/trace.ts";
import type { GuestTracing } from "./guest_trace.ts";
import type { ChosenIsolation } from "./isolation.ts";
import type { PlantedStall } from "./plant.ts";
import type { TuningColumns } from "./tuning.ts";

/** What {@linkcode UserMeasurement} is made of. */
export interface MeasurementParts {
  /** What was asked of the scheduler, and what it made of that. */
  readonly tuning: Frame<TuningColumns>;
  /** How the pairs were kept apart, and the proof of it. */
  readonly isolation: ChosenIsolation;
  /** What was traced. */
  readonly tracing: GuestTracing;
  /** The measurement; its fingerprint is the guest's. */
  readonly spin: SpinResult;
  /** The guest's trace. */
  readonly trace: Trace;
  /** Its directory. */
  readonly path: string;
  /** Events that are not in it any more: overwritten by newer ones. */
  readonly lost: number;
  /** The gaps with their causes. */
  readonly ledger: GapLedger;
  /** The guest's cores and the threads' cookies, for further analyses of the trace. */
  readonly knowledge: CoreKnowledge;
  /** The stall that was planted; undefined where none was, or the run ended before. */
  readonly planted: PlantedStall | undefined;
  /** The lines that were printed. */
  readonly lines: readonly string[];
  /** The hardware threads of the core that the pairs shared. */
  readonly cpus: readonly number[];
  /** What was noticed. */
  readonly notes: readonly string[];
}

/** What the gap benchmark found in a guest. */
export class UserMeasurement implements MeasurementParts {
  readonly tuning!: Frame<TuningColumns>;
  readonly isolation!: ChosenIsolation;
  readonly tracing!: GuestTracing;
  readonly spin!: SpinResult;
  readonly trace!: Trace;
  readonly path!: string;
  readonly lost!: number;
  readonly ledger!: GapLedger;
  readonly knowledge!: CoreKnowledge;
  readonly planted: PlantedStall | undefined;
  readonly lines!: readonly string[];
  readonly cpus!: readonly number[];
  readonly notes!: readonly string[];

  /** Holds the parts together. */
  constructor(parts: MeasurementParts) {
    Object.assign(this, parts);
  }

  /** The gap that ended the run with its causes; undefined where it ended for another reason. */
  get gap(): Row<LedgerColumns> | undefined {
    const { gap } = this.spin.stopped;
    return gap === undefined ? undefined : { ...this.ledger.gaps.row(gap) };
  }

  /** From the end of the planted stall to the last event of the trace, ns; undefined where none was planted. */
  get reaction(): number | undefined {
    if (this.planted === undefined) return undefined;
    return Number(this.trace.epoch - this.planted.end) + this.trace.span.to;
  }

  /** Whether the gap that ended the run was the planted stall, and the ledger says so. */
  get plantCaught(): boolean {
    return this.planted !== undefined && this.gap?.culprit_tid === this.planted.tid;
  }

  /** What happened, a few lines for a terminal. */
  toString(): string {
    const { spin, isolation, tracing, trace, planted } = this;
    const { proof } = isolation;
    const gap = this.gap;
    return [
      `isolation: ${isolation.kind} (${isolation.reason})`,
      ...(proof === undefined ? [] : [
        `  two threads of different groups on CPUs ${this.cpus.join(" and ")} ran ${
          proof.shares.map((share) => `${(share * 100).toFixed(0)} %`).join(" and ")
        } of the time: ${proof.holds ? "they are kept apart" : "NOT KEPT APART"}`,
      ]),
      gap === undefined
        ? `no gap over ${formatNs(Number(spin.args[spin.args.indexOf("--max-gap") + 1]))} in ${
          formatNs(spin.elapsed)
        }${spin.stopped.reason === "signal" ? " (interrupted)" : ""}`
        : `gap: ${formatNs(gap.dur)} of ${visibleText(gap.comm)}[${gap.tid}]: ${
          visibleText(gapInWords(gap))
        }, of it ${partsInWords(gap)}`,
      ...(planted === undefined ? [] : [this.#plantInWords(planted)]),
      `trace: ${this.path}, ${trace.stream.length} scheduling events over ${
        formatNs(trace.span.to)
      }, buffer ${(tracing.bufferKb / 1024).toFixed(0)} MiB a CPU, ${this.lost} older events overwritten`,
      ...this.notes,
    ].join("\n");
  }

  #plantInWords({ comm, tid, cpu, start, end }: PlantedStall): string {
    const what = `planted: ${comm}[${tid}] kept CPU ${cpu} for ${formatNs(Number(end - start))}`;
    return this.reaction! < 0
      ? `${what}, but the run had ended ${formatNs(-this.reaction!)} before`
      : `${what}; tracing stopped ${formatNs(this.reaction!)} after it${
        this.plantCaught ? "" : ", for a gap that is NOT ITS DOING"
      }`;
  }

  /** All but the trace, which is in `path`. */
  toJSON(): Record<string, unknown> {
    const { proof, kind, reason } = this.isolation;
    return {
      schema: "schedscope-vm-user/1",
      isolation: { kind, reason, proof },
      tuning: this.tuning.toJSON(),
      tracing: this.tracing,
      cpus: this.cpus,
      stopped: this.spin.stopped.reason,
      gap: this.gap ?? null,
      planted: this.planted === undefined ? null : {
        ...this.planted,
        start: String(this.planted.start),
        end: String(this.planted.end),
        reaction_ns: this.reaction,
        caught: this.plantCaught,
      },
      causes: this.ledger.causes.toJSON(),
      trace: { path: this.path, lost: this.lost, epoch: String(this.trace.epoch), span: this.trace.span.to },
      lines: this.lines,
      notes: this.notes,
      spin: this.spin.toJSON(),
    };
  }
}

/** The causes that took a twentieth of the gap or more, the largest first. */
function partsInWords(gap: Row<LedgerColumns>): string {
  return CAUSE_COLUMNS.map((name) => [name, gap[name]] as const)
    .filter(([, ns]) => ns >= gap.dur / 20)
    .sort((a, b) => b[1] - a[1])
    .map(([name, ns]) => `${name.replace("_", " ")} ${formatNs(ns)}`)
    .join(", ");
}
