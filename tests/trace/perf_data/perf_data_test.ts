import assert from "node:assert/strict";
import { openTrace } from "../../../lib/trace/open.ts";
import { perfOutput, recordWithPerf } from "./record_with_perf.ts";

/** `perf script` prints one event a line; this takes it apart. */
const LINE = /^\s*(.*?)\s+(-?\d+)\/(-?\d+)\s+\[(\d+)\]\s+(\d+)\.(\d{9}):\s+([\w-]+:\w+):\s+(.*)$/;

Deno.test("openTrace() reads every scheduler event of a perf.data as perf script does", async (t) => {
  const dir = await Deno.makeTempDir();
  const file = `${dir}/perf.data`;
  try {
    await recordWithPerf(file, ["perf", "bench", "sched", "messaging", "-l", "150"]);
    const script = await perfOutput("script", "--ns", "-F", "comm,pid,tid,cpu,time,event,trace", "-i", file);
    const lines = script.trimEnd().split("\n").map((line) => {
      const match = LINE.exec(line);
      assert.ok(match !== null, `perf script line: ${line}`);
      return {
        time: BigInt(match[5]!) * 1_000_000_000n + BigInt(match[6]!),
        cpu: Number(match[4]),
        event: match[7]!,
        text: match[8]!,
      };
    });
    const trace = await openTrace(file);
    const of = (event: string) => lines.filter((line) => line.event === event);

    await t.step("counts", () => {
      assert.ok(lines.length > 1000);
      for (const [event, count] of trace.counts) assert.equal(count, of(event).length, event);
    });

    await t.step("sched_switch: time, cpu and all seven fields", () => {
      const { switches } = trace;
      const expected = of("sched:sched_switch");
      assert.equal(switches.length, expected.length);
      const state = (bits: number) => {
        const letters = ["S", "D", "T", "t", "X", "Z", "P", "I"].filter((_, i) =>
          bits & (1 << i)
        ).join("|") || "R";
        return letters + (bits & 0x100 ? "+" : "");
      };
      expected.forEach((line, i) => {
        const row = switches.row(i);
        assert.equal(trace.epoch + BigInt(row.ts), line.time);
        assert.equal(row.cpu, line.cpu);
        const { prev_comm, prev_pid, prev_prio, next_comm, next_pid, next_prio } = row;
        // perf prints by the kernel's own format, or by libtraceevent's plugin where that is installed.
        const expectedText = line.text.startsWith("prev_comm=")
          ? `prev_comm=${prev_comm} prev_pid=${prev_pid} prev_prio=${prev_prio} prev_state=${
            state(row.prev_state)
          }` +
            ` ==> next_comm=${next_comm} next_pid=${next_pid} next_prio=${next_prio}`
          : `${prev_comm}:${prev_pid} [${prev_prio}] ${
            state(row.prev_state)
          } ==> ${next_comm}:${next_pid} [${next_prio}]`;
        assert.equal(expectedText, line.text);
      });
    });

    await t.step("wakeups and migrations", () => {
      const { wakeups, migrations } = trace;
      const woken = lines.filter((line) => /:sched_wak(ing|eup|eup_new)$/.test(line.event));
      assert.equal(wakeups.length, woken.length);
      woken.forEach((line, i) => {
        const row = wakeups.row(i);
        assert.equal(trace.epoch + BigInt(row.ts), line.time);
        assert.equal(row.cpu, line.cpu);
        assert.equal(`sched:sched_${row.kind}`, line.event);
        const target = /CPU:(\d+)$|target_cpu=(\d+)/.exec(line.text);
        const pid = /:(\d+) \[|pid=(\d+)/.exec(line.text);
        assert.equal(row.target_cpu, Number(target?.[1] ?? target?.[2]), line.text);
        assert.equal(row.pid, Number(pid?.[1] ?? pid?.[2]), line.text);
      });
      const moved = of("sched:sched_migrate_task");
      assert.equal(migrations.length, moved.length);
      moved.forEach((line, i) => {
        const row = migrations.row(i);
        assert.match(
          line.text,
          new RegExp(`pid=${row.pid} prio=-?\\d+ orig_cpu=${row.orig_cpu} dest_cpu=${row.dest_cpu}`),
        );
      });
    });

    await t.step("any event by its format", () => {
      const forks = trace.event("sched:sched_process_fork");
      of("sched:sched_process_fork").forEach((line, i) => {
        const row = forks.row(i);
        assert.equal(
          `comm=${row["parent_comm"]} pid=${row["parent_pid"]} child_comm=${row["child_comm"]} child_pid=${
            row["child_pid"]
          }`,
          line.text,
        );
      });
      assert.throws(() => trace.event("sched:nosuch"), /no event "sched:nosuch"/);
    });

    await t.step("the machine", async () => {
      const header = await perfOutput("script", "--header-only", "-i", file);
      assert.equal(trace.host.release, /os release : (\S+)/.exec(header)?.[1]);
      assert.equal(trace.host.cpusOnline, Number(/nrcpus online : (\d+)/.exec(header)?.[1]));
      assert.equal(trace.clock.name, "mono");
      assert.ok(trace.clock.wallOffset !== undefined);
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("openTrace() counts what a recorder with too small a buffer lost", async () => {
  const dir = await Deno.makeTempDir();
  const file = `${dir}/perf.data`;
  try {
    await recordWithPerf(file, ["perf", "bench", "sched", "messaging", "-l", "300"], "4K");
    const script = await perfOutput("script", "--show-lost-events", "-i", file);
    const lost = [...script.matchAll(/PERF_RECORD_LOST lost (\d+)/g)].reduce(
      (sum, match) => sum + Number(match[1]),
      0,
    );
    assert.ok(lost > 0, "a 4 KiB buffer loses events under this load");
    const { quality } = await openTrace(file);
    const known = quality.holes.filter((hole) => hole.kind === "lost" && hole.cpu >= 0);
    assert.equal(known.column("lost").reduce((sum, n) => sum + n, 0), lost);
    assert.ok(quality.share < 1);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("an event that was asked for twice, with filters of their own, is one event with the rows of both", async () => {
  const dir = await Deno.makeTempDir();
  const file = `${dir}/perf.data`;
  try {
    const event = ["-e", "sched:sched_switch", "--filter"];
    const filters = [...event, "next_pid==0", ...event, "next_pid!=0"];
    const { success } = await new Deno.Command("perf", {
      args: ["record", "-a", "-o", file, ...filters, "--", "perf", "bench", "sched", "pipe", "-l", "500"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    assert.ok(success);
    const expected = (await perfOutput("script", "--ns", "-F", "time,trace", "-i", file)).trimEnd().split(
      "\n",
    );
    const trace = await openTrace(file);
    assert.ok(expected.length > 500);
    assert.equal(trace.counts.get("sched:sched_switch"), expected.length);
    const next = trace.event("sched:sched_switch").column("next_pid");
    assert.deepEqual(
      Array.from(next as Int32Array),
      expected.map((line) => Number(/==> .*?(?:next_pid=|:)(\d+) (?:next_prio|\[)/.exec(line)?.[1])),
    );
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
