import assert from "node:assert/strict";
import { repository } from "../notebook/repository.ts";

const MAIN = `${repository}/lib/cli/main.ts`;

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function schedscope(...args: string[]): Promise<Ran> {
  return await run(Deno.execPath(), ["run", "-A", "-q", MAIN, ...args], { NO_COLOR: "1" });
}

async function run(
  program: string,
  args: string[],
  env: Record<string, string>,
  clearEnv = false,
): Promise<Ran> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args, env, clearEnv, stdin: "null" })
    .output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

/** A process of the given name (at most 15 bytes) that keeps `cpu` busy. */
function hog(name: string, cpu: number): AsyncDisposable {
  const script = `printf '%s' "$NAME" > /proc/$$/comm; while :; do :; done`;
  const child = new Deno.Command("taskset", {
    args: ["-c", `${cpu}`, "sh", "-c", script],
    env: { NAME: name },
  }).spawn();
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
    },
  };
}

/** What the browser makes of a page: its tree after everything that would run has run. */
async function renderedTree(page: string): Promise<string> {
  const profile = await Deno.makeTempDir();
  try {
    const { out } = await run("chromium", [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      `--user-data-dir=${profile}`,
      "--dump-dom",
      `file://${page}`,
    ], {});
    return out;
  } finally {
    await Deno.remove(profile, { recursive: true });
  }
}

