import { firstAbove } from "../../trace/time_order.ts";
import { THREAD_STATES } from "../states.ts";
import type { AuditInput } from "./audit_input.ts";
import { type CpuTimeline, IDLE } from "./cpu_timeline.ts";

/** Threads that waited for a CPU while it idled: waits of the same idle slice follow one another, by their start. */
export interface IdleWaits {
  /** ns since the epoch, within the slice. */
  readonly from: Float64Array;
  readonly to: Float64Array;
  /** Idle slice of the CPU's timeline. */
  readonly slice: Int32Array;
  /** Group of the thread that waited. */
  readonly group: Int32Array;
  /** 1 where a hole or an edge touches the wait. */
  readonly censored: Uint8Array;
}

const PREEMPTED = THREAD_STATES.indexOf("preempted");
const WOKEN = THREAD_STATES.indexOf("woken");

/** The waits for each CPU of the audit's cores. */
export function idleWaits(input: AuditInput): Map<number, IdleWaits> {
  const lives = input.lives();
  const state = lives.column("state").codes;
  const cpu = lives.column("cpu");
  const ts = lives.column("ts");
  const dur = lives.column("dur");
  const found: (Found | undefined)[] = [];
  for (const timeline of input.timelines.values()) found[timeline.cpu] = new Found(timeline);
  for (let row = 0; row < state.length; row++) {
    if (state[row] !== PREEMPTED && state[row] !== WOKEN) continue;
    const waits = found[cpu[row]!];
    if (waits !== undefined) waits.take(row, ts[row]!, ts[row]! + dur[row]!);
  }
  return new Map(
    found.flatMap((waits) => waits === undefined ? [] : [[waits.timeline.cpu, waits.waits(input)]]),
  );
}

/** Waits for one CPU while it idled, in the order in which they are found. */
class Found {
  readonly timeline: CpuTimeline;
  #length = 0;
  #row = new Uint32Array(256);
  #slice = new Uint32Array(256);
  /** The idle slices and when each of them ends: where a CPU is busy there are few to look through. */
  readonly #idle: Uint32Array;
  readonly #end: Float64Array;

  constructor(timeline: CpuTimeline) {
    this.timeline = timeline;
    const { ts, group } = timeline;
    let idle = 0;
    for (let slice = 0; slice < group.length; slice++) if (group[slice] === IDLE) idle++;
    this.#idle = new Uint32Array(idle);
    this.#end = new Float64Array(idle);
    for (let slice = group.length - 1; slice >= 0; slice--) {
      if (group[slice] !== IDLE) continue;
      this.#idle[--idle] = slice;
      this.#end[idle] = ts[slice + 1]!;
    }
  }

  /** The wait of row `row` of the audit's states. */
  take(row: number, from: number, to: number): void {
    const idle = this.#idle;
    for (let i = firstAbove(this.#end, 0, idle.length, from); i < idle.length; i++) {
      if (this.timeline.ts[idle[i]!]! >= to) break;
      this.#add(row, idle[i]!);
    }
  }

  waits(input: AuditInput): IdleWaits {
    const lives = input.lives();
    const ts = lives.column("ts");
    const dur = lives.column("dur");
    const tid = lives.column("tid");
    const cut = lives.column("censored");
    const { ts: start, group: runs } = this.timeline;
    // Put in order by counting: the slices are in the order of time.
    const put = new Uint32Array(runs.length + 1);
    for (let i = 0; i < this.#length; i++) put[this.#slice[i]! + 1]!++;
    for (let at = 0; at < runs.length; at++) put[at + 1]! += put[at]!;
    const first = put.slice();
    const from = new Float64Array(this.#length);
    const to = new Float64Array(this.#length);
    const slice = new Int32Array(this.#length);
    const group = new Int32Array(this.#length);
    const censored = new Uint8Array(this.#length);
    for (let i = 0; i < this.#length; i++) {
      const row = this.#row[i]!;
      const at = this.#slice[i]!;
      const begin = Math.max(ts[row]!, start[at]!);
      slice[put[at]!] = at;
      let k = put[at]!++;
      for (; k > first[at]! && from[k - 1]! > begin; k--) {
        from[k] = from[k - 1]!;
        to[k] = to[k - 1]!;
        group[k] = group[k - 1]!;
        censored[k] = censored[k - 1]!;
      }
      from[k] = begin;
      to[k] = Math.min(ts[row]! + dur[row]!, start[at + 1]!);
      group[k] = input.groupOf(tid[row]!);
      censored[k] = cut[row]!;
    }
    return { from, to, slice, group, censored };
  }

  #add(row: number, slice: number): void {
    if (this.#length === this.#row.length) {
      const wider = (column: Uint32Array<ArrayBuffer>) => {
        const out = new Uint32Array(column.length * 2);
        out.set(column);
        return out;
      };
      this.#row = wider(this.#row);
      this.#slice = wider(this.#slice);
    }
    this.#row[this.#length] = row;
    this.#slice[this.#length++] = slice;
  }
}
