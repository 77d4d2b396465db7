/** Most CPU time in ms that reading `size` bytes may take: a second for each MB, and a second in any case. */
export function timeBound(size: number): number {
  return 1000 * Math.max(1, size / 1e6);
}

/** Most memory in bytes that reading `size` bytes may take. */
export function memoryBound(size: number): number {
  return 2 ** 29 + 16 * size;
}
