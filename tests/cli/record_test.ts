import assert from "node:assert/strict";
import { openTrace } from "../../lib/trace/open.ts";
import { instances } from "../trace/record/busy.ts";

const MAIN = new URL("../../lib/cli/main.ts", import.meta.url).pathname;

function schedscope(directory: string, ...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-lock", MAIN, ...args],
    cwd: directory,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function finished(child: Deno.ChildProcess): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

Deno.test("record -- COMMAND records while it runs and says by which door and why", async () => {
  const directory = await Deno.makeTempDir();
  const { code, out, err } = await finished(
    schedscope(directory, "record", "--irq", "--", "sh", "-c", "echo from the command; /bin/true"),
  );
  assert.equal(code, 0, err);
  assert.equal(out, "from the command\n");
  assert.match(err, /Recorded by tracefs \(.+\): trace\.tracefs/);
  const trace = await openTrace(`${directory}/trace.tracefs`);
  assert.ok(
    [...trace.event("sched:sched_process_exec").column("filename") as Iterable<string>].includes("/bin/true"),
  );
  await Deno.remove(directory, { recursive: true });
});

Deno.test("record --json is one object, and the command's failure the exit code 1", async () => {
  const directory = await Deno.makeTempDir();
  const { code, out } = await finished(
    schedscope(directory, "record", "--json", "-o", "x.data", "--", "sh", "-c", "exit 7"),
  );
  assert.equal(code, 1);
  const told = JSON.parse(out);
  assert.equal(told.path, "x.data");
  assert.equal(told.door, "perf");
  assert.equal(told.exit_code, 7);
  assert.equal(told.lost, 0);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("SIGINT ends a recording and keeps it", async () => {
  const directory = await Deno.makeTempDir();
  for (const [output, door] of [["a.tracefs", "tracefs"], ["a.data", "perf"]] as const) {
    const child = schedscope(directory, "record", "-o", output, "--door", door);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    child.kill("SIGINT");
    const { code, err } = await finished(child);
    assert.equal(code, 0, err);
    assert.ok((await openTrace(`${directory}/${output}`)).switches.length > 0);
    assert.ok(!instances().some((name) => name.startsWith(`schedscope-${child.pid}-`)));
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("wrong usage exits with 2, events that are not there with 1, and both say so", async () => {
  const directory = await Deno.makeTempDir();
  for (
    const args of [["--door", "window"], ["--nonsense"], ["sleep", "1"], ["-d", "soon"], ["--"], [
      "--events",
      "x",
    ], ["--cpus", "a"]]
  ) {
    const { code, err } = await finished(schedscope(directory, "record", ...args));
    assert.equal(code, 2, `${args.join(" ")}: ${err}`);
    assert.match(err, /^schedscope record: .+\nTry: schedscope record --help\n$/);
  }
  const { code, err } = await finished(
    schedscope(directory, "record", "-d", "1s", "--events", "sched:nonsense"),
  );
  assert.equal(code, 1);
  assert.match(err, /^schedscope record: This kernel has no event sched:nonsense.*\n$/);
  const missing = await finished(schedscope(directory, "record", "--", "/nonexistent/program"));
  assert.equal(missing.code, 1);
  assert.deepEqual([...Deno.readDirSync(directory)], []);
  const help = await finished(schedscope(directory, "record", "--help"));
  assert.equal(help.code, 0);
  assert.match(help.out, /Examples:/);
  await Deno.remove(directory, { recursive: true });
});
