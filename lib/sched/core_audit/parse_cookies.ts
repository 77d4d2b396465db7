/**
 * Names of trust groups from text: a line `NUMBER COOKIE` for each thread or process, the cookie in hexadecimal as
 * `prctl(PR_SCHED_CORE, PR_SCHED_CORE_GET)` gives it (`schedscope audit --cookies`), or any other word. Cookie 0 is none: such threads are
 * left out. Empty lines and what is behind a `#` do not count.
 *
 * Equal cookies mean that threads may share a core; the kernel's value says nothing else and is another one after each boot.
 *
 * Throws RangeError that names the line.
 *
 * @example
 * ```ts
 * import { parseCookies } from "@schedscope/schedscope/sched";
 * import assert from "node:assert/strict";
 *
 * const groups = parseCookies("# tid cookie\n1234 0xffff9c0a1\n1235 0xffff9c0a1\n1300 0\n");
 * assert.deepEqual([...groups], [[1234, "0xffff9c0a1"], [1235, "0xffff9c0a1"]]);
 * ```
 */
export function parseCookies(text: string): Map<number, string> {
  const groups = new Map<number, string>();
  text.split("\n").forEach((line, i) => {
    const words = line.replace(/#.*/, "").trim().split(/\s+/);
    if (words[0] === "") return;
    const [number, cookie] = words as [string, string | undefined];
    if (words.length !== 2 || !/^\d{1,10}$/.test(number)) {
      throw new RangeError(
        `Line ${i + 1}: expected the number of a thread and its cookie but found ${
          JSON.stringify(line.slice(0, 100))
        }`,
      );
    }
    if (!/^(?:0x)?0+$/.test(cookie!)) groups.set(Number(number), cookie!);
  });
  return groups;
}
