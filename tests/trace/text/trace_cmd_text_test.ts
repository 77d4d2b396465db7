import assert from "node:assert/strict";
import { openTrace } from "../../../lib/trace/open.ts";
import { writeTraceDat } from "../../../lib/trace/trace_dat/write.ts";
import { capture, traceCmd } from "../trace_dat/trace_cmd.ts";

Deno.test("trace-cmd report's text agrees with the recording that it reports", async (t) => {
  const dir = await Deno.makeTempDir();
  try {
    const path = await capture(dir, 1500);
    const binary = await openTrace(path);
    const dat = `${dir}/trace.dat`;
    await writeTraceDat(path, dat);
    const ns = (value: bigint) => value;
    const us = (value: bigint) => (value + 500n) / 1000n * 1000n;
    for (
      const [options, stamp] of [[["-t"], ns], [["-t", "-l"], ns], [["-t", "-N"], ns], [[], us], [
        ["-l"],
        us,
      ]] as const
    ) {
      await t.step(`trace-cmd report ${options.join(" ")}`, async () => {
        const file = `${dir}/report.txt`;
        await Deno.writeTextFile(file, await traceCmd("report", ...options, dat));
        const text = await openTrace(file);
        assert.equal(text.format, "ftrace text");
        assert.equal(text.clock.resolution ?? 1, stamp === ns ? 1 : 1000);
        const counts = (trace: typeof text) =>
          [...trace.counts].filter(([event, n]) => n > 0 && event.startsWith("sched:")).sort();
        assert.deepEqual(counts(text), counts(binary));
        const [ours, theirs] = [text.switches, binary.switches];
        const byCpu = (trace: typeof text, stampOf: (value: bigint) => bigint) => {
          const frame = trace.switches;
          return Array.from({ length: frame.length }, (_, i) => frame.row(i)).map((row) => {
            // libtraceevent's plugin leaves out that a thread was preempted.
            const state = row.prev_state & 0xff;
            const names =
              `${row.prev_comm}:${row.prev_pid} ${row.prev_prio} ${row.next_comm}:${row.next_pid} ${row.next_prio}`;
            return `${row.cpu} ${stampOf(trace.epoch + BigInt(row.ts))} ${state} ${names}`;
          }).sort();
        };
        assert.equal(ours.length, theirs.length);
        assert.deepEqual(byCpu(text, ns), byCpu(binary, stamp));
      });
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
