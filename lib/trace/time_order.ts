/**
 * The permutation that puts `keys` in ascending order, equal keys as they stand; undefined where they are in order
 * already. A merge sort over the runs that are there, which for the near-sorted stamps of a recording is close to
 * linear: only where neighbouring runs overlap is anything moved.
 *
 * With a `workspace` the result lies in it, until the next call with the same.
 */
export function timeOrder(keys: Float64Array, workspace: OrderWorkspace = {}): Uint32Array | undefined {
  const n = keys.length;
  let starts: number[] = [0];
  for (let i = 1; i < n; i++) if (keys[i]! < keys[i - 1]!) starts.push(i);
  workspace.runs = starts;
  if (starts.length === 1) return undefined;
  if (workspace.key === undefined || workspace.key.length < n) {
    workspace.key = new Float64Array(n);
    workspace.order = new Uint32Array(n);
  }
  const order = workspace.order!.subarray(0, n);
  if (starts.length <= 4) return mergeFew(keys, starts, order);
  const key = workspace.key.subarray(0, n);
  key.set(keys);
  for (let i = 0; i < n; i++) order[i] = i;
  const spare = workspace.spare ??= { key: new Float64Array(0), order: new Uint32Array(0) };
  while (starts.length > 1) {
    const next: number[] = [];
    for (let r = 0; r < starts.length; r += 2) {
      next.push(starts[r]!);
      if (r + 1 < starts.length) merge(key, order, starts[r]!, starts[r + 1]!, starts[r + 2] ?? n, spare);
    }
    starts = next;
  }
  return order;
}

/** Memory that {@linkcode timeOrder} uses again: touching new memory costs more than the sorting. */
export interface OrderWorkspace {
  key?: Float64Array;
  order?: Uint32Array;
  spare?: { key: Float64Array; order: Uint32Array };
  /** Where each ascending run of the keys began. */
  runs?: readonly number[];
}

/** Merges up to four ascending runs, as a round of a recording on two CPUs has them, without moving a key. */
function mergeFew(keys: Float64Array, starts: readonly number[], order: Uint32Array): Uint32Array {
  const n = keys.length;
  let i = 0;
  let j = starts[1]!;
  let k = starts[2] ?? n;
  let l = starts[3] ?? n;
  const iEnd = j;
  const jEnd = k;
  const kEnd = l;
  let a = keys[i]!;
  let b = keys[j]!;
  let c = k < kEnd ? keys[k]! : Infinity;
  let d = l < n ? keys[l]! : Infinity;
  for (let out = 0; out < n; out++) {
    if (a <= b && a <= c && a <= d) {
      order[out] = i++;
      a = i < iEnd ? keys[i]! : Infinity;
    } else if (b <= c && b <= d) {
      order[out] = j++;
      b = j < jEnd ? keys[j]! : Infinity;
    } else if (c <= d) {
      order[out] = k++;
      c = k < kEnd ? keys[k]! : Infinity;
    } else {
      order[out] = l++;
      d = l < n ? keys[l]! : Infinity;
    }
  }
  return order;
}

/** Merges the ascending runs [from, middle) and [middle, to) in place. */
function merge(
  key: Float64Array,
  order: Uint32Array,
  from: number,
  middle: number,
  to: number,
  spare: { key: Float64Array; order: Uint32Array },
): void {
  // What of the left run stays before the right run, and what of the right run stays after the left, need not move.
  const left = firstAbove(key, from, middle, key[middle]!);
  const right = firstNotBelow(key, middle, to, key[middle - 1]!);
  const size = middle - left;
  if (size === 0) return;
  if (spare.key.length < size) {
    spare.key = new Float64Array(size * 2);
    spare.order = new Uint32Array(size * 2);
  }
  const k = spare.key;
  const o = spare.order;
  k.set(key.subarray(left, middle));
  o.set(order.subarray(left, middle));
  let i = 0;
  let j = middle;
  let out = left;
  while (i < size && j < right) {
    if (key[j]! < k[i]!) {
      key[out] = key[j]!;
      order[out++] = order[j++]!;
    } else {
      key[out] = k[i]!;
      order[out++] = o[i++]!;
    }
  }
  while (i < size) {
    key[out] = k[i]!;
    order[out++] = o[i++]!;
  }
}

/** First index in the ascending [from, to) whose key is above `value`. */
export function firstAbove(key: Float64Array, from: number, to: number, value: number): number {
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (key[middle]! <= value) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** First index in the ascending [from, to) whose key is not below `value`. */
export function firstNotBelow(key: Float64Array, from: number, to: number, value: number): number {
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (key[middle]! < value) from = middle + 1;
    else to = middle;
  }
  return from;
}
