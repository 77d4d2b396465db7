import { deflateRawSync } from "node:zlib";
import type { NumericColumn } from "../../frame/column.ts";
import { visibleText } from "../../frame/visible_text.ts";
import {
  FIRST_THREAD,
  type Header,
  IDLE,
  NOBODY,
  type Section,
  SECTIONS,
  State,
  VERSION,
} from "./protocol.ts";
import { VarintWriter } from "./varint.ts";

/** Run slices, sorted by CPU, then time; all columns have the same length. */
export interface WidgetRuns {
  /** CPU that ran it. */
  cpu: NumericColumn;
  /** Start, ns. */
  ts: NumericColumn;
  /** ns. */
  dur: NumericColumn;
  /** Thread; 0 is idle, -1 unknown. */
  tid: NumericColumn;
}

/** States of threads, sorted by thread, then time; all columns have the same length. */
export interface WidgetStates {
  /** Thread. */
  tid: NumericColumn;
  /** Start, ns. */
  ts: NumericColumn;
  /** ns. */
  dur: NumericColumn;
  /** 0 unknown, 1 running, 2 preempted, 3 woken, 4 sleeping, 5 blocked, 6 stopped: as in `THREAD_STATES`. */
  state: NumericColumn;
  /** CPU that it ran on, or was queued on; -1 unknown. */
  cpu: NumericColumn;
  /** Of a woken thread who woke it; 0 is idle, -1 unknown. */
  waker: NumericColumn;
  /** Of a woken thread: 0 unknown, 1 task, 2 irq, 3 softirq, 4 timer, 5 new. */
  source: NumericColumn;
  /** 1 where a row is cut by the edge of the recording, or touched by a hole. */
  censored: NumericColumn;
}

/** Gaps with their causes, in any order. */
export interface WidgetGaps {
  /** Start, ns. */
  ts: NumericColumn;
  /** ns. */
  dur: NumericColumn;
  /** Thread that did not run. */
  tid: NumericColumn;
  /** Name of the largest cause of each. */
  cause: ArrayLike<string>;
  /** Who took the most of each, in words; empty where nobody is known. */
  culprit: ArrayLike<string>;
  /** Its thread; -1 where it is none, or not known. */
  culpritTid: NumericColumn;
  /** Names of causes, and the ns that each took of each gap. */
  parts: readonly { cause: string; ns: NumericColumn }[];
}

/** Where records are missing. */
export interface WidgetHoles {
  /** -1 where all CPUs are meant. */
  cpu: NumericColumn;
  /** Why. */
  kind: ArrayLike<string>;
  /** First moment, ns. */
  from: NumericColumn;
  /** Last moment, ns. */
  to: NumericColumn;
  /** Records that are missing; 0 where it is not known. */
  lost: NumericColumn;
}

/** Everything that the widget shows. All times are ns since the trace's epoch. */
export interface WidgetInput {
  /** Text above the lanes. */
  title: string;
  /** A remark above the lanes, such as what was left out. Default nothing. */
  note?: string;
  /** First moment, ns; what reaches over it is cut. */
  from: number;
  /** Last moment, ns; what reaches over it is cut. */
  to: number;
  /** Who ran on the CPUs. */
  runs: WidgetRuns;
  /** What the threads did. */
  states: WidgetStates;
  /** Names of threads, in any order; a thread without one is shown by its number. `pid` -1 where it is not known. */
  threads: { tid: ArrayLike<number>; pid: ArrayLike<number>; comm: ArrayLike<string> };
  /** Gaps to mark. Default none. */
  gaps?: WidgetGaps;
  /** What to hatch. Default none. */
  holes?: WidgetHoles;
}

/** The packed data and what is in them. */
export interface WidgetData {
  /** Deflated; see `protocol.ts`. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Slices of CPUs and of threads. */
  slices: number;
  cpus: number;
  threads: number;
  gaps: number;
}

