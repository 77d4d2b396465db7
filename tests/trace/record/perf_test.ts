import assert from "node:assert/strict";
import { MachineLacksError } from "../../../lib/trace/record/errors.ts";
import { startRecording } from "../../../lib/trace/record/mod.ts";
import { startPerf } from "../../../lib/trace/record/perf.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { makeSwitches } from "./busy.ts";

Deno.test("perf records from before the start returns until the stop", async () => {
  const directory = await Deno.makeTempDir();
  const output = `${directory}/perf.data`;
  await using recorder = await startPerf({ output });
  await makeSwitches(2000);
  const { path, lost, bytes } = await recorder.stop();
  assert.equal(lost, 0);
  assert.equal(bytes, (await Deno.stat(path)).size);
  const trace = await openTrace(path);
  assert.equal(trace.clock.name, "mono");
  assert.ok(trace.switches.length > 2000, `${trace.switches.length} switches`);
  // Both ends of the workload are in: perf bench's execve came after the start, its exit before the stop.
  const execs = [...trace.event("sched:sched_process_exec").column("filename") as Iterable<string>];
  assert.ok(execs.some((name) => name.endsWith("/perf")), execs.join(" "));
  assert.ok(trace.has("sched:sched_process_exit"));
  assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["perf.data"]);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("what perf lost is counted as perf itself counts it", async () => {
  // A quiet machine may empty even so small a buffer in time: then with more switches.
  let told = 0;
  for (let switches = 20000; told === 0 && switches <= 320000; switches *= 4) {
    const directory = await Deno.makeTempDir();
    await using recorder = await startPerf({ output: `${directory}/perf.data`, bufferKb: 8 });
    await makeSwitches(switches);
    const { path, lost } = await recorder.stop();
    const { stdout } = await new Deno.Command("perf", { args: ["script", "--show-lost-events", "-i", path] })
      .output();
    const records = [...new TextDecoder().decode(stdout).matchAll(/PERF_RECORD_LOST lost (\d+)/g)];
    told = records.reduce((sum, match) => sum + Number(match[1]), 0);
    assert.equal(lost, told);
    await Deno.remove(directory, { recursive: true });
  }
  assert.ok(told > 0, "a buffer of 8 KiB must lose events");
});

Deno.test("a perf that is too busy to read its commands still ends with a whole recording", async () => {
  const directory = await Deno.makeTempDir();
  const deaf = `${directory}/perf`;
  // Says that the events are on, which they are from its start, and never looks at its commands again.
  await Deno.writeTextFile(
    deaf,
    `#!/bin/bash
args=()
while [ $# -gt 0 ]; do
  case $1 in
    --control) ack=\${2#*,}; shift 2 ;;
    -D) shift 2 ;;
    *) args+=("$1"); shift ;;
  esac
done
printf 'ack\\n' > "$ack"
exec perf "\${args[@]}"
`,
    { mode: 0o755 },
  );
  await using recorder = await startPerf({ output: `${directory}/perf.data`, perf: deaf });
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const { path } = await recorder.stop();
  assert.ok((await openTrace(path)).switches.length > 0);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a perf recording that is disposed of leaves nothing", async () => {
  const directory = await Deno.makeTempDir();
  {
    await using _ = await startPerf({ output: `${directory}/perf.data` });
  }
  assert.deepEqual([...Deno.readDirSync(directory)], []);
  await Deno.writeTextFile(`${directory}/text`, "precious");
  await assert.rejects(startPerf({ output: `${directory}/text` }), /is no perf\.data/);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a full disk is a clear error by perf too", async () => {
  const directory = await Deno.makeTempDir();
  const mount = await new Deno.Command("mount", {
    args: ["-t", "tmpfs", "-o", "size=300k", "none", directory],
  }).output();
  assert.ok(mount.success, new TextDecoder().decode(mount.stderr));
  try {
    await using recorder = await startPerf({ output: `${directory}/full.data` });
    await makeSwitches(20000);
    await assert.rejects(recorder.stop(), /full\.data.*the disk is full/);
    assert.deepEqual([...Deno.readDirSync(directory)], []);
  } finally {
    await new Deno.Command("umount", { args: [directory] }).output();
    await Deno.remove(directory);
  }
});

Deno.test("without perf the error says how to get it", async () => {
  const output = `${await Deno.makeTempDir()}/perf.data`;
  await assert.rejects(startPerf({ output, perf: "/nonexistent/perf" }), (error) => {
    assert.ok(error instanceof MachineLacksError);
    assert.equal(error.lacks, "perf");
    assert.match(error.remedy, /apt-get install linux-perf/);
    return true;
  });
  await Deno.remove(output.slice(0, output.lastIndexOf("/")), { recursive: true });
});

Deno.test("perf's own words are in the error where it fails", async () => {
  const output = `${await Deno.makeTempDir()}/perf.data`;
  await assert.rejects(startPerf({ output, cpus: [4000] }), /perf record did not start: .+/);
  await Deno.remove(output.slice(0, output.lastIndexOf("/")), { recursive: true });
});

Deno.test("the door is chosen and the reason said", async () => {
  const directory = await Deno.makeTempDir();
  for (
    const [name, door] of [["a.data", "perf"], ["a.tracefs", "tracefs"], ["anything", "tracefs"]] as const
  ) {
    await using recording = await startRecording({ output: `${directory}/${name}` });
    assert.equal(recording.door, door);
    assert.ok(recording.reason.length > 10);
    assert.equal(recording.instanceDir !== undefined, door === "tracefs");
    const { path } = await recording.stop();
    assert.equal((await openTrace(path)).format, door === "perf" ? "perf.data" : "tracefs");
  }
  await Deno.remove(directory, { recursive: true });
});
