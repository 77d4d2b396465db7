import assert from "node:assert/strict";
import { DictColumn } from "../../../lib/frame/column.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { writePerfetto } from "../../../lib/trace/perfetto/mod.ts";
import { Kind } from "../../../lib/trace/stream.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { readTraceDatFacts, writeTraceDat } from "../../../lib/trace/trace_dat/mod.ts";
import { perfOutput, recordWithPerf } from "../perf_data/record_with_perf.ts";
import { scriptLines } from "../perf_data/perf_script.ts";
import { pluginText } from "../write/plugin_text.ts";
import { capture, fieldNames, parseReport, rowsOf, traceCmd } from "./trace_cmd.ts";

const REPORT = /^\s*(.*)-(\d+) +\[(\d+)\] +(\d+)\.(\d{9}): (\w+): +(.*)$/;

/** Lines of `trace-cmd report -t`: when, where, who and what. Plugins have letters of old kernels for states: without them. */
async function reportLines(path: string): Promise<string[]> {
  const text = await traceCmd("report", "-N", "-t", "-i", path);
  return text.split("\n").filter((line) =>
    line !== "" && !/^cpus=|^CPU:\d+ \[\d+ EVENTS DROPPED\]$/.test(line)
  ).map((line) => {
    const match = REPORT.exec(line);
    assert.ok(match !== null, `trace-cmd report: ${line}`);
    const [, , pid, cpu, seconds, ns, event, body] = match;
    return `${seconds!.padStart(12, "0")}.${ns} [${Number(cpu)}] ${event} ${pid}: ${pluginText(body!)}`;
  }).sort();
}

/** The same of `perf script --ns`. Where perf does not know the thread, `of` does. */
async function scriptAsReport(path: string, of: Map<string, number>): Promise<string[]> {
  return (await scriptLines(path)).map(({ time, cpu, tid, event, text }) => {
    const name = event.slice(event.indexOf(":") + 1);
    const stamp = `${String(time / 1_000_000_000n).padStart(12, "0")}.${
      String(time % 1_000_000_000n).padStart(9, "0")
    }`;
    const pid = tid === -1 ? of.get(`${time} ${cpu} ${event}`) : tid;
    return `${stamp} [${cpu}] ${name} ${pid}: ${pluginText(text)}`;
  }).sort();
}

/** Thread of each record, by its stamp, CPU and event. */
function threadsOf(trace: Trace): Map<string, number> {
  const found = new Map<string, number>();
  for (const event of trace.counts.keys()) {
    const frame = trace.event(event);
    const [ts, cpu, pid] = [frame.column("ts"), frame.column("cpu"), frame.column("common_pid")];
    for (let i = 0; i < frame.length; i++) {
      found.set(
        `${trace.epoch + BigInt(ts[i as never])} ${cpu[i as never]} ${event}`,
        Number(pid[i as never]),
      );
    }
  }
  return found;
}

/** Asserts that the trace.dat at `path` has, as trace-cmd reads it, all fields of all events of `trace`. */
async function assertReported(path: string, trace: Trace): Promise<void> {
  const copy = await openTrace(path);
  assert.deepEqual(new Map([...copy.counts].sort()), new Map([...trace.counts].sort()));
  const reported = Map.groupBy(
    parseReport(await traceCmd("report", "-N", "-R", "-t", "-i", path), fieldNames(copy)),
    ({ event }) => event,
  );
  const number = (value: string) => /^(0x[0-9a-f]+|\d+)$/i.test(value) ? String(BigInt(value)) : value;
  for (const [event, rows] of rowsOf(trace)) {
    const theirs = reported.get(event)!;
    assert.equal(theirs.length, rows.length, event);
    // The line of a thread that is not known has --1: its sign is the dash before the number.
    const line = ({ ns, pid, fields }: typeof rows[number]) =>
      `${ns} ${Math.abs(pid)} ${
        Object.entries(fields).map(([name, value]) => `${name}=${number(value)}`).join(" ")
      }`;
    assert.deepEqual(theirs.map(line).sort(), rows.map(line).sort(), event);
  }
}

