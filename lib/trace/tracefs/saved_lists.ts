import { traceText } from "../trace_text.ts";

/** Reads `saved_cmdlines`: a thread id, a space and its name in each line. Lines of other forms are left out. */
export function parseSavedNames(bytes: Uint8Array): Map<number, string> {
  const names = new Map<number, string>();
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline;
    let at = start;
    let tid = 0;
    for (; at < end && bytes[at]! >= 48 && bytes[at]! <= 57; at++) tid = tid * 10 + bytes[at]! - 48;
    if (at > start && bytes[at] === 32 && tid <= 0x7fff_ffff) names.set(tid, traceText(bytes, at + 1, end));
    start = end + 1;
  }
  return names;
}

/** Reads `saved_tgids`: a thread id, a space and its process id in each line. */
export function parseSavedProcesses(text: string): Map<number, number> {
  const processes = new Map<number, number>([[0, 0]]);
  for (const match of text.matchAll(/^(\d{1,9}) (\d{1,9})$/gm)) {
    processes.set(Number(match[1]), Number(match[2]));
  }
  return processes;
}
