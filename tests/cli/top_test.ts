import assert from "node:assert/strict";
import { textWidth } from "../../lib/frame/text_width.ts";
import { repository } from "../notebook/repository.ts";
import { instances } from "../trace/record/busy.ts";

const MAIN = `${repository}/lib/cli/main.ts`;
const IN_TERMINAL = `${repository}/tests/cli/in_terminal.py`;
/** A name that clears the screen, turns the writing direction and is no UTF-8, as printf takes it. */
const HOSTILE = "\\033[2J\\342\\200\\256\\377<b>";

interface TaskOfJson {
  tid: number;
  comm: string;
  run: number;
  wait: number;
  unknown: number;
  gap: number | null;
  cause: string;
  culprit_tid: number;
  own: boolean;
}

interface IntervalOfJson {
  dur: number;
  events: number;
  lost: number;
  coverage: number;
  own_cpu: number;
  tasks: TaskOfJson[];
}

/** Keeps a CPU busy; `name`, as printf takes it, becomes its name. `nice` below 0 is before whoever else is busy here. */
function hog(
  options: { cpu?: number; name?: string; nice?: number } = {},
): { pid: number } & AsyncDisposable {
  const { name = "busy-hog", cpu, nice = 0 } = options;
  const script = `printf '${name}' > /proc/$$/comm; while :; do :; done`;
  const at = cpu === undefined ? [] : ["taskset", "-c", String(cpu)];
  const command = ["nice", "-n", String(nice), ...at, "sh", "-c", script];
  const child = new Deno.Command(command[0]!, { args: command.slice(1), stdin: "null" }).spawn();
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
    },
  };
}

/** ns that a process ran and waited for a CPU, by the kernel. */
function schedstat(pid: number): { run: number; wait: number } {
  const [run, wait] = Deno.readTextFileSync(`/proc/${pid}/schedstat`).split(" ").map(Number);
  return { run: run!, wait: wait! };
}