Deno.test("perf.data -> trace.dat: trace-cmd report says of every event what perf script does", async (t) => {
  const dir = await Deno.makeTempDir();
  try {
    for (const [name, pages, loops] of [["whole", "16M", "50"], ["lossy", "8", "200"]] as const) {
      await t.step(name, async () => {
        const file = `${dir}/${name}.data`;
        const dat = `${dir}/${name}.dat`;
        await recordWithPerf(file, ["perf", "bench", "sched", "messaging", "-l", loops], pages);
        const trace = await openTrace(file);
        await writeTraceDat(trace, dat);
        const script = await scriptAsReport(file, threadsOf(trace));
        const report = await reportLines(dat);
        assert.ok(script.length > 1000);
        assert.equal(report.length, script.length);
        report.forEach((line, i) => assert.equal(line, script[i]));

        const facts = readTraceDatFacts(dat);
        assert.equal(facts.version, 6);
        assert.equal(facts.clock, "mono");
        assert.equal(facts.pageSize, 4096);
        assert.equal(facts.cpuCount, navigator.hardwareConcurrency);
        for (const { offset, size } of facts.buffers[0]!.cpus) assert.equal((offset | size) % 4096, 0);
        assert.match(
          facts.uname!,
          new RegExp(`^Linux ${Deno.hostname()} ${Deno.osRelease().replaceAll(".", "\\.")} `),
        );

        const copy = await openTrace(dat);
        assert.equal(copy.quality.lost, trace.quality.lost);
        assert.deepEqual(
          copy.wakeups.column("common_flags").toSorted(),
          trace.wakeups.column("common_flags").toSorted(),
        );
        if (name === "lossy") {
          assert.ok(trace.quality.lost > 0);
          // What was lost behind a CPU's last event has no page to stand before: the CPU's counters tell it.
          const losses = (of: Trace) => {
            const sums = new Map<number, number>();
            for (const { kind, cpu, lost } of of.quality.holes.rows()) {
              if (kind === "lost" && cpu >= 0) sums.set(cpu, (sums.get(cpu) ?? 0) + lost);
            }
            return [...sums].sort();
          };
          assert.deepEqual(losses(copy), losses(trace));
          const told = await traceCmd("report", "-t", "-i", dat);
          const dropped = [...told.matchAll(/^CPU:(\d+) \[(\d+) EVENTS DROPPED\]$/gm)];
          const { kind, a, length } = copy.stream;
          let placed = 0;
          for (let i = 0; i < length; i++) if (kind[i] === Kind.Lost) placed += a[i]!;
          assert.ok(placed > 0);
          assert.equal(dropped.reduce((sum, [, , count]) => sum + Number(count), 0), placed);
        }
      });
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("what has no layout of its own, text and Perfetto, becomes a trace.dat with all of its fields", async (t) => {
  const dir = await Deno.makeTempDir();
  const dat = `${dir}/out.dat`;
  try {
    const path = await capture(dir, 200);
    const original = await openTrace(path);
    await t.step("pages of tracefs, put on pages again", async () => {
      await writeTraceDat(original, dat);
      await assertReported(dat, original);
      const copy = await openTrace(dat);
      assert.deepEqual(rowsOf(copy), rowsOf(original));
      assert.equal(copy.epoch + BigInt(copy.span.from), original.epoch + BigInt(original.span.from));
    });
    await t.step("Perfetto", async () => {
      await writePerfetto(original, `${dir}/out.pftrace`);
      const trace = await openTrace(`${dir}/out.pftrace`);
      await writeTraceDat(trace, dat);
      await assertReported(dat, trace);
      // Printed by formats that were made up as by the kernel's own.
      await writeTraceDat(path, `${dir}/own.dat`);
      const sched = (lines: string[]) =>
        lines.filter((line) => / sched_(switch|waking|wakeup|migrate)/.test(line));
      assert.deepEqual(sched(await reportLines(dat)), sched(await reportLines(`${dir}/own.dat`)));
    });
    await t.step("perf script's text", async () => {
      await recordWithPerf(`${dir}/perf.data`, ["perf", "bench", "sched", "messaging", "-l", "10"]);
      const text = await perfOutput(
        "script",
        "--ns",
        "-F",
        "comm,pid,tid,cpu,time,event,trace",
        "-i",
        `${dir}/perf.data`,
      );
      await Deno.writeTextFile(`${dir}/perf.txt`, text);
      const trace = await openTrace(`${dir}/perf.txt`);
      await writeTraceDat(trace, dat);
      await assertReported(dat, trace);
      assert.ok(trace.switches.column("prev_comm") instanceof DictColumn);
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
