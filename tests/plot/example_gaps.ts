import { DictColumn, Frame } from "../../lib/frame/mod.ts";

/** The name that must never become an element. */
export const HOSTILE = "<img src=x onerror=alert(1)>";

/** A stream of numbers in 0..1, the same for each seed (xorshift32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const CAUSES = ["queued", "preempted", "irq", "softirq", "steal", "migrated", "nothing scheduled"] as const;

/** Gaps of many lengths with a cause, most of them short and one of 47 ms. */
export function exampleGaps(rows = 2000) {
  const next = random(7);
  const dur = Float64Array.from({ length: rows }, () => 2000 * (1 - next()) ** -0.7);
  dur[rows - 1] = 47_123_456;
  return new Frame({
    ts: Float64Array.from({ length: rows }, (_, row) => 5e9 + row * 1e6),
    dur,
    tid: Int32Array.from({ length: rows }, () => 4000 + Math.floor(next() * 16)),
    comm: DictColumn.from(Array.from({ length: rows }, () => next() < 0.9 ? "spin" : HOSTILE)),
    kind: DictColumn.from(Array.from({ length: rows }, () => next() < 0.7 ? "run" : "wake")),
    cause: DictColumn.from(
      Array.from(dur, (ns) => ns > 1e5 ? CAUSES[Math.floor(next() * 3)]! : CAUSES[Math.floor(next() * 7)]!),
    ),
    culprit: DictColumn.from(Array.from({ length: rows }, () => next() < 0.5 ? "kworker/0:1" : HOSTILE)),
  });
}

/** Gap of {@linkcode exampleSlices}. */
export const EXAMPLE_GAP = { tid: 4007, from: 5.02e9, to: 5.067e9 };

/** Run slices of `cpus` CPUs over 0.1 s: thread 4007 `spin` does not run from 20 ms to 67 ms, because thread 99 does. */
export function exampleSlices(cpus = 4) {
  const next = random(11);
  const rows: { cpu: number; ts: number; dur: number; tid: number; comm: string }[] = [];
  const names = ["cc1", "make", "ksoftirqd/1", HOSTILE, "日本語のタスク"];
  for (let cpu = 0; cpu < cpus; cpu++) {
    let at = 5e9;
    const until = 5.1e9;
    while (at < until) {
      const idle = next() < 0.3;
      const dur = Math.min(until - at, (0.05 + next() ** 3 * 12) * 1e6);
      const who = Math.floor(next() * names.length);
      rows.push({ cpu, ts: at, dur, tid: idle ? 0 : 100 + who, comm: idle ? "swapper" : names[who]! });
      at += dur;
    }
  }
  const busy = rows.filter((row) => row.cpu !== 1);
  const { from, to } = EXAMPLE_GAP;
  const lane = [
    { ts: 5e9, to: from, tid: 4007, comm: "spin" },
    { ts: from, to: from + 22e6, tid: 99, comm: "fifo-hog" },
    { ts: from + 22e6, to: from + 23e6, tid: 101, comm: "make" },
    { ts: from + 23e6, to, tid: 99, comm: "fifo-hog" },
    { ts: to, to: 5.1e9, tid: 4007, comm: "spin" },
  ];
  for (const { ts, to, tid, comm } of lane) busy.push({ cpu: 1, ts, dur: to - ts, tid, comm });
  return new Frame({
    cpu: Uint16Array.from(busy, (row) => row.cpu),
    ts: Float64Array.from(busy, (row) => row.ts),
    dur: Float64Array.from(busy, (row) => row.dur),
    tid: Int32Array.from(busy, (row) => row.tid),
    comm: DictColumn.from(busy.map((row) => row.comm)),
  });
}

/** What thread 4007 of {@linkcode exampleSlices} did. */
export function exampleStates() {
  const { from, to } = EXAMPLE_GAP;
  return new Frame({
    ts: Float64Array.of(4.95e9, 5e9, from, to),
    dur: Float64Array.of(5e7, from - 5e9, to - from, 5.1e9 - to),
    state: DictColumn.from(["sleeping", "running", "woken", "running"]),
  });
}