async function top(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", MAIN, "top", ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

interface TerminalRun {
  pid: number;
  problem: string | null;
  code: number | null;
  signal: number | null;
  /** Whether the settings of the terminal are as before. */
  same: boolean;
  output: string;
}

type Step =
  | { until: string; times?: number }
  | { sleep: number }
  | { key: string }
  | { resize: [number, number] }
  | { signal: number };

async function inTerminal(
  steps: Step[],
  args: string[] = [],
  size: { rows?: number; columns?: number } = {},
): Promise<TerminalRun> {
  const child = new Deno.Command("python3", { args: [IN_TERMINAL], stdin: "piped", stdout: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  const command = [Deno.execPath(), "run", "-A", "-q", MAIN, "top", ...args];
  await writer.write(new TextEncoder().encode(JSON.stringify({ command, steps, ...size })));
  await writer.close();
  const { stdout } = await child.output();
  const run = JSON.parse(new TextDecoder().decode(stdout)) as TerminalRun;
  const bytes = Uint8Array.from(atob(run.output), (character) => character.charCodeAt(0));
  return { ...run, output: new TextDecoder().decode(bytes) };
}

/** The pictures that were drawn, without what styles them. */
function pictures(output: string): string[][] {
  return output.split("\x1b[H").slice(1).map((picture) =>
    picture.split("\x1b[J")[0]!.split("\n").map((line) =>
      // deno-lint-ignore no-control-regex
      line.replaceAll(/\x1b\[[0-9;]*[mK]|\r/g, "")
    )
  );
}

function ofProcess(pid: number): string[] {
  return instances().filter((name) => name.startsWith(`schedscope-${pid}-`));
}

/** Tries what measures a machine that others use too up to three times. */
async function steadily(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 3 || !(error instanceof assert.AssertionError)) throw error;
    }
  }
}

const A_SECOND = "events/s";

Deno.test("a busy thread is first by run, its time is schedstat's, and q gives everything back", async () => {
  await steadily(async () => {
    await using busy = hog({ nice: -20 });
    const seen = await inTerminal([{ until: A_SECOND, times: 3 }, { key: "q" }]);
    assert.equal(seen.problem, null, seen.output);
    assert.equal(seen.code, 0);
    assert.ok(seen.same, "the terminal's settings");
    assert.deepEqual(ofProcess(seen.pid), []);
    for (const [taken, given] of [["\x1b[?1049h", "\x1b[?1049l"], ["\x1b[?25l", "\x1b[?25h"]] as const) {
      const at = seen.output.indexOf(taken);
      assert.ok(
        at >= 0 && seen.output.indexOf(given, at) > at,
        "the screen before, and the cursor, come back",
      );
    }
    const last = pictures(seen.output).at(-1)!;
    const first = last[last.findIndex((line) => /^ *TID NAME/.test(line)) + 1]!;
    assert.match(first, new RegExp(`^ *${busy.pid} busy-hog`), last.join("\n"));
  });
});

Deno.test("run and wait of each interval add up to the kernel's own account of a thread", async () => {
  await steadily(async () => {
    await using one = hog({ cpu: 0 });
    await using two = hog({ cpu: 0 });
    const before = schedstat(one.pid);
    const began = performance.now();
    const { code, out, err } = await top("--json", "-n", "3", "-d", "700ms");
    const after = schedstat(one.pid);
    const share = (performance.now() - began) * 1e6;
    assert.equal(code, 0, err);
    const intervals = out.trim().split("\n").map((line) => JSON.parse(line) as IntervalOfJson);
    assert.equal(intervals.length, 3);
    let [run, wait, unknown, dur] = [0, 0, 0, 0];
    for (const each of intervals) {
      assert.equal(each.lost, 0);
      const task = each.tasks.find(({ tid }) => tid === one.pid);
      assert.ok(task !== undefined, "it is in the list");
      assert.ok(task.run + task.wait + task.unknown <= each.dur * 1.001);
      run += task.run;
      wait += task.wait;
      unknown += task.unknown;
      dur += each.dur;
      assert.ok(each.tasks.some(({ own }) => own), "it sees itself");
      assert.ok(each.own_cpu > 0 && each.own_cpu < 4);
    }
    assert.ok(unknown < 0.2 * dur, `${unknown} ns of ${dur} are not known`);
    assert.ok(Math.abs(run + wait + unknown - dur) < 0.01 * dur, "a hog never sleeps");
    // The kernel's account is of a longer time: compared are the shares.
    const expected = (after.run - before.run) / share;
    assert.ok(Math.abs(run / dur - expected) < 0.15, `ran ${run / dur} by top, ${expected} by schedstat`);
    const other = intervals.at(-1)!.tasks.find(({ tid }) => tid === one.pid)!;
    assert.ok(other.gap !== null && other.gap > 0);
    void two;
  });
});

Deno.test("a hog that waits names the other hog of its CPU", async () => {
  await steadily(async () => {
    await using one = hog({ cpu: 1 });
    await using two = hog({ cpu: 1 });
    const { out } = await top("--json", "-n", "2", "-s", "gap");
    const last = JSON.parse(out.trim().split("\n").at(-1)!) as IntervalOfJson;
    const found = last.tasks.filter(({ tid, culprit_tid }) =>
      (tid === one.pid && culprit_tid === two.pid) || (tid === two.pid && culprit_tid === one.pid)
    );
    assert.ok(found.length > 0, JSON.stringify(last.tasks.slice(0, 6)));
    assert.ok(found.every(({ cause }) => cause === "preempted" || cause === "queued"));
  });
});

for (
  const [name, steps] of [
    ["Esc", [{ key: "\x1b" }]],
    ["Ctrl-C", [{ key: "\x03" }]],
    ["SIGINT", [{ signal: 2 }]],
    ["SIGTERM", [{ signal: 15 }]],
    ["SIGHUP", [{ signal: 1 }]],
  ] as [string, Step[]][]
) {
  Deno.test(`${name} ends the view and gives everything back`, async () => {
    const seen = await inTerminal([{ until: A_SECOND }, ...steps], ["-d", "200ms"]);
    assert.equal(seen.problem, null, seen.output);
    assert.equal(seen.code, 0);
    assert.ok(seen.same);
    assert.ok(seen.output.includes("\x1b[?1049l"));
    assert.deepEqual(ofProcess(seen.pid), []);
  });
}

Deno.test("keys sort and pause; the picture follows the terminal's size", async () => {
  const seen = await inTerminal(
    [
      { until: "by run" },
      { key: "w" },
      { until: "by wait" },
      { key: "d" },
      { until: "by delay" },
      { key: "g" },
      { until: "by gap", times: 2 },
      { key: "\x1b[A" }, // an arrow is no Esc
      { until: A_SECOND },
      { resize: [12, 44] },
      { until: A_SECOND, times: 2 },
      { key: "p" },
      { until: "PAUSED" },
      { sleep: 0.7 },
      { key: "p" },
      { until: A_SECOND },
      { key: "q" },
    ],
    ["-d", "200ms"],
    { rows: 30, columns: 140 },
  );
  assert.equal(seen.problem, null, seen.output);
  assert.equal(seen.code, 0);
  const all = pictures(seen.output);
  const wide = all.find((lines) => lines[0]!.includes("by gap"))!;
  assert.equal(wide.length, 30);
  assert.ok(wide.some((line) => line.includes("CULPRIT")));
  const narrow = all.at(-1)!;
  assert.equal(narrow.length, 12);
  for (const line of narrow) assert.ok(textWidth(line) <= 44, line);
  assert.ok(narrow.some((line) => /TID +NAME.*RUN.*GAP▾/.test(line)), narrow.join("\n"));
  assert.ok(!narrow.some((line) => line.includes("CULPRIT")));
  assert.equal(all.filter((lines) => lines[0]!.includes("PAUSED")).length, 1, "paused is not drawn again");
});

Deno.test("Ctrl-Z gives the terminal back, and fg takes it again", async () => {
  const seen = await inTerminal([
    { until: A_SECOND },
    { signal: 20 },
    { until: "\x1b[?1049l" },
    { sleep: 0.2 },
    { signal: 18 },
    { until: "\x1b[?1049h" },
    { until: A_SECOND },
    { key: "q" },
  ], ["-d", "200ms"]);
  assert.equal(seen.problem, null, seen.output);
  assert.equal(seen.code, 0);
  assert.ok(seen.same);
});

Deno.test("kill -9 of it and its guard leaves an instance that doctor --clean removes", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", MAIN, "top", "--json", "-d", "200ms"],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  const [left] = ofProcess(child.pid);
  assert.ok(left !== undefined);
  // The guard first, as when a container ends.
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === child.pid) continue;
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (line.includes(left)) Deno.kill(Number(name), "SIGKILL");
  }
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  assert.deepEqual(ofProcess(child.pid), [left], "it is left behind");
  const clean = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", MAIN, "doctor", "--clean"],
    stdout: "piped",
  }).output();
  assert.equal(clean.code, 0);
  assert.deepEqual(ofProcess(child.pid), []);
});

