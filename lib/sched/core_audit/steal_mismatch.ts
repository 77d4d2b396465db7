import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { type StateColumns, states } from "../states.ts";
import { type GroupBy, threadGroups } from "../thread_groups.ts";
import { type Gang, gangsIn, gangTids, Member, MEMBER_DOES } from "./gang_members.ts";

/** Columns of {@linkcode stealMismatch}. Every time is in ns. */
export type StealMismatchColumns = {
  /** Start of the window, ns since the epoch. */
  ts: Ns;
  /** Group, such as a virtual machine. */
  group: DictColumn;
  /** Its members that were there all the window: its virtual CPUs, or where it has none all of its threads. */
  members: Int32Array;
  /** Time that the member waited that waited least: the steal that its virtual CPU sees. */
  least: Ns;
  /** The same of the one that waited most. */
  most: Ns;
  /** `most` less `least`. */
  mismatch: Ns;
  /** Thread that waited most. */
  tid: Int32Array;
  /** 1 where the trace does not tell for some of the window what a member did. */
  censored: Uint8Array;
};

/** Options of {@linkcode stealMismatch}. */
export interface StealMismatchOptions {
  /** What makes threads a gang. Default `vm`. */
  groups?: GroupBy;
  /** Length of a window, ns. Default 100 ms, or the span where that is shorter. */
  window?: number;
}

const WINDOW = 100e6;
/** Cells (windows times members) of one group. */
const MOST_CELLS = 5e7;

/**
 * How unequally a machine's virtual CPUs were kept waiting, window by window: the time that each one's thread was runnable and did not
 * run on the host is what the guest sees as its steal. A guest that spreads its work by what its CPUs have left, and whose CPUs
 * have steal of their own, is misled by the difference.
 *
 * Windows follow one another from the start of the span; what is left behind the last whole one is left out. Rows are by group, then
 * time. Needs `sched:sched_switch`, and `sched:sched_waking` or `sched:sched_wakeup`. Throws `MissingEventError`, and RangeError for a
 * window that is not above 0, or so short that the table would not fit into memory.
 */
export function stealMismatch(trace: Trace, options: StealMismatchOptions = {}): Frame<StealMismatchColumns> {
  const tids = gangTids(trace, threadGroups(trace, options.groups ?? "vm"));
  const lives = states(trace, { tids: [...tids.values()].flat() });
  return stealMismatchOf(lives, gangsIn(lives, tids), trace.span, options.window);
}

/** {@linkcode stealMismatch} of members whose states are known. */
export function stealMismatchOf(
  lives: Frame<StateColumns>,
  gangs: readonly Gang[],
  span: { readonly from: number; readonly to: number },
  window: number = WINDOW,
): Frame<StealMismatchColumns> {
  if (!(window > 0)) throw new RangeError(`Expected a window above 0 ns but found ${window}`);
  const whole = span.to - span.from;
  const length = Math.min(window, whole);
  const windows = length === 0 ? 0 : Math.floor(whole / length);
  const names: string[] = [];
  const rows = { ts: [], group: [], members: [], least: [], most: [], tid: [], censored: [] } as Record<
    "ts" | "group" | "members" | "least" | "most" | "tid" | "censored",
    number[]
  >;
  for (const gang of gangs) {
    const members = gang.tids.length;
    if (windows * members > MOST_CELLS) {
      throw new RangeError(
        `Expected at most ${MOST_CELLS} windows times members but found ${windows} windows of ${window} ns for ` +
          `${members} members of ${JSON.stringify(gang.name)}: take longer windows`,
      );
    }
    const group = names.push(gang.name) - 1;
    const times = gang.tids.map((_, who) => memberTimes(lives, gang, who, span.from, length, windows));
    for (let w = 0; w < windows; w++) {
      // A member that was made or ended in the window had less time to wait.
      let [there, least, most, longest, censored] = [0, Infinity, -1, -1, 0];
      times.forEach(({ waits, lived, unknown }, who) => {
        if (lived[w]! < length * (1 - 1e-9)) return;
        there++;
        if (unknown[w] === 1) censored = 1;
        if (waits[w]! < least) least = waits[w]!;
        if (waits[w]! > most) [most, longest] = [waits[w]!, who];
      });
      if (there < 2) continue;
      rows.ts.push(span.from + w * length);
      rows.group.push(group);
      rows.members.push(there);
      rows.least.push(least);
      rows.most.push(most);
      rows.tid.push(gang.tids[longest]!);
      rows.censored.push(censored);
    }
  }
  return new Frame<StealMismatchColumns>({
    ts: ns(Float64Array.from(rows.ts)),
    group: new DictColumn(Uint32Array.from(rows.group), names),
    members: Int32Array.from(rows.members),
    least: ns(Float64Array.from(rows.least)),
    most: ns(Float64Array.from(rows.most)),
    mismatch: ns(Float64Array.from(rows.most, (most, row) => most - rows.least[row]!)),
    tid: Int32Array.from(rows.tid),
    censored: Uint8Array.from(rows.censored),
  });
}

/** What member `who` did in each window: ns for which it waited and for which it was there, and whether that is not known. */
function memberTimes(
  lives: Frame<StateColumns>,
  gang: Gang,
  who: number,
  from: number,
  length: number,
  windows: number,
) {
  const ts = lives.column("ts");
  const dur = lives.column("dur");
  const state = lives.column("state").codes;
  const waits = new Float64Array(windows);
  const lived = new Float64Array(windows);
  const unknown = new Uint8Array(windows);
  for (let row = gang.first[who]!; row < gang.last[who]!; row++) {
    const does = MEMBER_DOES[state[row]!]!;
    const start = ts[row]! - from;
    const end = start + dur[row]!;
    for (let w = Math.floor(start / length); w < windows && w * length < end; w++) {
      const time = Math.min(end, (w + 1) * length) - Math.max(start, w * length);
      lived[w]! += time;
      if (does === Member.Waits) waits[w]! += time;
      else if (does === Member.Unknown) unknown[w] = 1;
    }
  }
  return { waits, lived, unknown };
}
