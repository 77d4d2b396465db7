import type { SchedStream } from "../../trace/stream.ts";

/** The order in which perf delivers the rows: time order, but for those that were written late. */
export function deliveryOrder(stream: SchedStream): Uint32Array | undefined {
  const late = stream.late ?? [];
  if (late.length === 0) return undefined;
  const { ts, length } = stream;
  const isLate = new Set(late.map(({ row }) => row));
  // In time order among themselves already; what waits for an earlier stamp comes first.
  const waiting = [...late].sort((x, y) => x.after - y.after || x.row - y.row);
  const order = new Uint32Array(length);
  let at = 0;
  let next = 0;
  for (let i = 0; i < length; i++) {
    while (next < waiting.length && ts[i]! > waiting[next]!.after) order[at++] = waiting[next++]!.row;
    if (!isLate.has(i)) order[at++] = i;
  }
  while (next < waiting.length) order[at++] = waiting[next++]!.row;
  return order;
}
