import assert from "node:assert/strict";
import { openTrace } from "../../../lib/trace/open.ts";
import { timehist } from "../../../lib/sched/timehist/timehist.ts";
import { Kind } from "../../../lib/trace/stream.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { recordWithPerf } from "../perf_data/record_with_perf.ts";
import { assertSameTrace } from "./compare.ts";

async function perfTo(file: string, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command("perf", { args, stdin: "null", stderr: "null" }).output();
  await Deno.writeFile(file, stdout);
  return file;
}

const micro = (ns: bigint) => ns / 1000n * 1000n;

Deno.test("perf's texts agree with the perf.data that they were made of", async (t) => {
  const dir = await Deno.makeTempDir();
  try {
    const data = `${dir}/perf.data`;
    await recordWithPerf(data, ["perf", "bench", "sched", "messaging", "-g", "2", "-l", "200"]);
    const binary = await openTrace(data);
    assert.ok(binary.stream.length > 2000, `${binary.stream.length} rows`);

    await t.step("perf script, microseconds", async () => {
      const text = await openTrace(await perfTo(`${dir}/us.txt`, "script", "-i", data));
      assert.equal(text.format, "perf script text");
      assert.equal(text.clock.resolution, 1000);
      assertSameTrace(text, binary, micro);
      assert.equal(text.quality.coverage.length, binary.quality.coverage.length);
    });

    await t.step("perf script --ns", async () => {
      const text = await openTrace(await perfTo(`${dir}/ns.txt`, "script", "--ns", "-i", data));
      assert.equal(text.clock.resolution, 1);
      assertSameTrace(text, binary, (ns) => ns);
    });

    await t.step("perf script with named fields has processes, with a header the machine", async () => {
      const fields = "comm,pid,tid,cpu,time,event,trace";
      const file = await perfTo(`${dir}/f.txt`, "script", "--header", "--ns", "-F", fields, "-i", data);
      const text = await openTrace(file);
      assertSameTrace(text, binary, (ns) => ns);
      assert.deepEqual(text.host.hostname, binary.host.hostname);
      assert.deepEqual(text.host.release, binary.host.release);
      assert.equal(text.clock.name, binary.clock.name);
      const rows = binary.rowsOf(Kind.Switch);
      const own = text.rowsOf(Kind.Switch);
      for (let i = 0; i < rows.length; i++) {
        assert.equal(text.stream.pid[own[i]!], binary.stream.pid[rows[i]!]);
      }
      assert.equal(timehist(text).length, timehist(binary).length);
    });

    await t.step("perf's own records make rows: names, forks, exits", async () => {
      const file = await perfTo(`${dir}/t.txt`, "script", "--show-task-events", "--ns", "-i", data);
      const text = await openTrace(file);
      assertSameTrace(text, binary, (ns) => ns);
      for (const kind of [Kind.Comm, Kind.Fork, Kind.Exit]) {
        const [ours, theirs] = [text.rowsOf(kind), binary.rowsOf(kind)];
        assert.equal(ours.length, theirs.length, `kind ${kind}`);
        const cells = (trace: Trace, rows: Uint32Array) =>
          [...rows].map((i) => `${trace.stream.pid[i]} ${trace.stream.tid[i]} ${trace.stream.ts[i]}`).sort();
        assert.deepEqual(cells(text, ours), cells(binary, theirs));
      }
    });

    for (const options of [["-wMn", "--state"], ["-wMVn", "--state"]]) {
      await t.step(`perf sched timehist ${options.join(" ")}`, async () => {
        const file = await perfTo(`${dir}/h.txt`, "sched", "timehist", ...options, "-i", data);
        const text = await openTrace(file);
        assert.equal(text.format, "perf sched timehist text");
        assertTimehist(text, binary);
        // perf prints a thread that it saw first as woken without its number: such lines may count as corrupt.
        const sum = (trace: Trace) =>
          ["waking", "wakeup_new", "migrate_task"].reduce(
            (all, name) => all + (trace.counts.get(`sched:sched_${name}`) ?? 0),
            0,
          );
        const holes = text.quality.holes;
        let corrupt = 0;
        for (let i = 0; i < holes.length; i++) {
          if (holes.row(i).kind === "corrupt") corrupt += holes.row(i).lost;
        }
        assert.equal(sum(text) + corrupt, sum(binary));
        assert.ok(corrupt < 20, `${corrupt} lines without a thread`);
      });
    }

    await t.step("perf sched timehist without options: the runs", async () => {
      const file = await perfTo(`${dir}/h0.txt`, "sched", "timehist", "-i", data);
      const text = await openTrace(file);
      assert.deepEqual([...text.counts], [["sched:sched_switch", binary.counts.get("sched:sched_switch")]]);
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/** Runs out of the text are those of our own timehist over the binary, to the microsecond; so are the switches' fields. */
function assertTimehist(text: Trace, binary: Trace): void {
  const [ours, theirs] = [text.switches, binary.switches];
  assert.equal(ours.length, theirs.length);
  const key = (trace: Trace, i: number) => {
    const row = trace.switches.row(i);
    return `${micro(trace.epoch + BigInt(row.ts))} ${row.cpu} ${row.prev_state} ${row.next_pid}`;
  };
  for (let i = 0; i < ours.length; i++) {
    assert.equal(key(text, i), key(binary, i), `switch ${i}`);
    const pid = ours.row(i).prev_pid;
    // perf has -1 for the last run of a thread that ends, and the text too unless the run before says who was next.
    if (pid !== -1) assert.equal(pid, theirs.row(i).prev_pid, `switch ${i}`);
  }
  const [mine, other] = [timehist(text), timehist(binary)];
  assert.equal(mine.length, other.length);
  let compared = 0;
  for (let i = 0; i < mine.length; i++) {
    const [x, y] = [mine.row(i), other.row(i)];
    assert.equal(x.cpu, y.cpu);
    for (const name of ["run", "wait"] as const) {
      if (Number.isNaN(x[name]) || Number.isNaN(y[name])) continue;
      assert.ok(Math.abs(x[name] - y[name]) <= 1000, `row ${i}: ${name} ${x[name]} and ${y[name]}`);
      compared++;
    }
  }
  assert.ok(compared > mine.length / 2, `${compared} values compared`);
}
