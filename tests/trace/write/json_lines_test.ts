import assert from "node:assert/strict";
import type { Column } from "../../../lib/frame/column.ts";
import { DictColumn } from "../../../lib/frame/column.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { StreamBuilder } from "../../../lib/trace/stream_builder.ts";
import { encodeTaskName } from "../../../lib/trace/task_name.ts";
import { Trace } from "../../../lib/trace/trace.ts";
import { writeJsonLines } from "../../../lib/trace/write/json_lines.ts";
import { pluginText } from "./plugin_text.ts";
import { scriptLines } from "../perf_data/perf_script.ts";
import { recordWithPerf } from "../perf_data/record_with_perf.ts";

Deno.test("JSON lines have what perf script prints, in the order of time", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const file = `${dir}/perf.data`;
    await recordWithPerf(file, ["perf", "bench", "sched", "messaging", "-l", "50"]);
    const trace = await openTrace(file);
    await writeJsonLines(trace, `${dir}/out.jsonl`);
    const lines = (await Deno.readTextFile(`${dir}/out.jsonl`)).trimEnd().split("\n").map((line) =>
      JSON.parse(line)
    );
    const script = await scriptLines(file);
    assert.equal(lines.length, script.length);
    const states = ["S", "D", "T", "t", "X", "Z", "P", "I"];
    const letters = (bits: number) =>
      (states.filter((_, i) => (bits & (1 << i)) !== 0).join("|") || "R") + ((bits & 0x100) !== 0 ? "+" : "");
    let last = -1;
    // deno-lint-ignore no-explicit-any -- JSON
    const textOf = ({ event, fields: f }: any): string => {
      if (event === "sched:sched_switch") {
        return `${f.prev_comm}:${f.prev_pid} [${f.prev_prio}] ${
          letters(f.prev_state)
        } ==> ${f.next_comm}:${f.next_pid} [${f.next_prio}]`;
      }
      if (/waking|wakeup/.test(event)) return `${f.comm}:${f.pid} [${f.prio}] CPU:${f.target_cpu}`;
      const { parent_comm: comm, parent_pid: pid, ...others } = f;
      const shown = event === "sched:sched_process_fork" ? { comm, pid, ...others } : f;
      return Object.entries(shown).map(([name, value]) =>
        `${name}=${name === "group_dead" ? Boolean(value) : value}`
      ).join(" ");
    };
    const ours = lines.map((line) => {
      assert.ok(line.ts >= last);
      last = line.ts;
      assert.equal(BigInt(line.stamp), trace.epoch + BigInt(line.ts));
      return `${line.stamp} [${line.cpu}] ${line.event} ${textOf(line)}`;
    }).sort();
    const theirs = script.map((line) => `${line.time} [${line.cpu}] ${line.event} ${pluginText(line.text)}`)
      .sort();
    ours.forEach((line, i) => assert.equal(line, theirs[i]));
    const threads = new Map(script.map(({ time, cpu, event, tid }) => [`${time} ${cpu} ${event}`, tid]));
    for (const { stamp, cpu, event, tid } of lines) {
      const known = threads.get(`${stamp} ${cpu} ${event}`)!;
      if (known !== -1) assert.equal(tid, known);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("64-bit integers, names of any bytes and losses come through JSON", async () => {
  const rows = new StreamBuilder(4);
  rows.add(9, 10, 3, -1, -1, 5, 0, 0);
  const { stream, start } = rows.finish();
  const name = 'x\udcff\n"</script>';
  const integer = (field: string, size: number, signed: boolean) => ({
    name: field,
    type: "u64",
    offset: 8,
    size,
    signed,
    count: 1,
    content: "integer" as const,
  });
  const trace = new Trace({
    format: "test",
    epoch: 2n ** 62n + BigInt(start),
    clock: { name: "mono" },
    host: {},
    topology: { packages: [], cores: [] },
    stream,
    formats: new Map([["own:event", {
      name: "own:event",
      id: 7,
      fields: [integer("big", 8, false), { ...integer("who", 16, false), content: "string" }],
      printFormat: "",
    }]]),
    counts: new Map([["own:event", 1]]),
    holes: [],
    savedNames: new Map([[9, name]]),
    decode: (_event, fields): Record<string, Column> => {
      const all: Record<string, Column> = {
        ts: Float64Array.of(7),
        cpu: Uint16Array.of(2),
        common_pid: Int32Array.of(9),
        common_flags: Int32Array.of(8),
        big: BigUint64Array.of(2n ** 64n - 1n),
        who: DictColumn.from([name]),
      };
      return Object.fromEntries(fields.map((field) => [field, all[field]!]));
    },
  });
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const [text] = await Promise.all([new Response(readable as never).text(), writeJsonLines(trace, writable)]);
  const [lost, event] = text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.equal(lost.event, "schedscope:lost");
  assert.deepEqual([lost.cpu, lost.fields], [3, { lost: 5 }]);
  assert.deepEqual(event, {
    ts: 7,
    stamp: String(2n ** 62n + BigInt(start) + 7n),
    cpu: 2,
    event: "own:event",
    pid: null,
    tid: 9,
    comm: name,
    flags: 8,
    fields: { big: "18446744073709551615", who: name },
  });
  assert.deepEqual(encodeTaskName(event.comm).slice(0, 3), Uint8Array.of(0x78, 0xff, 10));
});
