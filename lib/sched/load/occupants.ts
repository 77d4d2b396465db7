import { Kind } from "../../trace/stream.ts";
import type { Trace } from "../../trace/trace.ts";

/** Tid of a stretch of a CPU's time of which the trace does not tell who ran. */
export const UNKNOWN_TID = -1;

/** Who ran on every CPU, as changes in the order of time: from `ts[i]` on thread `tid[i]` had CPU `cpu[i]`, until the next of that CPU. */
export interface Occupants {
  /** CPUs that switched, ascending; of others nothing is known. */
  readonly cpus: Int32Array;
  /** ns since the epoch. The first change of each CPU is at the start of the trace's span. */
  readonly ts: Float64Array;
  readonly cpu: Uint16Array;
  /** 0 idle, {@linkcode UNKNOWN_TID} in a hole. */
  readonly tid: Int32Array;
}

/** Holes of one CPU that the stream does not have as rows, with a place in them. */
interface CpuHoles {
  readonly from: number[];
  readonly to: number[];
  next: number;
}

/**
 * Who ran on each CPU, in the order of time. Before its first switch a CPU ran whom that switch is from. From one switch to the
 * next nothing is known where the second is not from whom the first was to, or where records of the CPU were lost in between.
 */
export function occupants(trace: Trace): Occupants {
  const { from, to } = trace.span;
  const { kind, ts, cpu, a, c, length } = (trace.context ?? trace).stream;
  const holes = holesByCpu(trace.context ?? trace);
  let switches = 0;
  let most = -1;
  for (let i = 0; i < length; i++) {
    if (kind[i] !== Kind.Switch) continue;
    switches++;
    if (cpu[i]! > most) most = cpu[i]!;
  }
  const outTs = new Float64Array(switches);
  const outCpu = new Uint16Array(switches);
  const outTid = new Int32Array(switches);
  let rows = 0;
  // By CPU: who has it (-2: it did not switch yet), since when, and the row that says so (-1: it is the first one's).
  const current = new Int32Array(most + 1).fill(-2);
  const since = new Float64Array(most + 1);
  const row = new Int32Array(most + 1).fill(-1);
  const first = new Int32Array(most + 1).fill(-2);
  const hide = (on: number) => {
    if (row[on]! >= 0) outTid[row[on]!] = UNKNOWN_TID;
    else first[on] = UNKNOWN_TID;
  };
  for (let i = 0; i < length; i++) {
    const on = cpu[i]!;
    if (kind[i] === Kind.Lost) {
      if (on <= most && current[on] !== -2) hide(on);
      continue;
    }
    if (kind[i] !== Kind.Switch) continue;
    const t = ts[i]!;
    if (t > to) break;
    if (current[on] === -2) first[on] = a[i]!;
    else if (current[on] !== a[i]) hide(on);
    if (holes !== undefined && lostBetween(holes.get(on), since[on]!, t)) hide(on);
    current[on] = c[i]!;
    since[on] = t;
    if (t <= from) first[on] = c[i]!;
    else {
      row[on] = rows;
      outTs[rows] = t;
      outCpu[rows] = on;
      outTid[rows++] = c[i]!;
    }
  }
  const cpus = Int32Array.from(first.keys()).filter((on) => first[on] !== -2);
  if (holes !== undefined) {
    for (const on of cpus) {
      if (lostBetween(holes.get(on), since[on]!, to)) hide(on);
    }
  }
  const n = cpus.length;
  const all = {
    ts: new Float64Array(n + rows),
    cpu: new Uint16Array(n + rows),
    tid: new Int32Array(n + rows),
  };
  cpus.forEach((on, k) => {
    all.ts[k] = from;
    all.cpu[k] = on;
    all.tid[k] = first[on]!;
  });
  all.ts.set(outTs.subarray(0, rows), n);
  all.cpu.set(outCpu.subarray(0, rows), n);
  all.tid.set(outTid.subarray(0, rows), n);
  return { cpus, ...all };
}

/** Holes that the reader knows of, by CPU; undefined where there are none. Those of no CPU say how much is lost, not where. */
function holesByCpu(trace: Trace): Map<number, CpuHoles> | undefined {
  const placed = trace.knownHoles.filter((hole) => hole.cpu >= 0).sort((x, y) => x.from - y.from);
  if (placed.length === 0) return undefined;
  const holes = new Map<number, CpuHoles>();
  for (const { cpu, from, to } of placed) {
    const own = holes.get(cpu) ?? { from: [], to: [], next: 0 };
    own.from.push(from);
    own.to.push(to);
    holes.set(cpu, own);
  }
  return holes;
}

/** Whether one of `holes` touches `from` to `to`; calls come in the order of time. */
function lostBetween(holes: CpuHoles | undefined, from: number, to: number): boolean {
  if (holes === undefined) return false;
  while (holes.next < holes.to.length && holes.to[holes.next]! <= from) holes.next++;
  return holes.next < holes.to.length && holes.from[holes.next]! < to;
}
