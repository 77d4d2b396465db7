import assert from "node:assert/strict";
import { inject, spin, type SpinSnapshot } from "../../lib/bench/mod.ts";
import { startSpin } from "./start_spin.ts";

const tracing = "/sys/kernel/tracing/instances";
const cpu = 1 % navigator.hardwareConcurrency;

Deno.test("the first gap over maxGap ends the run, stops the trace and leaves a marker", async () => {
  for (let attempt = 1; !await endsByItsWindow(attempt); attempt++);
});

/** Whether the gap that ended the run was the injected one; a neighbour's may come before it. */
async function endsByItsWindow(attempt: number): Promise<boolean> {
  const instance = `${tracing}/schedscope-stop-test-${Deno.pid}`;
  Deno.mkdirSync(instance);
  try {
    const lines: string[] = [];
    const { ended } = await startSpin({
      threads: 4,
      cpus: [cpu],
      pin: true,
      maxSleep: 0,
      maxGap: 150e6,
      burst: 10e9,
      traceMarker: instance,
      onLine: (line) => lines.push(line),
    });
    const truth = await inject(cpu, { at: [{ after: 1400e6, length: 200e6 }] });
    const { stopped, gaps, traceErrno } = await ended;
    assert.equal(stopped.reason, "maxGap");
    assert.equal(traceErrno, 0);
    const gap = gaps.row(stopped.gap!);
    assert.ok(gap.dur > 150e6);
    const itsWindow = gap.start_tsc < truth.windows.column("end_tsc")[0]! &&
      gap.end_tsc > truth.windows.column("start_tsc")[0]!;
    if (!itsWindow && attempt < 3) {
      console.log(`  attempt ${attempt}: another gap of ${(gap.dur / 1e6).toFixed(0)} ms came first`);
      return false;
    }
    assert.ok(itsWindow);
    assert.equal(gaps.column("dur").filter((dur) => dur > 150e6).length >= 1, true);

    assert.match(lines[0]!, /^Max latency: \d+ ms \(\d+ ticks, 4 online\)$/);
    const at = lines.findIndex((line) => /^diff: \d+ms$/.test(line));
    assert.ok(at > 0, lines.join("\n"));
    assert.ok(Math.abs(parseInt(lines[at]!.slice(6)) - gap.dur / 1e6) <= 1);
    assert.equal(lines[at + 1], `TID: ${gap.tid}`);
    assert.equal(lines[at + 2], `TSC: ${gap.start_tsc} - ${gap.end_tsc}`);

    assert.equal(Deno.readTextFileSync(`${instance}/tracing_on`).trim(), "0");
    const markers = Deno.readTextFileSync(`${instance}/trace`).split("\n").filter((line) =>
      line.includes("diff:")
    );
    assert.equal(markers.length, 1, "one thread is elected");
    assert.ok(markers[0]!.includes(`tid=${gap.tid} thread=${gap.thread} kind=run`));
    assert.ok(markers[0]!.includes(`start_tsc=${gap.start_tsc} end_tsc=${gap.end_tsc}`));
    assert.match(markers[0]!, new RegExp(`^\\s*\\S+-${gap.tid}\\s`));
    return true;
  } finally {
    Deno.removeSync(instance);
  }
}

for (const isolation of ["process", "thread"] as const) {
  Deno.test(`an abort ends a run in under 0.2 s and keeps what was found (${isolation})`, async () => {
    const abort = new AbortController();
    let aborted = 0, snapshots = 0;
    let last: SpinSnapshot | undefined;
    const result = await spin({
      maxGap: 0,
      isolation,
      signal: abort.signal,
      progressInterval: 100e6,
      onProgress: (s) => {
        last = s;
        if (++snapshots < 4) return;
        aborted = performance.now();
        abort.abort();
      },
    });
    const took = performance.now() - aborted;
    console.log(`  ended ${took.toFixed(0)} ms after the abort`);
    assert.ok(took < 200, `took ${took} ms`);
    assert.equal(result.stopped.reason, "signal");
    assert.equal(result.threads.length, 16);
    assert.ok(result.gaps.length > 0 && result.elapsed > 100e6);
    assert.equal(snapshots, 4);
    assert.equal(last!.spinning + last!.sleeping, 16);
    assert.ok(last!.elapsed > 0 && last!.elapsed < 3e9 && last!.gaps > 0 && last!.runMax > 0);
  });
}

Deno.test("an aborted signal, an exception in a callback and wrong options reject", async () => {
  await assert.rejects(spin({ signal: AbortSignal.abort(new Error("before")) }), /before/);
  await assert.rejects(
    spin({
      maxGap: 0,
      progressInterval: 50e6,
      onProgress: () => {
        throw new Error("thrown by the caller");
      },
    }),
    /thrown by the caller/,
  );
  await assert.rejects(spin({ threads: 0 }), /Expected threads to be an integer of at least 1 but found 0/);
  await assert.rejects(spin({ threshold: 10 }), RangeError);
  for (const isolation of ["process", "thread"] as const) {
    await assert.rejects(
      spin({ threads: 1, duration: 1e6, cpus: [1000], isolation, brackets: 1, bracket: 1e6 }),
      /thread 0 could not get its CPUs/,
    );
  }
  await assert.rejects(
    spin({ traceMarker: "/nowhere", brackets: 1, bracket: 1e6 }),
    /cannot open \/nowhere\/trace_marker/,
  );
});

Deno.test("kill -9 of the parent leaves no child, no file", async () => {
  const script = `
    import { spin } from ${JSON.stringify(new URL("../../lib/bench/spin.ts", import.meta.url).href)};
    await spin({ maxGap: 0, onProgress: () => console.log("running") });
  `;
  const parent = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-lock",
      "--config",
      new URL("../../deno.json", import.meta.url).pathname,
      "--ext=ts",
      "-",
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = parent.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const reader = parent.stdout.getReader();
  await reader.read(); // it runs
  const children = () => {
    try {
      return Deno.readTextFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`).trim().split(" ")
        .filter(Boolean);
    } catch {
      return [];
    }
  };
  const [child] = children();
  assert.ok(child, "there is a child");
  assert.match(Deno.readTextFileSync(`/proc/${child}/comm`), /schedscope-spin/);
  parent.kill("SIGKILL");
  await parent.status;
  await reader.cancel();
  const alive = () => {
    try {
      return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${child}/status`));
    } catch {
      return false;
    }
  };
  const deadline = performance.now() + 2000;
  while (alive() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(!alive(), `child ${child} is still there`);
  const left = [...Deno.readDirSync("/dev/shm")].filter(({ name }) =>
    name.startsWith(`schedscope-spin-${parent.pid}-`)
  );
  assert.deepEqual(left, []);
});
