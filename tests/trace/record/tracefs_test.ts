import assert from "node:assert/strict";
import { cpuMask } from "../../../lib/trace/record/choose.ts";
import { RecordingError } from "../../../lib/trace/record/errors.ts";
import { record, startRecording } from "../../../lib/trace/record/mod.ts";
import { startTracefs } from "../../../lib/trace/record/tracefs.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { makeSwitches, ownInstances } from "./busy.ts";

/** The state of the top-level tracer, which recordings must not touch. */
function topLevel(): string {
  return ["tracing_on", "trace_clock", "set_event", "current_tracer"]
    .map((name) => Deno.readTextFileSync(`/sys/kernel/tracing/${name}`)).join("|");
}

Deno.test("a recording leaves nothing behind and the top level untouched", async () => {
  const directory = await Deno.makeTempDir();
  const before = topLevel();
  {
    await using recorder = await startTracefs({ output: `${directory}/a.tracefs` });
    assert.equal(ownInstances().length, 1);
    assert.equal(Deno.readTextFileSync(`${recorder.instanceDir}/tracing_on`).trim(), "1");
  }
  assert.deepEqual(ownInstances(), []);
  assert.deepEqual([...Deno.readDirSync(directory)], [], "disposed of without stop: no capture");
  await assert.rejects(async () => {
    await using _ = await startTracefs({ output: `${directory}/b.tracefs` });
    throw new Error("the work failed");
  }, /the work failed/);
  assert.deepEqual(ownInstances(), []);
  assert.equal(topLevel(), before);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("an instance that another process still writes to is removed when that lets go", async () => {
  const directory = await Deno.makeTempDir();
  await using recorder = await startTracefs({ output: `${directory}/a.tracefs` });
  const other = new Deno.Command("sh", {
    args: ["-c", "exec 7>$0/trace_marker; echo open; read x; sleep 0.3", recorder.instanceDir],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = other.stdout.getReader();
  await reader.read();
  await other.stdin.close();
  const { notes } = await recorder.stop();
  assert.deepEqual(ownInstances(), []);
  assert.deepEqual(notes.filter((note) => note.includes("could not")), []);
  await other.status;
  await reader.cancel();
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a full disk is a clear error, and nothing is left", async () => {
  const directory = await Deno.makeTempDir();
  const mount = await new Deno.Command("mount", {
    args: ["-t", "tmpfs", "-o", "size=300k", "none", directory],
  }).output();
  assert.ok(mount.success, new TextDecoder().decode(mount.stderr));
  try {
    for (const drainEvery of [0, 5]) {
      await using recorder = await startTracefs({
        output: `${directory}/full.tracefs`,
        bufferKb: 2048,
        drainEvery,
      });
      await makeSwitches(8000);
      await assert.rejects(recorder.stop(), (error) => {
        assert.ok(error instanceof RecordingError);
        assert.match(error.message, /full\.tracefs.*(disk is full|No space left)/);
        return true;
      });
      assert.deepEqual(ownInstances(), []);
      assert.deepEqual([...Deno.readDirSync(directory)], []);
    }
  } finally {
    await new Deno.Command("umount", { args: [directory] }).output();
    await Deno.remove(directory);
  }
});

Deno.test("an aborted recording is thrown away; one stopped early is kept", async () => {
  const directory = await Deno.makeTempDir();
  const output = `${directory}/x.tracefs`;
  const abort = new AbortController();
  setTimeout(() => abort.abort(new Error("enough")), 300);
  await assert.rejects(record({ output, duration: 60e9, signal: abort.signal }), /enough/);
  assert.deepEqual(ownInstances(), []);
  assert.deepEqual([...Deno.readDirSync(directory)], []);
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 500);
  const { path } = await record({ output, command: ["sleep", "60"], stopSignal: stop.signal });
  const trace = await openTrace(path);
  assert.ok(trace.span.to > 20e6, `${trace.span.to} ns`);
  assert.deepEqual(ownInstances(), []);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("an output that is something else is refused, an older capture replaced", async () => {
  const directory = await Deno.makeTempDir();
  const output = `${directory}/x.tracefs`;
  await Deno.mkdir(output);
  await Deno.writeTextFile(`${output}/precious`, "");
  await assert.rejects(startTracefs({ output }), /is no tracefs capture/);
  assert.deepEqual(ownInstances(), []);
  await Deno.remove(`${output}/precious`);
  for (const clock of ["mono", "x86-tsc"] as const) {
    await using recorder = await startTracefs({ output, clock });
    await recorder.stop();
    assert.equal((await openTrace(output)).clock.name, clock);
  }
  assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["x.tracefs"]);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("events, CPUs and clocks that are not there are named", async () => {
  const output = `${await Deno.makeTempDir()}/x.tracefs`;
  await assert.rejects(
    startTracefs({ output, events: ["sched:sched_nonsense"] }),
    /no event sched:sched_nonsense/,
  );
  await assert.rejects(startTracefs({ output, events: ["nonsense"] }), /system:name/);
  await assert.rejects(startTracefs({ output, cpus: [4095] }), /Expected CPUs of 0/);
  await assert.rejects(startTracefs({ output, bufferKb: 1 }), /bufferKb/);
  await assert.rejects(
    startTracefs({ output, clock: "sundial" as "mono" }),
    /no trace clock sundial.*remedy/,
  );
  await assert.rejects(startRecording({ door: "perf", clock: "x86-tsc" }), /only tracefs has/);
  await assert.rejects(record({ output }), /Expected a duration, a command/);
  assert.deepEqual(ownInstances(), []);
  await Deno.remove(output.slice(0, output.lastIndexOf("/")), { recursive: true });
});

Deno.test("one CPU alone can be recorded", async () => {
  const output = `${await Deno.makeTempDir()}/one.tracefs`;
  await using recorder = await startTracefs({
    output,
    cpus: [0],
    irq: true,
    extraEvents: ["task:task_rename"],
  });
  await makeSwitches(500);
  const trace = await openTrace((await recorder.stop()).path);
  assert.ok(trace.switches.length > 0);
  assert.ok(trace.stream.cpu.every((cpu) => cpu === 0));
  assert.ok(trace.formats.has("task:task_rename") && trace.formats.has("irq:softirq_entry"));
  await Deno.remove(output.slice(0, output.lastIndexOf("/")), { recursive: true });
});

Deno.test("a CPU mask has groups of 32 bits, the highest first", () => {
  assert.equal(cpuMask([0, 1]), "00000003");
  assert.equal(cpuMask([31, 32, 63]), "80000001,80000000");
});
