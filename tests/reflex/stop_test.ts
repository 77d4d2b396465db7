import assert from "node:assert/strict";
import { reflex } from "../../lib/bench/mod.ts";
import { nativeProgram } from "../../lib/native/mod.ts";

/** Resolves when `test` holds; fails after five seconds. */
async function eventually(test: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!test()) {
    assert.ok(performance.now() < deadline, what);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const threads = (pid: number | "self") => [...Deno.readDirSync(`/proc/${pid}/task`)].length;
const pipes = () =>
  [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith("pipe:");
    } catch {
      return false; // closed meanwhile
    }
  }).length;

function alive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

for (const isolation of ["process", "thread"] as const) {
  Deno.test(`an abort frees blocked readers and leaves no thread and no pipe (${isolation})`, async () => {
    // Once before: the runtime's own pool has its threads then.
    await reflex({ children: 4, duration: 5e6, minRuns: 2, maxRuns: 2, isolation });
    const before = pipes();
    const controller = new AbortController();
    const running = reflex({
      children: 64,
      active: 2,
      duration: 100e9,
      isolation,
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(new Error("enough")), 150);
    const from = performance.now();
    await assert.rejects(running, /enough/);
    assert.ok(performance.now() - from < 20e3);
    await eventually(() => threads("self") < 64, "the children have ended");
    await eventually(() => pipes() <= before, "the pipes are closed");
  });
}

Deno.test("an abort after the first run keeps the runs that were done", async () => {
  const controller = new AbortController();
  const result = await reflex({
    children: 4,
    duration: 20e6,
    width: 1e-9,
    signal: controller.signal,
    onProgress: ({ runs, mean }) => {
      assert.ok(mean > 0);
      if (runs === 2) controller.abort();
    },
  });
  assert.equal(result.runs.length, 2);
  assert.equal(result.verdict, "FRC");
  const aborted = AbortSignal.abort(new Error("no more"));
  await assert.rejects(reflex({ signal: aborted }), /no more/);
});

Deno.test("SIGTERM and SIGINT end the program soon, with what was measured", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const child = new Deno.Command(nativeProgram("schedscope-reflex"), {
      args: ["-c", "64", "-a", "2", "-t", "1000", "--json"],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await eventually(() => threads(child.pid) === 65, "its children run");
    child.kill(signal);
    const { code, stdout } = await child.output();
    assert.equal(code, 1);
    assert.equal(JSON.parse(new TextDecoder().decode(stdout)).stopped, "signal");
  }
});

Deno.test("kill -9 of the parent leaves no child", async () => {
  const program = nativeProgram("schedscope-reflex");
  // A shell between us and it: what dies is its parent.
  const shell = new Deno.Command("sh", {
    args: ["-c", `"$1" -c 8 -t 1000 -q --parent $$ & echo $!; wait`, "sh", program],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = shell.stdout.getReader();
  const pid = Number(new TextDecoder().decode((await reader.read()).value).trim());
  await eventually(() => alive(pid) && threads(pid) === 9, "it runs");
  shell.kill("SIGKILL");
  await shell.status;
  await eventually(() => !alive(pid), `${pid} is still there`);
  await reader.cancel();
});
