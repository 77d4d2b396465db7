import { firstAbove } from "../trace/time_order.ts";
import { Kind, type SchedStream } from "../trace/stream.ts";

/** Who ran on one CPU: slice `i` lasts from `ts[i]` to `ts[i + 1]` (the last one to the end of the trace). */
export interface CpuSlices {
  /** ns since the epoch; ascending. */
  readonly ts: Float64Array;
  /** Thread that was switched in; 0 is idle. */
  readonly tid: Int32Array;
  /**
   * Thread that the next switch was from. Where it is not `tid`, switches between are missing: `tid` ran first, `last` ran last,
   * and nobody recorded what was between. -1 where records of the CPU were lost meanwhile. For the CPU's last slice it is `tid`.
   */
  readonly last: Int32Array;
  /** Which `sched_switch` of the trace (row of `trace.switches`) began the slice. */
  readonly row: Uint32Array;
}

/** Splits the switches of `stream` by CPU. The result is indexed by CPU number; a CPU never seen has no slices. */
export function cpuOccupancy(stream: SchedStream): CpuSlices[] {
  const { kind, cpu, ts, a, c, length } = stream;
  let cpus = 0;
  for (let i = 0; i < length; i++) if (kind[i] === Kind.Switch && cpu[i]! >= cpus) cpus = cpu[i]! + 1;
  const count = new Uint32Array(cpus);
  for (let i = 0; i < length; i++) if (kind[i] === Kind.Switch) count[cpu[i]!]!++;
  const slices = Array.from(count, (n) => ({
    ts: new Float64Array(n),
    tid: new Int32Array(n),
    last: new Int32Array(n),
    row: new Uint32Array(n),
  }));
  const filled = new Uint32Array(cpus);
  const lost = new Uint8Array(cpus);
  for (let i = 0, row = 0; i < length; i++) {
    const on = cpu[i]!;
    if (kind[i] === Kind.Lost && on < cpus) lost[on] = 1;
    if (kind[i] !== Kind.Switch) continue;
    const slice = slices[on]!;
    const at = filled[on]!++;
    if (at > 0) slice.last[at - 1] = lost[on] === 1 ? -1 : a[i]!;
    lost[on] = 0;
    slice.ts[at] = ts[i]!;
    slice.tid[at] = c[i]!;
    slice.last[at] = c[i]!;
    slice.row[at] = row++;
  }
  for (let on = 0; on < cpus; on++) {
    if (lost[on] === 1 && count[on]! > 0) slices[on]!.last[count[on]! - 1] = -1;
  }
  return slices;
}

/** Index of the slice that holds `time`; -1 where `time` is before the first. */
export function sliceAt(slices: CpuSlices, time: number): number {
  return firstAbove(slices.ts, 0, slices.ts.length, time) - 1;
}
