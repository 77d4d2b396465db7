import { State } from "../../../lib/plot/widget/protocol.ts";
import type { WidgetInput } from "../../../lib/plot/widget/widget_data.ts";

/**
 * Two CPUs, three threads, 100 µs. At 10 µs an interrupt wakes `parent`, which runs 2 µs later on CPU 1 and at 20 µs wakes `worker`; that
 * waits 20 µs for CPU 0 behind `hog`. Of 60 to 70 µs records of CPU 1 are lost. Each thread sleeps whenever it does nothing else.
 * Names can be replaced, and everything can be multiplied in time.
 */
export function storyWidgetInput(
  names: { parent?: string; worker?: string; hog?: string } = {},
  times = 1,
): WidgetInput {
  const { parent = "parent", worker = "worker", hog = "hog" } = names;
  const ns = (...values: number[]) => Float64Array.from(values, (value) => value * times);
  const { Unknown, Running, Woken, Sleeping } = State;
  return {
    title: "Why the worker was late",
    from: 0,
    to: 100_000 * times,
    runs: {
      cpu: Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1),
      ts: ns(0, 20_000, 40_000, 70_000, 0, 12_000, 30_000, 90_000),
      dur: ns(20_000, 20_000, 30_000, 30_000, 12_000, 18_000, 60_000, 10_000),
      tid: Int32Array.of(0, 40, 30, 0, 0, 20, -1, 20),
    },
    states: {
      tid: Int32Array.of(20, 20, 20, 20, 20, 30, 30, 30, 30, 40, 40, 40),
      ts: ns(0, 10_000, 12_000, 30_000, 90_000, 0, 20_000, 40_000, 70_000, 0, 20_000, 40_000),
      dur: ns(10_000, 2_000, 18_000, 60_000, 10_000, 20_000, 20_000, 30_000, 30_000, 20_000, 20_000, 60_000),
      state: Uint8Array.of(
        ...[Sleeping, Woken, Running, Unknown, Running],
        ...[Sleeping, Woken, Running, Sleeping],
        ...[Sleeping, Running, Sleeping],
      ),
      cpu: Int32Array.of(1, 1, 1, -1, 1, 0, 0, 0, 0, 0, 0, 0),
      waker: Int32Array.of(-1, 0, -1, -1, -1, -1, 20, -1, -1, -1, -1, -1),
      source: Uint8Array.of(2, 2, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0),
      censored: Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    },
    threads: { tid: [20, 30, 40], pid: [20, 20, 40], comm: [parent, worker, hog] },
    gaps: {
      ts: ns(20_000),
      dur: ns(20_000),
      tid: Int32Array.of(30),
      cause: ["queued"],
      culprit: [`${hog}[40]`],
      culpritTid: Int32Array.of(40),
      parts: [{ cause: "queued", ns: ns(15_000) }, { cause: "preempted", ns: ns(0) }, {
        cause: "waking",
        ns: ns(5_000),
      }],
    },
    holes: {
      cpu: Int32Array.of(1),
      kind: ["lost"],
      from: ns(60_000),
      to: ns(70_000),
      lost: Int32Array.of(12),
    },
  };
}
