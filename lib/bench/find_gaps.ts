import { explainGaps, type GapLedger } from "../sched/gaps.ts";
import { openTrace } from "../trace/open.ts";
import {
  MachineLacksError,
  type Recording,
  type RunningRecording,
  startRecording,
} from "../trace/record/mod.ts";
import type { Trace } from "../trace/trace.ts";
import { spin } from "./spin.ts";
import type { SpinOptions } from "./spin_options.ts";
import type { SpinResult } from "./spin_result.ts";

/** Options of {@linkcode findGaps}: those of `spin`, and how to record. */
export interface FindGapsOptions extends SpinOptions {
  /** File or directory for the recording. Default: `trace.tracefs` or `perf.data`. */
  output?: string;
  /**
   * How to record: `auto` the better door that this machine allows, and if none is open, without a trace; `none` without a
   * trace; a named door must be open. Default: `auto`.
   */
  door?: "auto" | "tracefs" | "perf" | "none";
  /** Also record entries and exits of interrupts and softirqs. Default: true. */
  irq?: boolean;
}

/** What {@linkcode findGaps} found. */
export interface FoundGaps {
  /** The measurement. */
  readonly spin: SpinResult;
  /** Its gaps, each with its causes. */
  readonly ledger: GapLedger;
  /** The recording; undefined where there is none. */
  readonly recording: Recording | undefined;
  /** The recording, opened. */
  readonly trace: Trace | undefined;
  /** What to know about how it was recorded, or why it was not. */
  readonly notes: readonly string[];
}

/**
 * Runs `spin` while the scheduler is recorded, and says for each gap what caused it.
 *
 * Where the machine does not allow to record, the causes come from the counters that spin reads at each gap, and `notes` says what
 * would allow it. Throws what `spin` throws; a recording under way is ended and removed then.
 */
export async function findGaps(options: FindGapsOptions = {}): Promise<FoundGaps> {
  const { output, door = "auto", irq = true, ...spinOptions } = options;
  const notes: string[] = [];
  let running: RunningRecording | undefined;
  if (door !== "none") {
    try {
      running = await startRecording({
        irq,
        door,
        ...(output === undefined ? {} : { output }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
    } catch (error) {
      if (door !== "auto" || !(error instanceof MachineLacksError)) throw error;
      notes.push(`not traced: ${error.message}`);
    }
  }
  if (running === undefined) {
    const result = await spin(spinOptions);
    const ledger = explainGaps(result.gaps, result.epoch);
    return { spin: result, ledger, recording: undefined, trace: undefined, notes };
  }
  await using recorder = running;
  const instance = recorder.instanceDir;
  const result = await spin({ ...spinOptions, ...(instance === undefined ? {} : { traceMarker: instance }) });
  const recording = await recorder.stop();
  notes.push(`recorded by ${recording.door}: ${recording.reason}`, ...recording.notes);
  const trace = await openTrace(recording.path);
  return { spin: result, ledger: explainGaps(result.gaps, result.epoch, trace), recording, trace, notes };
}
