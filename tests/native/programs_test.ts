import assert from "node:assert/strict";
import { nativeProgram } from "../../lib/native/mod.ts";

function run(program: string, ...args: string[]) {
  const { code, stdout, stderr } = new Deno.Command(program, { args }).outputSync();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("make check: every C test passes", () => {
  const native = new URL("../../native/", import.meta.url).pathname;
  const build = Deno.makeTempDirSync();
  try {
    const { code, stdout, stderr } = run("make", "-C", native, `BUILD=${build}`, "check");
    assert.equal(code, 0, stdout + stderr);
    const [, passed, failed] = stdout.match(/(\d+) passed, (\d+) failed, \d+ skipped/)!;
    console.log(`  ${passed} C tests passed`);
    assert.ok(Number(passed) >= 5 && Number(failed) === 0, stdout);
  } finally {
    Deno.removeSync(build, { recursive: true });
  }
});

Deno.test("schedscope-spin by itself: help with examples, lines, a JSON report", () => {
  const spin = nativeProgram("schedscope-spin");
  const help = run(spin, "--help");
  assert.equal(help.code, 0);
  assert.match(help.stdout, /examples:\n {2}schedscope-spin/);
  assert.equal(run(spin, "--threads", "none").code, 2);
  assert.match(run(spin, "--threads", "none").stderr, /--threads: found "none"/);

  const options = [
    "-n",
    "2",
    "--duration",
    "1100ms",
    "--burst",
    "100ms",
    "--max-sleep",
    "50ms",
    "--max-gap",
    "0",
  ];
  const plain = run(spin, ...options);
  assert.equal(plain.code, 0);
  assert.match(plain.stdout, /^Max latency: \d+ ms \(\d+ ticks, 2 online\)\n/);
  assert.match(plain.stdout, /in bursts: wall/);

  const json = run(spin, ...options, "--json");
  assert.match(json.stderr, /^Max latency: /);
  const report = JSON.parse(json.stdout);
  assert.equal(report.schema, "schedscope-spin/1");
  assert.equal(report.stopped, "duration");
  assert.equal(report.per_thread.length, 2);
  for (const thread of report.per_thread) {
    const samples = thread.run_ticks.reduce((sum: number, [, n]: [number, number]) => sum + n, 0);
    assert.ok(samples > 1e5 && thread.bursts > 2 && thread.wall_ns > 200e6);
  }
  for (const gap of report.gaps) assert.ok(gap.dur_ns >= 99_999);
});

Deno.test("schedscope-spin reports a stop over maxGap as the seed does", () => {
  const { code, stdout } = run(
    nativeProgram("schedscope-spin"),
    "-n",
    "24",
    "--cpus",
    "0",
    "--max-gap",
    "5ms",
  );
  assert.equal(code, 0);
  assert.match(stdout, /^diff: \d+ms\nTID: \d+\nTSC: \d+ - \d+$/m);
});

Deno.test("schedscope-inject says what it needs, and measures what it stole", () => {
  const inject = nativeProgram("schedscope-inject");
  assert.match(run(inject, "--help").stdout, /examples:/);
  assert.equal(run(inject).code, 2);
  assert.equal(run(inject, "--cpu", "0", "--comm", "a-name-that-is-too-long").code, 2);
  const { code, stdout, stderr } = run(
    inject,
    "--cpu",
    "0",
    "--windows",
    "5",
    "--min",
    "1ms",
    "--max",
    "2ms",
    "--comm",
    "thief",
  );
  assert.equal(code, 0, stderr);
  const [head, ...rest] = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(head.comm, "thief");
  const windows = rest.filter((line) => line.type === "window");
  assert.equal(windows.length, 5);
  for (const window of windows) {
    assert.equal(window.cpu, 0);
    assert.ok(window.asked_ns >= 1e6 && window.asked_ns <= 2e6);
    // Never shorter than asked; longer only where the thief itself was kept from the CPU.
    assert.ok(window.dur_ns >= window.asked_ns - 100, `${window.dur_ns} of ${window.asked_ns} ns`);
    assert.ok(Math.abs((window.end_tsc - window.start_tsc) * 1e9 / head.hz - window.dur_ns) < 100);
  }
});
