import assert from "node:assert/strict";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { memorySource } from "../../../lib/trace/byte_source.ts";
import { TraceFormatError } from "../../../lib/trace/errors.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { read } from "../../../lib/trace/text/mod.ts";
import { damageLines } from "../../fuzz/lines.ts";
import { randomFrom, spoil } from "../../seeded.ts";

const FTRACE = `# tracer: nop
#
            bash-3771    [001] d.s4.  6519.018288: sched_waking: comm=rcu_preempt pid=15 prio=120 target_cpu=000
          <idle>-0       [000] d..2.  6519.018362: sched_switch: prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=rcu_preempt next_pid=15 next_prio=120
CPU:1 [LOST 12 EVENTS]
     rcu_preempt-15      [000] d..2.  6519.018409: sched_switch: rcu_preempt:15 [120] I ==> swapper/0:0 [120]
            bash-3771    [001] .....  6519.019203: sched_process_fork: comm=bash pid=3771 child_comm=bash child_pid=3786
          <idle>-0       [001] d.h1.  6519.019300: softirq_entry: vec=1 [action=TIMER]
`;
const PERF = `# ========
# hostname : vm
            perf 24411/24411 [000]  2548.348104624:       sched:sched_waking: comm=migration/0 pid=18 prio=0 target_cpu=000
     migration/0    18/18    [000]  2548.348121960: sched:sched_migrate_task: comm=perf pid=24411 prio=120 orig_cpu=0 dest_cpu=1
            perf 24411 [001]  2548.348443000:       sched:sched_switch: prev_comm=perf prev_pid=24411 prev_prio=120 prev_state=S ==> next_comm=deno next_pid=24404 next_prio=120
     process_api     0 [000]     0.000000: PERF_RECORD_COMM: process_api:1/1
             cat 24412 [000]  2548.349138000: sched:sched_process_exec: filename=/usr/bin/cat pid=24412 old_pid=24412
`;
const TIMEHIST =
  `           time    cpu  task name                       wait time  sch delay   run time  state
                        [tid/pid]                          (msec)     (msec)     (msec)       
--------------- ------  ------------------------------  ---------  ---------  ---------  -----
    2548.348104 [0000]  perf[24411]                                                      awakened: migration/0[18]
    2548.348113 [0000]  perf[24411]                         0.000      0.000      0.000      D  next: migration/0[18]         
    2548.348121 [0000]  migration/0[18]                                                  migrated: perf[24411] cpu 0 => 1
    2548.348129 [0000]  migration/0[18/18]                  0.000      0.009      0.015      S  next: swapper/0[0]            
    2548.348413 [0000]  <idle>                              0.000      0.000      0.283      I
`;

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("thousands of damaged texts: rows that make sense, or an error that names the byte", () => {
  const random = randomFrom(20260);
  let opened = 0;
  for (let i = 0; i < 6000; i++) {
    const text = bytes([FTRACE, PERF, TIMEHIST][i % 3]!);
    const input = i % 2 === 0 ? damageLines(text, random) : spoil(text, random);
    let trace;
    try {
      trace = read(memorySource(input, "damaged"));
    } catch (error) {
      assert.ok(error instanceof TraceFormatError, `${error}`);
      assert.match(error.message, /^damaged: byte \d+: expected .* but found /);
      continue;
    }
    opened++;
    const { ts, kind, length } = trace.stream;
    for (let row = 1; row < length; row++) assert.ok(ts[row]! >= ts[row - 1]!);
    for (let row = 0; row < length; row++) assert.ok(Number.isFinite(ts[row]) && kind[row]! <= 13);
    assert.ok(trace.quality.share >= 0 && trace.quality.share <= 1);
    for (const [event, count] of trace.counts) {
      const frame = trace.event(event);
      assert.equal(frame.length, count);
      for (const name of frame.names) assert.equal(frame.column(name).length, count, `${event} ${name}`);
    }
  }
  assert.ok(opened > 4000, `${opened} opened`);
});

