import assert from "node:assert/strict";
import { findGaps } from "../../lib/bench/find_gaps.ts";
import { CAUSE_COLUMNS } from "../../lib/sched/gap_cause.ts";
import { inject } from "../../lib/bench/inject.ts";

const THRESHOLD = 500e3;

for (const door of ["tracefs", "perf"] as const) {
  Deno.test(`every stolen window is found and blamed on the thread that stole it (${door})`, async () => {
    const dir = await Deno.makeTempDir();
    const cpu = 1 % navigator.hardwareConcurrency;
    try {
      for (let attempt = 1;; attempt++) {
        const abort = new AbortController();
        const finding = findGaps({
          threads: 1,
          cpus: [cpu],
          burst: 60e9,
          maxSleep: 0,
          maxGap: 0,
          threshold: THRESHOLD,
          // Below the thief's priority and above every fair task, so that a gap ends when the thief gives the CPU back. The fair
          // server may take 50 ms of a second from it, which is true and not what was injected: a window in there counts as wrong.
          policy: "fifo:1",
          door,
          output: `${dir}/${door === "perf" ? "perf.data" : "trace.tracefs"}`,
          signal: abort.signal,
        });
        // The recording and the spinner are under way well before the first window.
        const truth = await inject(cpu, { windows: 40, delay: 2500e6, seed: attempt, comm: "thief <b>&" });
        abort.abort();
        const { ledger, spin, trace } = await finding;
        const { gaps } = ledger;
        const end = gaps.column("ts").map((ts, i) => ts + gaps.column("dur")[i]!);

        let windows = 0;
        let found = 0;
        let blamed = 0;
        const errors: number[] = [];
        const shift = Number(truth.epoch - ledger.epoch);
        for (let w = 0; w < truth.windows.length; w++) {
          const { ts, dur, late } = truth.windows.row(w);
          if (dur <= 2 * THRESHOLD) continue;
          windows++;
          const from = ts + shift - late;
          const to = ts + shift + dur;
          const row = gaps.column("ts").findIndex((start, i) =>
            Math.min(end[i]!, to) - Math.max(start, from) > 0.95 * (to - from)
          );
          if (row < 0) continue;
          found++;
          errors.push(Math.abs(gaps.column("dur")[row]! - (to - from)));
          const { cause, culprit, culprit_tid, culprit_class, culprit_cpu } = gaps.row(row);
          if (
            // queued: somebody else had displaced the spinner just before the thief displaced them.
            (cause === "preempted" || cause === "queued") && culprit === "thief <b>&" &&
            culprit_tid === truth.tid &&
            culprit_class === "rt" &&
            culprit_cpu === cpu
          ) blamed++;
          else console.log(`  window ${w} of ${dur} ns: ${JSON.stringify(gaps.row(row))}`);
        }
        const median = errors.sort((x, y) => x - y)[errors.length >> 1]!;
        console.log(
          `  attempt ${attempt}: found ${found}/${windows}, cause and culprit right ${blamed}/${found}, ` +
            `length error median ${(median / 1e3).toFixed(1)} us, coverage ${
              (trace!.quality.share * 100).toFixed(1)
            } %`,
        );
        for (let i = 0; i < gaps.length; i++) {
          const row = gaps.row(i);
          const sum = CAUSE_COLUMNS.reduce((all, cause) => all + row[cause], 0);
          assert.ok(Math.abs(sum - row.dur) < 1e-3, `the parts of gap ${i} add up to ${sum} of ${row.dur}`);
        }
        assert.ok(spin.threads.length === 1 && windows >= 35);
        const right = found === windows && blamed >= 0.95 * found;
        if (!right && attempt < 3) continue; // a neighbour's load on the host; the last attempt must hold
        assert.equal(found, windows, "recall");
        assert.ok(blamed >= 0.95 * found, `cause and culprit right for ${blamed} of ${found}`);
        break;
      }
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}
