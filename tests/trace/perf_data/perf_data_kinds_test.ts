import assert from "node:assert/strict";
import { TraceFormatError } from "../../../lib/trace/errors.ts";
import { isDirectoryRecording, open } from "../../../lib/trace/perf_data/mod.ts";
import { assertAsScript, scriptLines } from "./perf_script.ts";

const EVENTS = "sched:sched_switch,sched:sched_waking,sched:sched_process_exit";
const WORKLOAD = ["perf", "bench", "sched", "messaging", "-l", "30"];

async function record(args: readonly string[], workload = WORKLOAD): Promise<Uint8Array> {
  const { success, stdout, stderr } = await new Deno.Command("perf", {
    args: ["record", "-a", "-m", "4M", "-k", "CLOCK_MONOTONIC", ...args, "--", ...workload],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return stdout;
}

const holesOfReading = (trace: Awaited<ReturnType<typeof open>>) =>
  trace.quality.holes.filter((hole) => hole.kind === "corrupt" || hole.kind === "truncated").length;

async function inTemporary(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const KINDS: Readonly<Record<string, readonly string[]>> = {
  "zstd": ["-z", "-e", EVENTS],
  "zstd, slowest level": ["-z22", "-e", EVENTS],
  "call chains": ["-g", "-e", EVENTS],
  "user stacks and registers": ["--call-graph", "dwarf,1024", "-e", EVENTS],
  "one event": ["-e", "sched:sched_switch"],
  "one event with call chains": ["-g", "-e", "sched:sched_switch"],
  "addresses, raw data, periods, sample CPUs": ["-R", "-d", "-P", "--sample-cpu", "-e", EVENTS],
  "no inherit": ["--no-inherit", "-e", EVENTS],
  "no buffering, no build ids": ["--no-buffering", "-B", "-N", "-e", EVENTS],
  "read_format of a group": ["-e", "{sched:sched_switch,sched:sched_waking}:S"],
  "a hardware-independent event beside them": ["-e", `${EVENTS},dummy:u`],
  "context switch records, namespaces, cgroups": [
    "--switch-events",
    "--namespaces",
    "--all-cgroups",
    "-e",
    EVENTS,
  ],
  "records of the tool at the end": ["--tail-synthesize", "-e", EVENTS],
};

for (const [name, args] of Object.entries(KINDS)) {
  Deno.test(`open() reads what perf script reads: ${name}`, () =>
    inTemporary(async (dir) => {
      const path = `${dir}/perf.data`;
      await record([...args, "-o", path]);
      const trace = await open(path);
      const lines = await scriptLines(path);
      // perf makes up a line for each other member of a sampled group; the recording has samples of the leader only.
      const sampled = args.some((arg) => arg.endsWith("}:S")) ? ["sched:sched_switch"] : undefined;
      assertAsScript(
        trace,
        sampled === undefined ? lines : lines.filter(({ event }) => sampled.includes(event)),
      );
      assert.equal(holesOfReading(trace), 0);
      assert.ok(trace.switches.length > 100);
    }));
}

for (const compressed of [false, true]) {
  const z = compressed ? ["-z"] : [];
  Deno.test(`open() reads a recording to a pipe${compressed ? ", compressed" : ""}, as perf script does`, () =>
    inTemporary(async (dir) => {
      const path = `${dir}/pipe`;
      const workload = ["sh", "-c", `exec ${WORKLOAD.join(" ")} >&2`];
      await Deno.writeFile(path, await record([...z, "-e", EVENTS, "-o", "-"], workload));
      const trace = await open(path);
      assertAsScript(trace, await scriptLines(path));
      assert.equal(holesOfReading(trace), 0);
      assert.equal(trace.host.release, Deno.osRelease());
      assert.equal(trace.clock.name, "mono");
      assert.ok(trace.topology.cores.length > 0);
    }));

  Deno.test(`open() reads a directory of perf record --threads${compressed ? " -z" : ""}`, () =>
    inTemporary(async (dir) => {
      const path = `${dir}/perf.data`;
      await record([...z, "--threads", "-e", EVENTS, "-o", path]);
      assert.ok((await Deno.stat(path)).isDirectory);
      assert.ok(isDirectoryRecording(path));
      assert.ok(!isDirectoryRecording(dir));
      const trace = await open(path);
      assertAsScript(trace, await scriptLines(path));
      assert.equal(holesOfReading(trace), 0);
      assert.equal(trace.path, path);
    }));
}

Deno.test("open() of a recording whose recorder was killed says what to do, and reads it with this machine's formats", () =>
  inTemporary(async (dir) => {
    const path = `${dir}/perf.data`;
    const recorder = new Deno.Command("perf", {
      args: [
        "record",
        "-a",
        "-m",
        "4",
        "-k",
        "CLOCK_MONOTONIC",
        "-e",
        EVENTS,
        "-o",
        path,
        "--",
        "sleep",
        "60",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const other = `${dir}/whole.data`;
    await record(["-e", EVENTS, "-o", other]);
    recorder.kill("SIGKILL");
    await recorder.status;
    await assert.rejects(
      open(path),
      (error) =>
        error instanceof TraceFormatError && error.offset === Deno.statSync(path).size &&
        /the recorder died .* formatsFrom/.test(error.message),
    );
    const trace = await open(path, { formatsFrom: "machine" });
    assert.ok(trace.switches.length > 100);
    assert.equal(holesOfReading(trace), 1);
    // Both recorders saw the same switches: those that the dead one kept have the other's stamps and fields.
    const whole = await open(other);
    const key = (of: typeof trace, i: number) => {
      const row = of.switches.row(i);
      return `${
        of.epoch + BigInt(row.ts)
      } ${row.cpu} ${row.prev_pid} ${row.prev_comm} ${row.next_pid} ${row.next_comm}`;
    };
    const { length } = whole.switches;
    const known = new Set(Array.from({ length }, (_, i) => key(whole, i).replace(/^\d+ /, "")));
    let shared = 0;
    for (let i = 0; i < trace.switches.length; i++) {
      if (known.has(key(trace, i).replace(/^\d+ /, ""))) shared++;
    }
    assert.ok(
      shared > 100,
      `${shared} of ${trace.switches.length} switches are known from the other recording`,
    );
    const byFile = await open(path, { formatsFrom: other });
    assert.deepEqual(byFile.stream, trace.stream);
    assert.deepEqual([...byFile.counts], [...trace.counts]);
  }));