Deno.test("what takes longest to take apart takes no more than a second for each MB", () => {
  const line = FTRACE.split("\n")[2]!;
  const texts: Record<string, string> = {
    "one line of blanks": " ".repeat(2_000_000),
    "lines of blanks": `${" ".repeat(4000)}\n`.repeat(500),
    "one line of digits": "1".repeat(2_000_000),
    "blanks and digits": "  1 ".repeat(500_000),
    "nearly heads": " a-1 [001] a-1 [001]".repeat(100_000),
    "broken switches": `${
      line.replace(/sched_waking.*/, "sched_switch: prev_comm=a prev_pid=1 prev_prio=1")
    }\n`.repeat(20_000),
    "half pids": `${line.replace("rcu_preempt", " pid=".repeat(400))}\n`.repeat(900),
    "commented": "# x : y\n".repeat(200_000),
    "LOST": "CPU:1 [LOST 12 EVENTS]\n".repeat(80_000),
    "timehist": `    2548.348113 [0000]  ${"0.000  ".repeat(500)}\n`.repeat(500),
    "timehist of brackets": `    2548.348113 [0000]  ${"[1".repeat(1500)}      awakened: ${
      "next: ".repeat(100)
    }\n`.repeat(500),
  };
  for (const [what, text] of Object.entries(texts)) {
    const input = bytes(`${line}\n${text}`);
    const alone = bytes(`${TIMEHIST}${text}`);
    const start = performance.now();
    read(memorySource(input));
    read(memorySource(alone));
    const seconds = (performance.now() - start) / 1000;
    assert.ok(
      seconds < (input.length + alone.length) / 1e6,
      `${what}: ${seconds} s for ${input.length} bytes, twice`,
    );
  }
});

Deno.test("lines longer than the buffer, and lines over its edge", () => {
  const line = FTRACE.split("\n")[2]!;
  const many = 20_000;
  const long = "x".repeat(3_000_000);
  const trace = read(
    memorySource(bytes(`${`${line}\n`.repeat(many)}${long}\n${`${line}\n`.repeat(many)}${line}`)),
  );
  assert.equal(trace.counts.get("sched:sched_waking"), 2 * many + 1);
  assert.equal(trace.event("sched:sched_waking").column("pid").length, 2 * many + 1);
  const corrupt = trace.quality.holes.row(0);
  assert.deepEqual([corrupt.kind, corrupt.lost], ["corrupt", 1]);
});

Deno.test("what is no trace is refused with the byte, packed or not; what is packed opens as what it is", async () => {
  const dir = await Deno.makeTempDir();
  const file = async (name: string, content: Uint8Array) => {
    await Deno.writeFile(`${dir}/${name}`, content);
    return `${dir}/${name}`;
  };
  try {
    for (
      const [name, content] of Object.entries({
        empty: "",
        plain: "Dear reader,\nthis is a letter.\n",
        digits: "1 2 3\n4 5 6\n",
      })
    ) {
      for (const pack of [(b: Uint8Array) => b, gzipSync, zstdCompressSync]) {
        const path = await file(name, pack(bytes(content)));
        await assert.rejects(openTrace(path), {
          name: "TraceFormatError",
          message: /: byte 0: expected .* but found /,
        });
      }
    }
    const plain = await openTrace(await file("a", bytes(PERF)));
    const half = PERF.indexOf("\n", 200) + 1;
    const packed: Record<string, Uint8Array[]> = {
      gzip: [gzipSync(bytes(PERF))],
      zstd: [zstdCompressSync(bytes(PERF))],
      "gzip members": [gzipSync(bytes(PERF.slice(0, half))), gzipSync(bytes(PERF.slice(half)))],
      "zstd frames": [
        zstdCompressSync(bytes(PERF.slice(0, half))),
        zstdCompressSync(bytes(PERF.slice(half))),
      ],
    };
    for (const [name, parts] of Object.entries(packed)) {
      const trace = await openTrace(await file("p", Uint8Array.from(parts.flatMap((part) => [...part]))));
      assert.deepEqual([...trace.counts], [...plain.counts], name);
      assert.equal(trace.epoch, plain.epoch);
    }
    const large = bytes(PERF.repeat(20_000));
    for (const whole of [gzipSync(large), zstdCompressSync(large)]) {
      const path = await file("cut", whole.subarray(0, whole.length - 100));
      const cut = await openTrace(path);
      const { holes } = cut.quality;
      const kinds = Array.from({ length: holes.length }, (_, i) => holes.row(i).kind);
      assert.ok(kinds.includes("truncated"), `${kinds}`);
      await assert.rejects(openTrace(path, { maxUnpacked: 1e6 }), /at most 1000000 bytes .* unpacks to more/);
      await assert.rejects(openTrace(path, { signal: AbortSignal.abort(new Error("enough")) }), /enough/);
    }
    const bomb = zstdCompressSync(new Uint8Array(600_000_000));
    await assert.rejects(openTrace(await file("bomb", bomb)), {
      name: "TraceFormatError",
      message: /unpacks to more/,
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("schedscope info, gaps and timehist read standard input", async () => {
  const main = new URL("../../../lib/cli/main.ts", import.meta.url).pathname;
  for (
    const [command, expected] of [["info", "sched:sched_switch"], ["gaps", "gaps of"], [
      "timehist",
      "perf",
    ]] as const
  ) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", main, command, "-"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(gzipSync(bytes(PERF)));
    await writer.close();
    const { success, stdout, stderr } = await child.output();
    assert.ok(success, new TextDecoder().decode(stderr));
    assert.ok(new TextDecoder().decode(stdout).includes(expected), new TextDecoder().decode(stdout));
  }
});