Deno.test("a name of control characters does nothing to the terminal", async () => {
  await steadily(async () => {
    await using hostile = hog({ name: HOSTILE, nice: -20 });
    const seen = await inTerminal([{ until: A_SECOND, times: 2 }, { key: "q" }], ["-d", "400ms"]);
    assert.equal(seen.problem, null, seen.output);
    const line = pictures(seen.output).at(-1)!.find((line) => line.includes(` ${hostile.pid} `))!;
    assert.match(line, /␛\[2J\\u202e/);
    assert.ok(!seen.output.includes("\u202e"));
    // The view clears the screen once itself.
    assert.equal(seen.output.split("\x1b[2J").length, 2);
    const { out } = await top("-b", "-n", "1");
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(out, /[\x00-\x09\x0b-\x1f\u202e]/);
  });
});

Deno.test("batch mode prints pictures as text, and ends quietly when its reader goes", async () => {
  const { code, out, err } = await top("-b", "-n", "2", "-d", "200ms", "-l", "3", "-s", "wait");
  assert.equal(code, 0, err);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(out, /\x1b/);
  const frames = out.trim().split("\n\n");
  assert.equal(frames.length, 2);
  for (const frame of frames) {
    const lines = frame.split("\n");
    assert.match(lines[0]!, /^schedscope top .* by wait; /);
    assert.match(lines[2]!, /events\/s, \d+ lost, coverage [\d.]+ %; own \(\*\) [\d.]+ % of a CPU/);
    assert.match(lines[3]!, /TID NAME .*WAIT▾/);
    assert.ok(lines.length <= 7);
  }
  const shell = `'${Deno.execPath()}' run -A -q '${MAIN}' top -b -d 200ms | head -2`;
  const piped = await new Deno.Command("sh", { args: ["-c", shell], stderr: "piped", stdin: "null" })
    .output();
  assert.equal(new TextDecoder().decode(piped.stderr), "");
});

Deno.test("without permission it says what would allow it; wrong usage is named", async () => {
  const directory = await Deno.makeTempDir();
  try {
    // root's home, where Deno may be installed, is closed to others.
    await Deno.chmod(directory, 0o777);
    await Deno.copyFile(Deno.execPath(), `${directory}/deno`);
    await Deno.chmod(`${directory}/deno`, 0o755);
    const ids = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    const run = ["run", "-A", "-q", "--no-lock", "--no-check", "--no-config", "--no-npm", MAIN];
    const { code, stderr } = await new Deno.Command("setpriv", {
      args: [...ids, `${directory}/deno`, ...run, "top", "-n", "1"],
      clearEnv: true,
      env: { PATH: "/usr/bin:/bin", DENO_DIR: `${directory}/cache`, HOME: directory },
      cwd: directory,
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(stderr);
    assert.equal(code, 3, text);
    assert.match(text, /^schedscope top: .*remedy: .*sudo/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  for (const args of [["extra"], ["-d", "0"], ["-d", "soon"], ["-n", "0"], ["-s", "name"], ["--nosuch"]]) {
    const { code, err } = await top(...args);
    assert.equal(code, 2, `${args.join(" ")}: ${err}`);
  }
});
