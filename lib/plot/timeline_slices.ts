import type { NumericColumn } from "../frame/column.ts";

/** What a bar of the timeline is. */
export const Role = {
  /** A thread that is neither of the two below. */
  Other: 0,
  /** The thread that did not run. */
  Victim: 1,
  /** The thread that took its time. */
  Culprit: 2,
} as const;

/** Bars of the timeline, sorted by lane, then time. */
export interface TimelineBars {
  /** Index of the lane. */
  lane: number[];
  /** Start and end, ns, cut at the window. */
  from: number[];
  to: number[];
  /** {@linkcode Role} of each. */
  role: number[];
  /** Row of the slice, or -1 if the bar stands for several. */
  row: number[];
}

/** Columns and window of {@linkcode timelineBars}. */
export interface TimelineInput {
  cpu: NumericColumn;
  ts: NumericColumn;
  dur: NumericColumn;
  tid: NumericColumn;
  /** CPU of each lane. */
  lanes: readonly number[];
  from: number;
  to: number;
  victim: number;
  culprit: number | undefined;
}

/**
 * The bars to draw for the run slices in the window: one for each slice, or, if there are more than `limit`, one for each stretch
 * of cells in which slices of the same role took the most time. Idle (tid 0) and unknown (-1) slices are no bars.
 */
export function timelineBars(input: TimelineInput, limit: number): TimelineBars {
  const { cpu, ts, dur, tid, lanes, from, to, victim, culprit } = input;
  const laneOf = new Map(lanes.map((cpu, lane) => [cpu, lane]));
  const rows: number[] = [];
  for (let row = 0; row < ts.length; row++) {
    if (ts[row]! < to && ts[row]! + dur[row]! > from && tid[row]! > 0 && laneOf.has(cpu[row]!)) {
      rows.push(row);
    }
  }
  const role = (row: number) =>
    tid[row] === victim
      ? Role.Victim
      : culprit !== undefined && tid[row] === culprit
      ? Role.Culprit
      : Role.Other;
  const start = (row: number) => Math.max(from, ts[row]!);
  const end = (row: number) => Math.min(to, ts[row]! + dur[row]!);
  if (rows.length <= limit) {
    rows.sort((a, b) => laneOf.get(cpu[a]!)! - laneOf.get(cpu[b]!)! || ts[a]! - ts[b]!);
    return {
      lane: rows.map((row) => laneOf.get(cpu[row]!)!),
      from: rows.map(start),
      to: rows.map(end),
      role: rows.map(role),
      row: rows,
    };
  }
  const cells = Math.max(1, Math.floor(limit / lanes.length));
  const cell = (to - from) / cells;
  // time[(lane * cells + cell) * 3 + role]: ns that slices of the role ran in the cell.
  const time = new Float64Array(lanes.length * cells * 3);
  for (const row of rows) {
    const lane = laneOf.get(cpu[row]!)!;
    const which = role(row);
    let at = start(row);
    for (let index = Math.floor((at - from) / cell); at < end(row) && index < cells; index++) {
      const until = Math.min(end(row), from + (index + 1) * cell);
      time[(lane * cells + index) * 3 + which]! += until - at;
      at = until;
    }
  }
  return merged(time, lanes.length, cells, from, cell);
}

function merged(time: Float64Array, lanes: number, cells: number, from: number, cell: number): TimelineBars {
  const bars: TimelineBars = { lane: [], from: [], to: [], role: [], row: [] };
  for (let lane = 0; lane < lanes; lane++) {
    let last = -1;
    for (let index = 0; index < cells; index++) {
      const role = dominant(time, (lane * cells + index) * 3, cell);
      if (role === -1 || role !== last) {
        last = role;
        if (role === -1) continue;
        bars.lane.push(lane);
        bars.from.push(from + index * cell);
        bars.to.push(from + (index + 1) * cell);
        bars.role.push(role);
        bars.row.push(-1);
      } else bars.to[bars.to.length - 1] = from + (index + 1) * cell;
    }
  }
  return bars;
}

/** The role that took the most of a cell, or -1 if it was idle for more than half of it. */
function dominant(time: Float64Array, at: number, cell: number): number {
  const busy = time[at]! + time[at + 1]! + time[at + 2]!;
  if (busy < cell / 2) return -1;
  if (time[at + 1]! >= time[at]! && time[at + 1]! >= time[at + 2]!) return Role.Victim;
  return time[at + 2]! >= time[at]! ? Role.Culprit : Role.Other;
}
