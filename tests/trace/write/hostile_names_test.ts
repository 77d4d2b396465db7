import assert from "node:assert/strict";
import { openTrace } from "../../../lib/trace/open.ts";
import { writePerfetto } from "../../../lib/trace/perfetto/mod.ts";
import { writeTraceDat } from "../../../lib/trace/trace_dat/mod.ts";
import { writeFtraceText } from "../../../lib/trace/write/ftrace_text.ts";
import { writeJsonLines } from "../../../lib/trace/write/json_lines.ts";
import { IDLE, TraceWriter } from "../make_trace.ts";
import { traceCmd } from "../trace_dat/trace_cmd.ts";
import { withFields } from "./with_fields.ts";

/** As `decodeTaskName` has them; the third holds bytes that are no UTF-8. */
const NAMES = [
  "<script>",
  "a ==> b=c",
  "\udcff\udcfe\udc80",
  "two\nlines",
  "\u202eüber",
  "x 7 [000] 1.0:",
  "%s%n",
  "\x1b[31m",
];

Deno.test("names of any bytes come back from each format as they were", async () => {
  const dir = await Deno.makeTempDir();
  const writer = new TraceWriter();
  NAMES.forEach((comm, i) => {
    const task = { tid: 1000 + i, comm };
    writer.switch(i * 1e6, 0, IDLE, 0, task).switch(i * 1e6 + 1000, 0, task, 1, IDLE);
  });
  const trace = withFields(writer.trace());
  for (
    const [name, write] of [["pf", writePerfetto], ["dat", writeTraceDat], ["txt", writeFtraceText]] as const
  ) {
    await write(trace, `${dir}/${name}`);
    const copy = await openTrace(`${dir}/${name}`);
    const comms = copy.exactNames("sched:sched_switch", "next_comm");
    const found = Array.from({ length: NAMES.length }, (_, i) => comms.at(i * 2));
    assert.deepEqual(found, NAMES, name);
    assert.deepEqual(copy.switches.column("next_pid"), trace.switches.column("next_pid"));
  }
  const report = await traceCmd("report", "-N", "-t", "-i", `${dir}/dat`);
  assert.match(report, /prev_comm=two\nlines prev_pid=1003 prev_prio=120/);
  await writeJsonLines(trace, `${dir}/jsonl`);
  const lines = (await Deno.readTextFile(`${dir}/jsonl`)).trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  assert.deepEqual(lines.filter((_, i) => i % 2 === 0).map(({ fields }) => fields.next_comm), NAMES);
  await Deno.remove(dir, { recursive: true });
});
