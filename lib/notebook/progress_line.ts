/** How far a job is. */
export interface ProgressState {
  /** What the job is called; empty for none. */
  label: string;
  /** Steps done. */
  done: number;
  /** Steps in all; undefined if nobody knows. */
  total: number | undefined;
  /** Nanoseconds since the start. */
  elapsed: number;
}

/** Share of the steps that is done, from 0 to 1; undefined without a total. */
export function progressShare(state: ProgressState): number | undefined {
  const { done, total } = state;
  if (total === undefined || !(total >= 0)) return undefined;
  return total === 0 ? 1 : Math.min(1, Math.max(0, done / total));
}

/**
 * Nanoseconds that the rest will take if it goes on at the mean pace so far; undefined without a total or before the
 * first step.
 */
export function progressRemaining(state: ProgressState): number | undefined {
  const share = progressShare(state);
  if (share === undefined || share === 0) return undefined;
  return state.elapsed * Math.max(0, state.total! - state.done) / state.done;
}

/** The job as one line: `reading 45% 450/1000 0:05, 0:06 left`. The label is taken as it is. */
export function progressLine(state: ProgressState): string {
  const parts: string[] = state.label === "" ? [] : [state.label];
  const share = progressShare(state);
  const remaining = progressRemaining(state);
  // Never 100% before the last step.
  if (share !== undefined) parts.push(`${Math.floor(share * 100)}%`);
  parts.push(share === undefined ? count(state.done) : `${count(state.done)}/${count(state.total!)}`);
  const left = remaining === undefined || share === 1 ? "" : `, ${clock(remaining)} left`;
  parts.push(clock(state.elapsed) + left);
  return parts.join(" ");
}

function count(steps: number): string {
  return String(Number.isInteger(steps) ? steps : Number(steps.toFixed(1)));
}

/** `m:ss`, or `h:mm:ss` from an hour on. */
function clock(ns: number): string {
  const seconds = Math.round(ns / 1e9);
  const two = (n: number) => String(n).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}
