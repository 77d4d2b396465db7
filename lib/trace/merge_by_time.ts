/** The order in which rows of several lists follow each other in time. */
export interface MergedOrder {
  /** List of each row. */
  readonly list: Uint16Array;
  /** Row within that list. */
  readonly row: Uint32Array;
}

/**
 * Merges lists of stamps, each of them in rising order, into one order in time. Equal stamps keep the order
 * of the lists, and within a list the order of its rows.
 *
 * A binary heap of the lists' heads: n rows in k lists cost n log k compares, one where a list's run goes on.
 */
export function mergeByTime(
  lists: readonly { readonly ts: Float64Array; readonly length: number }[],
): MergedOrder {
  const total = lists.reduce((sum, { length }) => sum + length, 0);
  const outList = new Uint16Array(total);
  const outRow = new Uint32Array(total);
  const next = new Uint32Array(lists.length);
  const heads = new Float64Array(lists.length);
  const heap: number[] = [];
  const less = (x: number, y: number) => heads[x]! < heads[y]! || (heads[x] === heads[y] && x < y);
  const sink = (from: number) => {
    const moving = heap[from]!;
    let at = from;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && less(heap[child + 1]!, heap[child]!)) child++;
      if (!less(heap[child]!, moving)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = moving;
  };
  for (let list = 0; list < lists.length; list++) {
    if (lists[list]!.length === 0) continue;
    heads[list] = lists[list]!.ts[0]!;
    heap.push(list);
  }
  for (let at = (heap.length >> 1) - 1; at >= 0; at--) sink(at);
  for (let out = 0; out < total; out++) {
    const list = heap[0]!;
    const row = next[list]!++;
    outList[out] = list;
    outRow[out] = row;
    const { ts, length } = lists[list]!;
    if (row + 1 < length) heads[list] = ts[row + 1]!;
    else {
      const last = heap.pop()!;
      if (heap.length === 0) continue;
      heap[0] = last;
    }
    sink(0);
  }
  return { list: outList, row: outRow };
}
