/** Most CPUs that a list may name; the kernel's own limit is 8192. */
const MOST = 65536;

/**
 * The CPUs of a list as the kernel and perf write it: `0,2-3` is 0, 2, 3. Ascending, each once; empty for empty text.
 *
 * Throws {@linkcode RangeError} for any other text.
 */
export function parseCpuList(text: string): number[] {
  const cpus = new Set<number>();
  if (text.trim() === "") return [];
  for (const part of text.split(",")) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part.trim());
    const from = Number(match?.[1]);
    const to = Number(match?.[2] ?? match?.[1]);
    if (match === null || to < from || to >= MOST) {
      throw new RangeError(`Expected a CPU list such as 0-3,8 but found ${JSON.stringify(text)}`);
    }
    for (let cpu = from; cpu <= to; cpu++) cpus.add(cpu);
  }
  return [...cpus].sort((x, y) => x - y);
}
