import assert from "node:assert/strict";
import { criticalPath } from "../../lib/sched/critical_path.ts";
import { latency } from "../../lib/sched/latency/latency.ts";
import { waits } from "../../lib/sched/latency/waits.ts";
import { states, THREAD_STATES } from "../../lib/sched/states.ts";
import { summary } from "../../lib/sched/summary.ts";
import { wakeupDelays } from "../../lib/sched/wakeup_delays.ts";
import { openTrace } from "../../lib/trace/open.ts";
import type { Trace } from "../../lib/trace/trace.ts";
import { recordWithPerf } from "../trace/perf_data/record_with_perf.ts";

/** By thread and end of the wait its length: stretches of `preempted` and `woken` that follow one another. */
function waitsOfStates(trace: Trace): Map<string, number> {
  const rows = states(trace);
  const [tid, ts, dur] = [rows.column("tid"), rows.column("ts"), rows.column("dur")];
  const state = rows.column("state").codes;
  const waiting = (row: number) => {
    const name = THREAD_STATES[state[row]!];
    return name === "preempted" || name === "woken";
  };
  const found = new Map<string, number>();
  for (let row = 0; row < rows.length; row++) {
    if (!waiting(row)) continue;
    const from = ts[row]!;
    while (row + 1 < rows.length && tid[row + 1] === tid[row] && waiting(row + 1)) row++;
    found.set(`${tid[row]} ${ts[row]! + dur[row]!}`, ts[row]! + dur[row]! - from);
  }
  return found;
}

/** By thread the stamps at which it was switched in, ascending. */
function switchIns(trace: Trace): Map<number, number[]> {
  const { switches } = trace;
  const [ts, next] = [switches.column("ts"), switches.column("next_pid")];
  const found = new Map<number, number[]>();
  for (let i = 0; i < ts.length; i++) {
    const own = found.get(next[i]!);
    if (own === undefined) found.set(next[i]!, [ts[i]!]);
    else own.push(ts[i]!);
  }
  return found;
}

/** Size of perf's buffers. */
const RECORDINGS: Record<string, string> = {
  "messages between processes": "16M",
  "with a buffer so small that events are lost": "1",
};

for (const [name, pages] of Object.entries(RECORDINGS)) {
  Deno.test(`latency, states, summary and wakeups say the same of a recording: ${name}`, async () => {
    const dir = await Deno.makeTempDir();
    try {
      const path = `${dir}/perf.data`;
      await recordWithPerf(path, ["perf", "bench", "sched", "messaging", "-g", "4", "-l", "300"], pages);
      const trace = await openTrace(path);
      if (pages === "1") assert.ok(trace.quality.lost > 0);

      // Two state machines of their own: by runs and by segments.
      const stretches = waitsOfStates(trace);
      const all = waits(trace);
      assert.ok(all.length > 1000, `${all.length} waits`);
      for (const { tid, ts, delay } of all.rows()) {
        if (delay > 0) assert.equal(stretches.get(`${tid} ${ts + delay}`), delay, `thread ${tid} at ${ts}`);
      }
      const table = latency(trace);
      assert.equal(table.column("count").reduce((sum, n) => sum + n, 0), all.length);

      // Straight from the tables: who is woken runs with its next switch.
      const ins = switchIns(trace);
      let known = 0;
      for (const { tid, ts, delay, censored, slept } of wakeupDelays(trace).rows()) {
        if (censored === 1) continue;
        known++;
        const next = ins.get(tid)!.find((stamp) => stamp >= ts);
        // Woken before it had left its CPU, it may have been runnable for less.
        if (slept === 0) assert.ok(ts + delay <= next!);
        else assert.equal(ts + delay, next, `thread ${tid}, woken at ${ts}`);
      }
      assert.ok(known > 500, `${known} wakeups`);

      const wall = trace.span.to - trace.span.from;
      const rows = Array.from(summary(trace).rows());
      for (const row of rows) {
        const life = row.run + row.wait + row.sleeping + row.blocked + row.stopped + row.unknown;
        assert.ok(life <= wall + 1e-3 && row.coverage >= 0 && row.coverage <= 1, `${row.comm} [${row.tid}]`);
      }
      for (const { tid } of rows.slice(0, 5)) {
        const path = criticalPath(trace, tid, 0, trace.span.to);
        assert.equal(path.column("dur").reduce((sum, dur) => sum + dur, 0), trace.span.to);
      }
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}
