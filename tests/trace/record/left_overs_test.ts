import assert from "node:assert/strict";
import { cleanStale } from "../../../lib/trace/record/clean_stale.ts";
import { isAlive, ownedName, ownerOf, startTimeOf, thisOwner } from "../../../lib/trace/record/owner.ts";
import { startRecording } from "../../../lib/trace/record/mod.ts";
import { startTracefs } from "../../../lib/trace/record/tracefs.ts";
import { run as doctor } from "../../../lib/cli/doctor.ts";
import { instances } from "./busy.ts";

const KILLED = new URL("./killed_owner.ts", import.meta.url).pathname;

/** Starts a recording in a process of its own. */
async function startRecorder(door: string, output: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-lock", KILLED, door, output],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const said = JSON.parse(new TextDecoder().decode(value)) as { pid: number; instanceDir: string | null };
  return {
    ...said,
    async kill(signal: Deno.Signal): Promise<void> {
      child.kill(signal);
      await child.status;
      await reader.cancel();
    },
  };
}

/** A recording whose process was killed without warning, after what guarded its instance: all at once, as a container ends. */
async function killedRecorder(
  door: string,
  output: string,
): Promise<{ pid: number; instanceDir: string | null }> {
  const recorder = await startRecorder(door, output);
  if (recorder.instanceDir !== null) {
    for (const { pid } of processesWith(recorder.instanceDir)) Deno.kill(pid, "SIGKILL");
  }
  await recorder.kill("SIGKILL");
  return recorder;
}

/** Processes with `text` in their command line. */
function processesWith(text: string): { pid: number; line: string }[] {
  const found: { pid: number; line: string }[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const line = Deno.readTextFileSync(`/proc/${name}/cmdline`).replaceAll("\0", " ");
      if (line.includes(text)) found.push({ pid: Number(name), line });
    } catch {
      // It has ended.
    }
  }
  return found;
}

async function eventually(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 250; i++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(what);
}

Deno.test("what a recorder killed by SIGKILL left is removed by the next recording", async () => {
  const directory = await Deno.makeTempDir();
  const output = `${directory}/killed.tracefs`;
  const { pid, instanceDir } = await killedRecorder("tracefs", output);
  const name = instanceDir!.slice(instanceDir!.lastIndexOf("/") + 1);
  assert.ok(instances().includes(name), "the instance of the killed recorder is there");
  assert.equal(Deno.readTextFileSync(`${instanceDir}/events/sched/sched_switch/enable`).trim(), "1");
  assert.equal([...Deno.readDirSync(directory)].length, 1, "its unfinished capture is there");
  await using recorder = await startTracefs({ output });
  assert.ok(!instances().includes(name), "the instance is gone");
  assert.ok(!instances().some((each) => each.startsWith(`schedscope-${pid}-`)));
  const capture = await recorder.stop();
  assert.ok(capture.notes.some((note) => note.includes(name)), "and it is said");
  assert.deepEqual([...Deno.readDirSync(directory)].map((entry) => entry.name), ["killed.tracefs"]);
  await Deno.remove(directory, { recursive: true });
});

for (const signal of ["SIGKILL", "SIGINT", "SIGTERM"] as const) {
  Deno.test(`an instance goes by itself when its recorder is ended by ${signal}`, async () => {
    const directory = await Deno.makeTempDir();
    const recorder = await startRecorder("tracefs", `${directory}/killed.tracefs`);
    const name = recorder.instanceDir!.slice(recorder.instanceDir!.lastIndexOf("/") + 1);
    assert.ok(instances().includes(name));
    await recorder.kill(signal);
    await eventually("the instance is still there", () => !instances().includes(name));
    await eventually("its guard is still there", () => processesWith(name).length === 0);
    await Deno.remove(directory, { recursive: true });
  });
}

