import type { Frame } from "../../frame/frame.ts";
import type { FairnessColumns } from "./fairness.ts";

/** The result of {@linkcode smpNiceError}. */
export interface SmpNiceError {
  /** The largest relative error: |service - entitled| / entitled. NaN where nobody counts. */
  readonly error: number;
  /** Who has it: its row of the frame; -1 where nobody counts. */
  readonly row: number;
  /** Its name. */
  readonly name: string;
  /** How many count. */
  readonly counted: number;
}

/** Options of {@linkcode smpNiceError}. */
export interface SmpNiceOptions {
  /**
   * Who was runnable for less than this share of the longest demand does not count: of who hardly wants to run, the moments
   * between a wakeup and the run are most of the time. Default 0.1.
   */
  least?: number;
}

/**
 * How far the shares of a machine are from those that the nice values call for: the largest relative error of anybody, as a
 * figure for the claim that a scheduler preserves nice values across CPUs. Takes the result of `fairness`.
 */
export function smpNiceError<C extends Pick<FairnessColumns, "name" | "demand" | "error">>(
  fair: Frame<C>,
  options: SmpNiceOptions = {},
): SmpNiceError {
  const { least = 0.1 } = options;
  const demand: Float64Array = fair.column("demand");
  const error: Float64Array = fair.column("error");
  const longest = demand.reduce((most, time) => Math.max(most, time), 0);
  let worst = -1;
  let counted = 0;
  for (let row = 0; row < demand.length; row++) {
    if (demand[row]! < least * longest || Number.isNaN(error[row])) continue;
    counted++;
    if (worst < 0 || Math.abs(error[row]!) > Math.abs(error[worst]!)) worst = row;
  }
  return {
    error: worst < 0 ? NaN : Math.abs(error[worst]!),
    row: worst,
    name: worst < 0 ? "" : fair.column("name").at(worst),
    counted,
  };
}
