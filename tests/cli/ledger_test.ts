import assert from "node:assert/strict";
import { LEDGER_PARTS } from "../../lib/sched/ledger.ts";
import { openTrace } from "../../lib/trace/open.ts";
import { recordWithPerf } from "../trace/perf_data/record_with_perf.ts";
import { schedscope } from "./schedscope.ts";

const reading = (...args: string[]) => schedscope(args, ["--allow-read", "--allow-env"]);

Deno.test("schedscope ledger and why: where the time went, and why a thread did not run at a moment", async (t) => {
  const dir = await Deno.makeTempDir();
  const file = `${dir}/perf.data`;
  try {
    await recordWithPerf(file, ["perf", "bench", "sched", "messaging", "-g", "2", "-l", "200"]);
    const { span } = await openTrace(file);
    let waited = -1;

    await t.step("every line's parts add up to the thread's life, at most the recording", async () => {
      const { code, out, err } = await reading("ledger", "--json", file);
      assert.equal(code, 0, err);
      const { threads } = JSON.parse(out) as { threads: Record<string, number>[] };
      assert.ok(threads.length > 40);
      for (const row of threads) {
        assert.equal(LEDGER_PARTS.reduce((sum, part) => sum + row[part]!, 0), row["wall"]);
        assert.ok(row["wall"]! > 0 && row["wall"]! <= span.to);
      }
      waited = threads[0]!["tid"]!;
    });

    await t.step("by name, as a table", async () => {
      const { code, out, err } = await reading("ledger", "--by", "comm", "-n", "3", file);
      assert.equal(code, 0, err);
      assert.match(out, /^comm +threads +wall +run .* queued_fair /);
      assert.match(out, /sched-messaging +8\d /);
    });

    await t.step("why, of the longest wait and of a moment", async () => {
      const longest = await reading("why", "-t", String(waited), file);
      assert.equal(longest.code, 0, longest.err);
      assert.match(
        longest.out,
        /^\S.*\[\d+\] was runnable at \d+\.\d{6} s and did not run, on the queue of CPU \d+: /,
      );
      const begin = await reading("why", "--json", "-t", String(waited), "--at", "1us", file);
      const { tid, ts, why } = JSON.parse(begin.out) as { tid: number; ts: number; why: string };
      assert.deepEqual([tid, ts], [waited, 1000]);
      assert.match(why, /^(The trace|\S)/);
    });

    await t.step("wrong usage is told, and ends with 2", async () => {
      for (
        const [args, message] of [
          [["why", file], /which thread\? --tid TID/],
          [["why", "-t", "x", file], /--tid/],
          [["why", "-t", String(waited), "--at", "999s", file], /lies behind the recording's end/],
          [["ledger", "--by", "colour", file], /--by is of thread, comm/],
          [["ledger"], /Expected one FILE but found 0/],
        ] as const
      ) {
        const { code, err } = await reading(...args);
        assert.equal(code, 2, err);
        assert.match(err, message);
      }
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
