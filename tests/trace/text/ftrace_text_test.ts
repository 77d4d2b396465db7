import assert from "node:assert/strict";
import { openTrace } from "../../../lib/trace/open.ts";
import { startTracefs } from "../../../lib/trace/record/tracefs.ts";
import { memorySource } from "../../../lib/trace/byte_source.ts";
import { read } from "../../../lib/trace/text/mod.ts";
import { makeSwitches } from "../record/busy.ts";
import { assertSameTrace } from "./compare.ts";

/** The kernel rounds stamps to microseconds. */
const rounded = (ns: bigint) => (ns + 500n) / 1000n * 1000n;

Deno.test("the kernel's own text agrees with the raw pages of the same instance", async (t) => {
  const dir = await Deno.makeTempDir();
  try {
    await using recorder = await startTracefs({
      output: `${dir}/c.tracefs`,
      drainEvery: 0,
      bufferKb: 16384,
      irq: true,
    });
    await makeSwitches(2000);
    const instance = recorder.instanceDir;
    Deno.writeTextFileSync(`${instance}/tracing_on`, "0");
    const copy = async (name: string) =>
      await Deno.writeFile(`${dir}/${name}`, Deno.readFileSync(`${instance}/trace`));
    await copy("trace");
    Deno.writeTextFileSync(`${instance}/options/irq-info`, "0");
    await copy("noirq");
    Deno.writeTextFileSync(`${instance}/options/irq-info`, "1");
    Deno.writeTextFileSync(`${instance}/options/record-tgid`, "1");
    await copy("tgid");
    Deno.writeTextFileSync(`${instance}/options/record-tgid`, "0");
    Deno.writeTextFileSync(`${instance}/trace_options`, "latency-format");
    await copy("latency");
    Deno.writeTextFileSync(`${instance}/trace_options`, "nolatency-format");
    const capture = await recorder.stop();
    const binary = await openTrace(capture.path);

    for (const name of ["trace", "noirq", "tgid"]) {
      await t.step(name, async () => {
        const text = await openTrace(`${dir}/${name}`);
        assert.equal(text.format, "ftrace text");
        assertSameTrace(text, binary, rounded);
        assert.equal(text.host.cpusOnline, navigator.hardwareConcurrency);
        // Equal stamps of two CPUs may stand in any order.
        const vectors = (trace: typeof text) => {
          const frame = trace.event("irq:softirq_entry");
          const vec = frame.column("vec") as Int32Array;
          const cpu = frame.column("cpu") as Uint16Array;
          return [...new Set(cpu)].sort().map((on) => [...vec].filter((_, row) => cpu[row] === on));
        };
        if (binary.has("irq:softirq_entry")) assert.deepEqual(vectors(text), vectors(binary));
        assert.deepEqual([...text.stream.kind].filter((kind) => kind === 0), []);
        if (name === "noirq") return;
        // Interrupts and softirqs are as the records' flags have them.
        const contexts = (trace: typeof text) =>
          [...trace.wakeups.column("common_flags")].map((flags) => flags & 0x18).sort();
        assert.deepEqual(contexts(text), contexts(binary));
      });
    }

    await t.step("latency format: the same events, with stamps of its own", async () => {
      const text = await openTrace(`${dir}/latency`);
      assert.deepEqual([...text.counts].sort(), [...binary.counts].filter(([, n]) => n > 0).sort());
      assert.deepEqual(
        [...text.switches.column("prev_pid")].sort(),
        [...binary.switches.column("prev_pid")].sort(),
      );
      // They count from when the buffer was cleared (trace_print_lat_context), rounded to microseconds: so they are less than the
      // pages' by the same time, but for what the rounding takes.
      const byCpu = (trace: typeof text) => {
        const { length } = trace.switches;
        const ts = trace.switches.column("ts");
        const cpu = trace.switches.column("cpu");
        const order = Array.from({ length }, (_, row) => row).sort((x, y) => cpu[x]! - cpu[y]! || x - y);
        return order.map((row) => Number(trace.epoch - binary.epoch) + ts[row]!);
      };
      const theirs = byCpu(binary);
      const behind = byCpu(text).map((stamp, i) => theirs[i]! - stamp);
      assert.ok(behind.length > 1000);
      assert.ok(Math.max(...behind) - Math.min(...behind) <= 1000);
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("lost events, started buffers, <...> and other clocks' resolution in ftrace's text", () => {
  const lines = [
    "# tracer: nop",
    "# entries-in-buffer/entries-written: 5/105   #P:4",
    "           <...>-77      [001] d..2.  10.000001: sched_waking: comm=known pid=78 prio=120 target_cpu=000",
    "CPU:1 [LOST 12 EVENTS]",
    "##### CPU 0 buffer started ####",
    "           <...>-78      [000] d..2.  10.000002: sched_switch: prev_comm=known prev_pid=78 prev_prio=120 prev_state=S ==> next_comm=late next_pid=79 next_prio=120",
    "            free-80      [001] ....  10.000005: some_event: x=1 y=two words z=0x10",
    "this is no line of a trace",
    "            free-80      [001] ....  10.000009: tracing_mark_write: hello [x=1]",
    "CPU:2 [LOST EVENTS]",
  ];
  const trace = read(memorySource(new TextEncoder().encode(lines.join("\r\n"))));
  assert.deepEqual(
    Object.fromEntries(trace.counts),
    { "sched:sched_waking": 1, "sched:sched_switch": 1, "unknown:some_event": 1, "ftrace:print": 1 },
  );
  assert.deepEqual([...trace.savedNames].sort(), [[78, "known"], [79, "late"], [80, "free"]]);
  assert.equal(trace.host.cpusOnline, 4);
  const event = trace.event("unknown:some_event").row(0);
  assert.deepEqual(event, { ts: 4000, cpu: 1, common_pid: 80, x: 1, y: "two words", z: 16 });
  const { holes, lost } = trace.quality;
  const kinds = Array.from({ length: holes.length }, (_, i) => holes.row(i));
  assert.deepEqual(kinds.filter((hole) => hole.kind === "corrupt"), [
    { kind: "corrupt", cpu: -1, from: 4000, to: 4000, lost: 1 },
  ]);
  assert.ok(kinds.some((hole) => hole.kind === "lost" && hole.cpu === 1 && hole.lost === 12));
  assert.ok(kinds.some((hole) => hole.kind === "lost" && hole.cpu === 2));
  assert.equal(lost, 100);
});