Deno.test("doctor --clean removes it too, and says so", async () => {
  const directory = await Deno.makeTempDir();
  const { pid, instanceDir } = await killedRecorder("tracefs", `${directory}/killed.tracefs`);
  const said: string[] = [];
  const { log } = console;
  console.log = (text: string) => said.push(text);
  try {
    assert.equal(await doctor(["--clean", "--json"]), 0);
  } finally {
    console.log = log;
  }
  assert.ok(JSON.parse(said.join("\n")).cleaned.removed.includes(instanceDir));
  assert.ok(!instances().some((each) => each.startsWith(`schedscope-${pid}-`)));
  await Deno.remove(directory, { recursive: true });
});

Deno.test("perf ends by itself when its recorder is killed, and leaves nothing after the next recording", async () => {
  const directory = await Deno.makeTempDir();
  const { pid } = await killedRecorder("perf", `${directory}/killed.data`);
  await eventually("perf is still running", () => processesWith(`schedscope-${pid}-`).length === 0);
  await using recording = await startRecording({ door: "perf", output: `${directory}/killed.data` });
  const { path } = await recording.stop();
  assert.deepEqual([...Deno.readDirSync(directory)].map((entry) => entry.name), ["killed.data"]);
  assert.equal(path, `${directory}/killed.data`);
  assert.ok(![...Deno.readDirSync("/tmp")].some(({ name }) => name.startsWith(`schedscope-${pid}-`)));
  await Deno.remove(directory, { recursive: true });
});

Deno.test("what belongs to a living process, or to nobody known, is left alone", async () => {
  const directory = await Deno.makeTempDir();
  const { pid, startTime } = thisOwner();
  const keep = [
    ownedName(),
    "schedscope-notes",
    "other",
    `schedscope-${pid}-${startTime}-7-shm`,
    `schedscope-spin-${pid}-uuid`,
  ];
  const gone = [
    `schedscope-${pid}-1-0`,
    `schedscope-4194303-123-0`,
    `schedscope-${pid}-${startTime}1-0`,
    "schedscope-spin-4194303-uuid",
  ];
  for (const name of [...keep, ...gone]) await Deno.writeTextFile(`${directory}/${name}`, "");
  const { removed, failed } = cleanStale([directory]);
  assert.deepEqual(
    removed.filter((path) => path.startsWith(directory)).sort(),
    gone.map((n) => `${directory}/${n}`).sort(),
  );
  assert.deepEqual(failed, []);
  assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name).sort(), keep.sort());
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a container does not take the recorders outside of it for dead, nor the other way round", async () => {
  const directory = await Deno.makeTempDir();
  await using recorder = await startTracefs({ output: `${directory}/outside.tracefs` });
  const inside = new Deno.Command("unshare", {
    args: [
      "--pid",
      "--fork",
      "--mount-proc",
      Deno.execPath(),
      "run",
      "-A",
      "--no-lock",
      KILLED,
      "tracefs",
      `${directory}/inside.tracefs`,
    ],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = inside.stdout.getReader();
  const { instanceDir } = JSON.parse(new TextDecoder().decode((await reader.read()).value));
  assert.ok(Deno.statSync(recorder.instanceDir).isDirectory, "it was removed from the inside");
  assert.ok(
    cleanStale().failed.length === 0 && Deno.statSync(instanceDir).isDirectory,
    "it was removed from the outside",
  );
  const name = instanceDir.slice(instanceDir.lastIndexOf("/") + 1);
  for (const { pid, line } of processesWith(KILLED)) {
    if (!line.startsWith("unshare")) Deno.kill(pid, "SIGKILL");
  }
  await inside.status;
  await reader.cancel();
  await eventually("what a dead container left is still there", () => {
    cleanStale();
    return !instances().includes(name);
  });
  await recorder.stop();
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a process is known by its pid and start time", () => {
  assert.ok(isAlive(thisOwner()));
  assert.ok(!isAlive({ ...thisOwner(), startTime: "1" }));
  assert.equal(startTimeOf(4194303), undefined);
  assert.deepEqual(ownerOf(ownedName()), thisOwner());
  assert.equal(ownerOf("schedscope-1-2"), undefined);
});
