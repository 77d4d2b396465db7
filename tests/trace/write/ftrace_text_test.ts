import assert from "node:assert/strict";
import { openTrace } from "../../../lib/trace/open.ts";
import { writePerfetto } from "../../../lib/trace/perfetto/mod.ts";
import { startTracefs } from "../../../lib/trace/record/tracefs.ts";
import { writeTraceDat } from "../../../lib/trace/trace_dat/mod.ts";
import { writeFtraceText } from "../../../lib/trace/write/ftrace_text.ts";
import { scriptLines } from "../perf_data/perf_script.ts";
import { perfOutput, recordWithPerf } from "../perf_data/record_with_perf.ts";
import { makeSwitches } from "../record/busy.ts";
import { assertSameTrace } from "../text/compare.ts";
import { pluginText } from "./plugin_text.ts";

const LINE = /^ *(.*)-(\d+) +\( *[-\d]+\) \[(\d+)\] (\S{5}) +(\d+)\.(\d{9}): (\w+): (.*)$/;

Deno.test("perf.data -> ftrace text is what perf script prints, and our reader reads the same trace from it", async (t) => {
  const dir = await Deno.makeTempDir();
  try {
    for (const [name, pages, loops] of [["whole", "16M", "50"], ["lossy", "8", "200"]] as const) {
      await t.step(name, async () => {
        const file = `${dir}/${name}.data`;
        await recordWithPerf(file, ["perf", "bench", "sched", "messaging", "-l", loops], pages);
        const trace = await openTrace(file);
        await writeFtraceText(trace, `${dir}/out.txt`, { nanoseconds: true });
        const text = new TextDecoder("latin1").decode(await Deno.readFile(`${dir}/out.txt`));
        const ours = text.split("\n").filter((line) => line !== "" && !/^(#|CPU:)/.test(line)).map((line) => {
          const match = LINE.exec(line);
          assert.ok(match !== null, line);
          const [, , , cpu, , seconds, ns, event, body] = match;
          return `${seconds!.padStart(12, "0")}.${ns} [${Number(cpu)}] ${event}: ${pluginText(body!)}`;
        });
        // In the order of time, as the kernel has it.
        assert.deepEqual(
          ours.map((line) => line.slice(0, 22)),
          ours.map((line) => line.slice(0, 22)).toSorted(),
        );
        const theirs = (await scriptLines(file)).map(({ time, cpu, event, text }) =>
          `${String(time / 1_000_000_000n).padStart(12, "0")}.${
            String(time % 1_000_000_000n).padStart(9, "0")
          } ` +
          `[${cpu}] ${event.slice(event.indexOf(":") + 1)}: ${pluginText(text)}`
        );
        ours.sort();
        theirs.sort();
        assert.equal(ours.length, theirs.length);
        ours.forEach((line, i) => assert.equal(line, theirs[i]));

        const copy = await openTrace(`${dir}/out.txt`);
        assert.equal(copy.format, "ftrace text");
        assert.equal(copy.quality.lost, trace.quality.lost);
        if (name === "lossy") return assert.ok(trace.quality.lost > 0);
        // The text has no -1 for threads that perf does not know, and not all of the flags.
        for (const table of ["switches", "wakeups", "migrations"] as const) {
          const rows = (of: typeof trace) =>
            [...of[table].rows()].map(({ ts, ...row }) =>
              JSON.stringify({ ...row, waker_tid: 0, common_flags: 0, stamp: String(of.epoch + BigInt(ts)) })
            ).sort();
          assert.deepEqual(rows(copy), rows(trace), table);
        }
        const context = (of: typeof trace) =>
          [...of.wakeups.column("common_flags")].map((flags) => flags & 0x18).sort();
        assert.deepEqual(context(copy), context(trace));
      });
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("a capture's text is the kernel's own of the same instance, line by line", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await using recorder = await startTracefs({
      output: `${dir}/c.tracefs`,
      drainEvery: 0,
      bufferKb: 16384,
      irq: true,
    });
    await makeSwitches(1000);
    const instance = recorder.instanceDir;
    Deno.writeTextFileSync(`${instance}/tracing_on`, "0");
    const kernel = new TextDecoder("latin1").decode(Deno.readFileSync(`${instance}/trace`));
    const { path } = await recorder.stop();
    const trace = await openTrace(path);
    await writeFtraceText(trace, `${dir}/out.txt`);
    assertSameTrace(await openTrace(`${dir}/out.txt`), trace, (ns) => (ns + 500n) / 1000n * 1000n);
    const own = new TextDecoder("latin1").decode(await Deno.readFile(`${dir}/out.txt`));
    const events = (text: string) =>
      text.split("\n").filter((line) => line !== "" && !/^#/.test(line)).map((line) =>
        // The kernel has each thread's last name only, and gives the delay a column that is empty here.
        line.replace(/ \( *[-\d]+\) \[/, " [").replace(/^.*?-(\d+) +\[/, "$1 [").trimEnd()
      ).sort();
    const [ours, theirs] = [events(own), events(kernel)];
    assert.ok(theirs.length > 1000);
    assert.equal(ours.length, theirs.length);
    ours.forEach((line, i) => assert.equal(line, theirs[i]));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("what has no priorities (perf sched timehist) is written in all formats and read back without them", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await recordWithPerf(`${dir}/perf.data`, ["perf", "bench", "sched", "messaging", "-l", "10"]);
    await Deno.writeTextFile(
      `${dir}/timehist.txt`,
      await perfOutput("sched", "timehist", "-i", `${dir}/perf.data`),
    );
    const trace = await openTrace(`${dir}/timehist.txt`);
    const rows = (of: typeof trace) =>
      [...of.switches.rows()].map(({ ts, ...row }) =>
        JSON.stringify({ ...row, stamp: String(of.epoch + BigInt(ts)) })
      ).sort();
    assert.ok(trace.switches.length > 100);
    for (
      const [name, write] of [["txt", writeFtraceText], ["pftrace", writePerfetto], [
        "dat",
        writeTraceDat,
      ]] as const
    ) {
      await write(trace, `${dir}/out.${name}`);
      assert.deepEqual(rows(await openTrace(`${dir}/out.${name}`)), rows(trace), name);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
