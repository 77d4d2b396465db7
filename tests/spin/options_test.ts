import assert from "node:assert/strict";
import { inject, spin } from "../../lib/bench/mod.ts";

/** What the kernel says of a thread. */
function threadOf(pid: string, tid: string) {
  const at = `/proc/${pid}/task/${tid}`;
  const status = Deno.readTextFileSync(`${at}/status`);
  const stat = Deno.readTextFileSync(`${at}/stat`).split(") ")[1]!.split(" "); // fields of proc(5) from the third on
  return {
    comm: Deno.readTextFileSync(`${at}/comm`).trim(),
    cpus: status.match(/^Cpus_allowed_list:\s*(\S+)/m)?.[1],
    blocked: status.match(/^SigBlk:\s*(\S+)/m)?.[1],
    nice: Number(stat[16]),
    policy: Number(stat[38]),
  };
}

/** The child of any of this process's threads that has the name `comm`. */
function childOf(comm: string): string {
  for (const { name } of Deno.readDirSync("/proc/self/task")) {
    const children = Deno.readTextFileSync(`/proc/self/task/${name}/children`).split(" ").filter(Boolean);
    const found = children.find((pid) => Deno.readTextFileSync(`/proc/${pid}/comm`).trim() === comm);
    if (found) return found;
  }
  throw new Error(`no child ${comm}`);
}

Deno.test("threads run where and how they are told", async () => {
  const cpus = navigator.hardwareConcurrency > 1 ? [0, 1] : [0];
  const seen: ReturnType<typeof threadOf>[] = [];
  const result = await spin({
    threads: 4,
    cpus,
    pin: true,
    policy: "batch",
    nice: 3,
    duration: 600e6,
    burst: 50e6,
    maxSleep: 10e6,
    maxGap: 0,
    progressInterval: 100e6,
    onProgress: () => {
      const child = childOf("schedscope-spin");
      for (const { name } of Deno.readDirSync(`/proc/${child}/task`)) {
        const thread = threadOf(child, name);
        if (thread.comm.startsWith("spin-")) seen.push(thread);
      }
    },
  });
  assert.ok(seen.length >= 4, `${seen.length} looks at threads`);
  for (const { comm, cpus: allowed, blocked, nice, policy } of seen) {
    assert.equal(allowed, String(cpus[Number(comm.slice(5)) % cpus.length]));
    assert.match(blocked!, /^f{6}/, "every signal that can be blocked is");
    assert.equal(nice, 3);
    assert.equal(policy, 3, "SCHED_BATCH");
  }
  assert.equal(result.threads.column("migrations").reduce((a, b) => a + b, 0), 0);
  assert.deepEqual([...result.threads.column("comm")], ["spin-00", "spin-01", "spin-02", "spin-03"]);
  for (let row = 0; row < result.gaps.length; row++) {
    const gap = result.gaps.row(row);
    assert.equal(gap.cpu_after, cpus[gap.thread % cpus.length]);
    assert.equal(gap.cpu_before, gap.cpu_after);
  }
});

Deno.test("left alone, threads are what this process is, not what their coordinator is", async () => {
  const seen: ReturnType<typeof threadOf>[] = [];
  await spin({
    threads: 3,
    duration: 400e6,
    maxSleep: 10e6,
    maxGap: 0,
    progressInterval: 50e6,
    onProgress: () => {
      const child = childOf("schedscope-spin");
      for (const { name } of Deno.readDirSync(`/proc/${child}/task`)) seen.push(threadOf(child, name));
    },
  });
  const own = threadOf("self", Deno.readLinkSync("/proc/thread-self").split("/").at(-1)!);
  const spinners = seen.filter(({ comm }) => comm.startsWith("spin-"));
  assert.ok(spinners.length >= 3);
  for (const { nice, policy, cpus } of spinners) {
    assert.deepEqual({ nice, policy, cpus }, { nice: own.nice, policy: own.policy, cpus: own.cpus });
  }
});

Deno.test("one seed, one set of sleeping times; another seed, others", async () => {
  const sleeps = async (
    seed: number,
  ) => [
    ...(await spin({ seed, threads: 8, duration: 1e6, brackets: 1, bracket: 1e6 })).threads.column("sleep"),
  ];
  const [a, b, c] = [await sleeps(1), await sleeps(1), await sleeps(2)];
  assert.deepEqual(a, b);
  assert.notDeepEqual(a, c);
  assert.ok(a.every((ns) => ns >= 0 && ns < 1e9) && new Set(a).size === 8);
});

Deno.test("a result prints and serializes", async () => {
  const result = await spin({ threads: 2, duration: 200e6, burst: 50e6, maxSleep: 5e6, maxGap: 0 });
  const text = String(result);
  assert.match(text, /^spin: 2 threads, .* stopped by duration \(process\)/);
  assert.match(text, /audit: off CPU .* run_delay .* gaps over 10 µs/);
  if (Deno.build.arch === "x86_64") {
    assert.match(text, /interrupts of these CPUs: TLB \d+, CAL \d+, RES \d+, LOC [1-9]/);
  }
  assert.equal(
    result.args.join(" "),
    "--threads 2 --burst 50000000 --max-sleep 5000000 --duration 200000000 --max-gap 0",
  );
  assert.equal(Deno.inspect(result), text);
  const json = JSON.parse(JSON.stringify(result));
  assert.equal(json.schema, "schedscope-spin-result/1");
  assert.equal(BigInt(json.epoch), result.epoch);
  assert.equal(json.gaps.ts.length, result.gaps.length);
  assert.equal(json.threads.tid.length, 2);
});

Deno.test("an injection that cannot be, or is no longer wanted, rejects", async () => {
  await assert.rejects(inject(1000), /cannot run on CPU 1000/);
  await assert.rejects(inject(0, { min: 2e6, max: 1e6 }), /--min/);
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(new Error("enough")), 300);
  const start = performance.now();
  await assert.rejects(inject(0, { delay: 10e9, signal: abort.signal }), /enough/);
  assert.ok(performance.now() - start < 2000);
  clearTimeout(timer);
});
