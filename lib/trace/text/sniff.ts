import { EventLine } from "./event_line.ts";

/** Which of the texts it is. */
export type TextFormat = "ftrace text" | "perf script text" | "perf sched timehist text";

const TIMEHIST = /^ *\d{1,10}\.\d{6} +\[\d{4,5}\] /;

/** What a text is that begins with `head`; undefined where no line of it is one of a trace. */
export function sniff(head: Uint8Array): TextFormat | undefined {
  // A text has no NUL in its first line; what is binary is told early.
  if (head.subarray(0, 256).includes(0)) return undefined;
  const line = new EventLine();
  for (let from = 0, lines = 0; from < head.length && lines < 1000; lines++) {
    const found = head.indexOf(10, from);
    const to = found < 0 ? head.length : found;
    if (to - from < 4096) {
      const text = String.fromCharCode(...head.subarray(from, Math.min(to, from + 64)));
      if (text.startsWith("# tracer:")) return "ftrace text";
      if (text.startsWith("# ========")) return "perf script text";
      if (TIMEHIST.test(text)) return "perf sched timehist text";
      if (head[from] !== 0x23 && line.parse(head, from, to)) {
        return head[line.commTo] === 0x2d ? "ftrace text" : "perf script text";
      }
    }
    from = to + 1;
  }
  return undefined;
}