/** Packs `input` for the page: about four bytes a slice. All names are made harmless here. */
export function widgetData(input: WidgetInput): WidgetData {
  const { from, to, runs, states, title, note = "", gaps, holes } = input;
  const whole = (ts: number) => Math.max(0, Math.min(length, Math.round(ts - from)));
  const length = Math.max(0, Math.round(to - from));
  const people = new People(input);
  const writers = Object.fromEntries(SECTIONS.map((name) => [name, new VarintWriter()])) as Record<
    Section,
    VarintWriter
  >;

  const { cpuTime, cpuWho, threadTime, threadWhat, threadCpu, threadWaker } = writers;
  const cpu: number[] = [];
  const cpuRows: number[] = [];
  for (const { key, first, end } of groups(runs.cpu)) {
    const rows = lane(
      runs,
      first,
      end,
      whole,
      cpuTime,
      (row) => cpuWho.put(row < 0 ? IDLE : people.of(runs.tid[row]!)),
    );
    if (rows === 0) continue;
    cpu.push(key);
    cpuRows.push(rows);
  }
  const threadRows = new Array<number>(people.tid.length).fill(0);
  const ranges = new Map<number, { first: number; end: number }>();
  for (const { key, first, end } of groups(states.tid)) ranges.set(key, { first, end });
  people.tid.forEach((tid, index) => {
    const range = ranges.get(tid);
    if (range === undefined) return;
    threadRows[index] = lane(states, range.first, range.end, whole, threadTime, (row) => {
      if (row < 0) {
        threadWhat.put(State.Dead);
        threadCpu.put(0);
        return;
      }
      const state = states.state[row]!;
      threadWhat.put(state | (states.source[row]! << 3) | (states.censored[row] === 1 ? 64 : 0));
      threadCpu.put(states.cpu[row]! + 1);
      if (state === State.Woken) threadWaker.put(people.of(states.waker[row]!));
    });
  });

  const causes = new Words();
  const culprits = new Words();
  const shownGaps = gaps === undefined ? 0 : putGaps(gaps, from, to, writers.gaps, people, causes, culprits);
  const holeKinds = new Words();
  const shownHoles = holes === undefined ? 0 : putHoles(holes, from, to, writers.holes, holeKinds);
  const bytes = Object.fromEntries(
    SECTIONS.map((name) => [name, writers[name].finish()]),
  ) as Record<Section, Uint8Array>;
  const header: Header = {
    version: VERSION,
    title: visibleText(title),
    note: visibleText(note),
    from,
    length,
    cpu,
    cpuRows,
    tid: people.tid,
    pid: people.pid,
    comm: people.comm.map(visibleText),
    threadRows,
    gaps: shownGaps,
    gapParts: gaps?.parts.length ?? 0,
    causes: causes.list,
    culprits: culprits.list.map(visibleText),
    holes: shownHoles,
    holeKinds: holeKinds.list,
    bytes: Object.fromEntries(SECTIONS.map((name) => [name, bytes[name].length])) as Record<Section, number>,
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const packed = new Uint8Array(SECTIONS.reduce((sum, name) => sum + bytes[name].length, 4 + text.length));
  new DataView(packed.buffer).setUint32(0, text.length, true);
  packed.set(text, 4);
  let at = 4 + text.length;
  for (const name of SECTIONS) {
    packed.set(bytes[name], at);
    at += bytes[name].length;
  }
  const sum = (rows: readonly number[]) => rows.reduce((total, count) => total + count, 0);
  return {
    bytes: new Uint8Array(deflateRawSync(packed, { level: 4 })),
    slices: sum(cpuRows) + sum(threadRows),
    cpus: cpu.length,
    threads: threadRows.filter((rows) => rows > 0).length,
    gaps: shownGaps,
  };
}

/** Stretches of equal values in `keys`. */
function* groups(keys: NumericColumn): Generator<{ key: number; first: number; end: number }> {
  for (let first = 0; first < keys.length;) {
    const key = keys[first]!;
    let end = first + 1;
    while (end < keys.length && keys[end] === key) end++;
    yield { key, first, end };
    first = end;
  }
}

/**
 * Writes the boundaries of the slices `first` to `end` and has `put` write each slice: its row, or -1 for time between two rows. Rows that
 * overlap are cut, empty ones left out. Returns how many slices there are.
 */
function lane(
  columns: { ts: NumericColumn; dur: NumericColumn },
  first: number,
  end: number,
  whole: (ts: number) => number,
  time: VarintWriter,
  put: (row: number) => void,
): number {
  const { ts, dur } = columns;
  let rows = 0;
  let last = -1;
  for (let row = first; row < end; row++) {
    const begin = Math.max(last, whole(ts[row]!));
    const until = whole(ts[row]! + dur[row]!);
    if (until <= begin) continue;
    if (last < 0) time.put(begin);
    else if (begin > last) {
      time.put(begin - last);
      put(-1);
      rows++;
    }
    time.put(until - begin);
    put(row);
    rows++;
    last = until;
  }
  return rows;
}

/** The threads of the widget, those that wanted to run for the longest time first. */
class People {
  readonly tid: number[];
  readonly pid: number[];
  readonly comm: string[];
  readonly #index: Int32Array;

  constructor({ states, runs, threads, gaps, from, to }: WidgetInput) {
    let most = 0;
    const columns = [states.tid, states.waker, runs.tid, gaps?.tid ?? [], gaps?.culpritTid ?? []];
    for (const column of columns) for (let i = 0; i < column.length; i++) most = Math.max(most, column[i]!);
    const wanted = new Float64Array(most + 1).fill(-1);
    for (const column of columns) for (let i = 0; i < column.length; i++) wanted[column[i]!] = 0;
    const { tid, ts, dur, state } = states;
    for (let i = 0; i < tid.length; i++) {
      const code = state[i]!;
      if (code >= State.Running && code <= State.Woken) {
        wanted[tid[i]!]! += Math.max(0, Math.min(to, ts[i]! + dur[i]!) - Math.max(from, ts[i]!));
      }
    }
    const list: number[] = [];
    for (let id = 1; id <= most; id++) if (wanted[id]! >= 0) list.push(id);
    list.sort((x, y) => wanted[y]! - wanted[x]! || x - y);
    this.#index = new Int32Array(most + 1).fill(NOBODY);
    list.forEach((id, at) => this.#index[id] = at + FIRST_THREAD);
    this.#index[0] = IDLE;
    this.tid = list;
    this.pid = list.map(() => -1);
    this.comm = list.map(() => "");
    for (let i = 0; i < threads.tid.length; i++) {
      const at = this.of(threads.tid[i]!) - FIRST_THREAD;
      if (at < 0) continue;
      this.pid[at] = threads.pid[i]!;
      this.comm[at] = threads.comm[i]!;
    }
  }

  /** The number by which a slice names thread `tid`. */
  of(tid: number): number {
    return this.#index[tid] ?? NOBODY;
  }
}

/** A list of words, each once. */
class Words {
  readonly list: string[] = [];
  readonly #index = new Map<string, number>();

  of(word: string): number {
    let index = this.#index.get(word);
    if (index === undefined) this.#index.set(word, index = this.list.push(word) - 1);
    return index;
  }
}

function putGaps(
  gaps: WidgetGaps,
  from: number,
  to: number,
  writer: VarintWriter,
  people: People,
  causes: Words,
  culprits: Words,
): number {
  const rows: number[] = [];
  for (let row = 0; row < gaps.ts.length; row++) {
    if (gaps.ts[row]! < to && gaps.ts[row]! + gaps.dur[row]! > from) rows.push(row);
  }
  rows.sort((x, y) => gaps.ts[x]! - gaps.ts[y]!);
  // The causes come first in the dictionary, so that the parts need no names of their own.
  for (const { cause } of gaps.parts) causes.of(cause);
  let last = 0;
  for (const row of rows) {
    const begin = Math.round(Math.max(from, gaps.ts[row]!) - from);
    const end = Math.round(Math.min(to, gaps.ts[row]! + gaps.dur[row]!) - from);
    writer.put(begin - last);
    writer.put(Math.max(0, end - begin));
    writer.put(Math.max(0, Math.round(gaps.dur[row]!)));
    writer.put(people.of(gaps.tid[row]!));
    writer.put(causes.of(gaps.cause[row]!));
    writer.put(culprits.of(gaps.culprit[row]!));
    writer.put(people.of(gaps.culpritTid[row]!));
    for (const { ns } of gaps.parts) writer.put(Math.max(0, Math.round(ns[row]!)));
    last = begin;
  }
  return rows.length;
}

function putHoles(
  holes: WidgetHoles,
  from: number,
  to: number,
  writer: VarintWriter,
  kinds: Words,
): number {
  let shown = 0;
  for (let row = 0; row < holes.from.length; row++) {
    const begin = Math.max(from, holes.from[row]!);
    const end = Math.min(to, holes.to[row]!);
    if (begin > end) continue;
    writer.put(holes.cpu[row]! + 1);
    writer.put(kinds.of(holes.kind[row]!));
    writer.put(Math.round(begin - from));
    writer.put(Math.round(end - begin));
    writer.put(Math.max(0, holes.lost[row]!));
    shown++;
  }
  return shown;
}
