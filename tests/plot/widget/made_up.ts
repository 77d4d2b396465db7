import { State } from "../../../lib/plot/widget/protocol.ts";
import type { WidgetInput } from "../../../lib/plot/widget/widget_data.ts";
import { randomFrom } from "../../seeded.ts";

/** Shape of {@linkcode madeUp}. */
export interface MadeUpOptions {
  /** About so many slices in all, a quarter of them of CPUs. */
  slices: number;
  /** Default 8. */
  cpus?: number;
  /** Threads of each CPU. Default 25. */
  threads?: number;
}

/**
 * Columns for the widget as a busy machine would make them: on each CPU threads take turns, each woken by the one that runs before it
 * does. The same options give the same columns.
 */
export function madeUp(options: MadeUpOptions): WidgetInput {
  const { slices, cpus = 8, threads = 25 } = options;
  const turns = Math.ceil(slices / 4 / cpus);
  const random = randomFrom(42);
  const runs = {
    cpu: new Uint16Array(cpus * turns),
    ts: new Float64Array(cpus * turns),
    dur: new Float64Array(cpus * turns),
    tid: new Int32Array(cpus * turns),
  };
  for (let cpu = 0, row = 0; cpu < cpus; cpu++) {
    let now = random(1000);
    let last = -1;
    for (let turn = 0; turn < turns; turn++, row++) {
      let thread = random(threads);
      if (thread === last) thread = (thread + 1) % threads;
      last = thread;
      runs.cpu[row] = cpu;
      runs.ts[row] = now;
      runs.dur[row] = 500 + random(20_000) * (random(50) === 0 ? 20 : 1);
      runs.tid[row] = 1000 + cpu * threads + thread;
      // Now and then the CPU idles between two turns.
      now += runs.dur[row]! + (random(8) === 0 ? random(30_000) : 0);
    }
  }
  const rows = cpus * turns * 3;
  const count = new Uint32Array(cpus * threads + 1);
  for (const tid of runs.tid) count[tid - 1000 + 1]! += 3;
  for (let i = 1; i < count.length; i++) count[i]! += count[i - 1]!;
  const states = {
    tid: new Int32Array(rows),
    ts: new Float64Array(rows),
    dur: new Float64Array(rows),
    state: new Uint8Array(rows),
    cpu: new Int32Array(rows),
    waker: new Int32Array(rows).fill(-1),
    source: new Uint8Array(rows),
    censored: new Uint8Array(rows),
  };
  const ended = new Float64Array(cpus * threads);
  for (let turn = 0; turn < runs.tid.length; turn++) {
    const tid = runs.tid[turn]!;
    const begin = runs.ts[turn]!;
    const before = turn > 0 && runs.cpu[turn - 1] === runs.cpu[turn] ? turn - 1 : -1;
    const since = ended[tid - 1000]!;
    const woken = Math.max(since, before < 0 ? since : runs.ts[before]! + Math.floor(runs.dur[before]! / 2));
    let row = count[tid - 1000]!;
    count[tid - 1000]! += 3;
    const put = (state: number, from: number, to: number) => {
      states.tid[row] = tid;
      states.ts[row] = from;
      states.dur[row] = to - from;
      states.state[row] = state;
      states.cpu[row++] = runs.cpu[turn]!;
    };
    put(State.Sleeping, since, woken);
    states.waker[row] = before < 0 ? -1 : runs.tid[before]!;
    states.source[row] = 1;
    put(State.Woken, woken, begin);
    put(State.Running, begin, begin + runs.dur[turn]!);
    ended[tid - 1000] = begin + runs.dur[turn]!;
  }
  const tid = Int32Array.from({ length: cpus * threads }, (_, i) => 1000 + i);
  return {
    title: "Made up",
    from: 0,
    to: ended.reduce((last, end) => Math.max(last, end), 0),
    runs,
    states,
    threads: { tid, pid: tid, comm: Array.from(tid, (id) => `worker-${id % 7}`) },
  };
}