Deno.test("start: the table, the page and the trace; a task called like markup shows as text", async () => {
  const dir = await Deno.makeTempDir();
  const name = "<img src=x oner";
  try {
    await using _hog = hog(name, 0);
    const { code, out, err } = await schedscope(
      "start",
      "-d",
      "2s",
      "-n",
      "2",
      "--cpus",
      "0",
      "--top",
      "200", // so that the hog is among them, whoever else the machine is busy with
      "-o",
      dir,
      "--no-install",
    );
    assert.equal(code, 0, err);
    assert.match(out, /\d+ gaps of at least 100 µs in 2(\.\d+)? s on 2 threads; the longest was /);
    assert.match(out, /^audit: off CPU .* conserved$/im);
    const rows = out.split("\n").filter((line) => / spin-0\d .*(run|wake) +(preempted|queued)/.test(line));
    assert.ok(rows.length >= 5, out);
    assert.ok(rows.some((row) => row.includes(name)), "the hog is a culprit");

    const page = await Deno.readTextFile(`${dir}/gaps.html`);
    assert.doesNotMatch(
      page,
      /<(link|iframe|img)\b|(src|href)="(?!#)/,
      "nothing that the page would load",
    );
    // The timeline's script is the only one that the page's policy lets run.
    assert.match(page, /default-src 'none'.*script-src 'sha256-/);
    const tree = await renderedTree(`${dir}/gaps.html`);
    assert.match(tree, /&lt;img src=x oner/);
    assert.doesNotMatch(tree, /<img/i);
    assert.equal((tree.match(/<svg/g) ?? []).length >= 4, true, "four figures");

    const info = await schedscope("info", "--json", `${dir}/trace.tracefs`);
    const facts = JSON.parse(info.out);
    assert.ok(facts.events["sched:sched_switch"] > 10);
    assert.equal(facts.lost, 0);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("start --json gives the same as one object; --door none names no culprit", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const { code, out, err } = await schedscope(
      "start",
      "-d",
      "1s",
      "-n",
      "4",
      "--door",
      "none",
      "--json",
      "-o",
      dir,
    );
    assert.equal(code, 0, err);
    const found = JSON.parse(out);
    assert.equal(found.evidence, "counters");
    assert.equal(found.trace, null);
    assert.ok(found.gaps.length > 0);
    for (const gap of found.gaps) {
      assert.equal(gap.culprit, "");
      assert.ok(gap.cause.length > 0);
    }
    assert.ok(found.fingerprint.kernel.length > 0);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("start without any permission goes on with what the machine allows and says what would allow more", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.chmod(dir, 0o777);
    await Deno.copyFile(Deno.execPath(), `${dir}/deno`);
    await Deno.chmod(`${dir}/deno`, 0o755);
    const { denoDir } = JSON.parse((await run(Deno.execPath(), ["info", "--json"], {})).out) as {
      denoDir: string;
    };
    await run("cp", ["-r", `${denoDir}/npm`, `${dir}/npm`], {});
    await run("mkdir", ["-p", `${dir}/cache`], {});
    await Deno.rename(`${dir}/npm`, `${dir}/cache/npm`);
    await run("chown", ["-R", "65534:65534", dir], {});
    const nobody = [
      "--reuid=65534",
      "--regid=65534",
      "--clear-groups",
      `${dir}/deno`,
      "run",
      "-A",
      "-q",
      "--no-lock",
      MAIN,
    ];
    const env = { PATH: "/usr/bin:/bin", DENO_DIR: `${dir}/cache`, HOME: dir, NO_COLOR: "1" };
    const { code, out, err } = await run(
      "setpriv",
      [...nobody, "start", "-d", "1s", "-n", "4", "-o", `${dir}/out`],
      env,
      true,
    );
    assert.equal(code, 0, err);
    assert.match(out, /not traced: .*remedy: /);
    assert.match(out, /(preempted|queued)/);
    assert.match(await Deno.readTextFile(`${dir}/out/gaps.html`), /There was no permission to trace/);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("what the ledger calls steal is what the kernel counted as steal", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const { code, out, err } = await schedscope("start", "-d", "3s", "--json", "-o", dir, "--no-install");
    assert.equal(code, 0, err);
    const { causes, audit } = JSON.parse(out) as {
      causes: { cause: string; dur: number }[];
      audit: { steal: number };
    };
    const steal = causes.find((row) => row.cause === "steal")?.dur ?? 0;
    console.log(`  steal by cause ${(steal / 1e6).toFixed(1)} ms, by /proc/stat ${audit.steal / 1e6} ms`);
    // /proc/stat counts whole ticks of 10 ms on each CPU; a thread that misses its CPU is one of many that wait for it.
    assert.ok(steal <= audit.steal * 1.2 + 40e6);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("wrong usage ends with 2, a file that is not there with 1", async () => {
  for (
    const args of [
      ["start", "extra"],
      ["start", "--door", "window"],
      ["start", "-d", "soon"],
      ["start", "--top", "few"],
      ["spin", "--policy", "lazy"],
      ["gaps"],
      ["info", "a", "b"],
      ["nosuch"],
      [],
    ]
  ) {
    const { code, err, out } = await schedscope(...args);
    assert.equal(code, 2, `${args.join(" ")}: ${err}`);
    assert.doesNotMatch(err + out, /\n\s+at /, "no stack");
  }
  const { code, err } = await schedscope("gaps", "/nonexistent/perf.data");
  assert.equal(code, 1);
  assert.match(err, /nonexistent/);
});

Deno.test("kill -9 in the middle of a run leaves nothing behind after the next command", async () => {
  const dir = await Deno.makeTempDir();
  const instances = "/sys/kernel/tracing/instances";
  const ours = () =>
    [...Deno.readDirSync(instances)].map((entry) => entry.name).filter((name) =>
      name.includes(`-${child.pid}-`)
    );
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", MAIN, "start", "-d", "60s", "-n", "4", "-o", dir, "--no-install"],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  try {
    // It prints its first maximum a second after the threads were let go: the recording is under way then.
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    for (let seen = ""; !seen.includes("Max latency");) {
      seen += (await reader.read()).value ?? assert.fail("it ended");
    }
    const workers = await childrenOf(child.pid);
    assert.ok(workers.length > 0, "the spinning child");
    assert.equal(ours().length, 1);
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();

    const clean = await schedscope("doctor", "--clean");
    assert.equal(clean.code, 0, clean.err);
    assert.deepEqual(ours(), []);
    for (const pid of workers) {
      // An init that does not reap its foundlings leaves a zombie, which holds nothing.
      const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "State: gone");
      assert.match(status, /^State:\s+(Z|gone)/m, `worker ${pid} lives on`);
    }
    const left = [...Deno.readDirSync("/dev/shm")].map((entry) => entry.name).filter((name) =>
      name.includes(`${child.pid}`)
    );
    assert.deepEqual(left, []);
  } finally {
    try {
      child.kill("SIGKILL");
    } catch { /* it has ended */ }
    await Deno.remove(dir, { recursive: true });
  }
});

/** Processes whose parent is `pid`. */
async function childrenOf(pid: number): Promise<number[]> {
  const { out } = await run("ps", ["-o", "pid=", "--ppid", `${pid}`], {});
  return out.trim().split(/\s+/).filter(Boolean).map(Number);
}
