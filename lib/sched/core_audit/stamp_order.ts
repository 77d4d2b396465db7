import { sortOrder } from "../../frame/sort_order.ts";

/** Stamps in one bucket up to which they are put in order one by one. */
const FEW = 24;

/**
 * Rows of `ts` by their stamp, equal stamps as they stand. Stamps of a recording are spread over its time: a bucket for every two of
 * them leaves little to do within a bucket, and is four times as fast as a sort by radix that knows nothing of them.
 */
export function stampOrder(ts: Float64Array): Uint32Array {
  let from = Infinity;
  let to = -Infinity;
  for (let i = 0; i < ts.length; i++) {
    if (ts[i]! < from) from = ts[i]!;
    if (ts[i]! > to) to = ts[i]!;
  }
  const buckets = Math.max(1, ts.length >>> 1);
  const scale = to > from ? (buckets - 1) / (to - from) : 0;
  const start = new Uint32Array(buckets + 1);
  for (let i = 0; i < ts.length; i++) start[Math.floor((ts[i]! - from) * scale) + 1]!++;
  for (let bucket = 0; bucket < buckets; bucket++) start[bucket + 1]! += start[bucket]!;
  const order = new Uint32Array(ts.length);
  const put = start.slice();
  for (let i = 0; i < ts.length; i++) order[put[Math.floor((ts[i]! - from) * scale)]!++] = i;
  for (let bucket = 0; bucket < buckets; bucket++) {
    const first = start[bucket]!;
    const end = start[bucket + 1]!;
    if (end - first > FEW) {
      const rows = order.slice(first, end);
      sortOrder(Float64Array.from(rows, (row) => ts[row]!)).forEach((at, i) => order[first + i] = rows[at]!);
      continue;
    }
    for (let i = first + 1; i < end; i++) {
      const row = order[i]!;
      const stamp = ts[row]!;
      let at = i;
      for (; at > first && ts[order[at - 1]!]! > stamp; at--) order[at] = order[at - 1]!;
      order[at] = row;
    }
  }
  return order;
}
