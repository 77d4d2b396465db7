import assert from "node:assert/strict";
import { type GroupBy, type ThreadGroups, threadGroups } from "../../lib/sched/thread_groups.ts";
import { openTrace } from "../../lib/trace/open.ts";
import { hypervisorOf, vcpuOf } from "../../lib/sched/vcpu_threads.ts";
import { IDLE, type Task, TraceWriter } from "../trace/make_trace.ts";

const QEMU: Task = { tid: 100, comm: "qemu-system-x86" };
const VCPU0: Task = { tid: 101, pid: 100, comm: "CPU 0/KVM" };
const VCPU1: Task = { tid: 102, pid: 100, comm: "CPU 1/KVM" };
const VHOST: Task = { tid: 103, comm: "vhost-100" };
const STRAY: Task = { tid: 104, comm: "vhost-77" };
const SHELL: Task = { tid: 200, comm: "sh" };
const WORKER: Task = { tid: 201, pid: 200, comm: "worker" };

function trace(...tasks: Task[]) {
  const writer = new TraceWriter();
  let ts = 0;
  for (const task of tasks) writer.switch(ts += 10, 0, IDLE, 0, task).switch(ts += 10, 0, task, 1, IDLE);
  return writer.trace();
}

const ALL = [QEMU, VCPU0, VCPU1, VHOST, STRAY, SHELL, WORKER];

/** Name of the group of each thread of {@linkcode ALL}. */
function named(groups: ThreadGroups): (string | undefined)[] {
  return ALL.map(({ tid }) => groups.names[groups.of(tid)]);
}

Deno.test("threads are grouped by thread, process, name, machine, a map, a function", () => {
  const made = trace(...ALL);
  const by = (groupBy: GroupBy) => named(threadGroups(made, groupBy));
  assert.deepEqual(by("thread"), ALL.map(({ tid, comm }) => `${comm} [${tid}]`));
  const qemu = "qemu-system-x86 [100]";
  assert.deepEqual(by("process"), [
    ...[qemu, qemu, qemu],
    ...["vhost-100 [103]", "vhost-77 [104]", "sh [200]", "sh [200]"],
  ]);
  assert.deepEqual(by("comm"), ALL.map(({ comm }) => comm));
  assert.deepEqual(by("vm"), [qemu, qemu, qemu, qemu, undefined, undefined, undefined]);
  // The thread's own entry comes before its process's.
  assert.deepEqual(by(new Map([[100, "a"], [102, "b"], [200, "a"]])), [
    ...["a", "a", "b", undefined, undefined, "a", "a"],
  ]);
  assert.deepEqual(
    by((tid, pid, comm) => tid === pid ? comm : undefined),
    [QEMU, undefined, undefined, VHOST, STRAY, SHELL, undefined].map((task) => task?.comm),
  );
});

Deno.test("the idle task, unknown threads and absurd numbers are of no group", () => {
  const groups = threadGroups(trace({ tid: 2 ** 31 - 1, comm: "far" }, SHELL), "thread");
  assert.deepEqual(groups.names, ["sh [200]", `far [${2 ** 31 - 1}]`]);
  assert.equal(groups.of(2 ** 31 - 1), 1);
  for (const tid of [0, -1, 1, 199, 201, 2 ** 30]) assert.equal(groups.of(tid), -1);
  assert.equal(threadGroups(new TraceWriter().trace(), "process").names.length, 0);
});

Deno.test("a window has the groups that the time before it tells", () => {
  const whole = trace(...ALL);
  const part = whole.window({ from: 60, to: 70, lead: Infinity });
  assert.deepEqual(named(threadGroups(part, "vm")), named(threadGroups(whole, "vm")));
});

Deno.test("cgroups are those that threads were moved to, and children have their parents'", () => {
  const made = new TraceWriter()
    .switch(0, 0, IDLE, 0, SHELL)
    .event("cgroup:cgroup_attach_task", 5, 0, { pid: 200, dst_path: "/a" })
    .fork(7, SHELL, WORKER)
    .event("cgroup:cgroup_attach_task", 9, 0, { pid: 200, dst_path: "/b" })
    .switch(10, 0, SHELL, 0, WORKER)
    .switch(20, 0, WORKER, 0, QEMU)
    .trace();
  assert.deepEqual(named(threadGroups(made, "cgroup")).slice(-2), ["/b", "/a"]);
  assert.equal(threadGroups(made, "cgroup").of(QEMU.tid), -1);
});

/** Removes a cgroup, which is busy for a moment after its last process ended. */
async function removeGroup(path: string): Promise<void> {
  for (let left = 40;; left--) {
    try {
      return await Deno.remove(path);
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

Deno.test("of several hierarchies of cgroups the one of version 2 counts, if it has any", () => {
  const moved = (...roots: [root: number, path: string][]) => {
    const writer = new TraceWriter().switch(0, 0, IDLE, 0, SHELL).switch(90, 0, SHELL, 0, IDLE);
    roots.forEach(([dst_root, dst_path], i) =>
      writer.event("cgroup:cgroup_attach_task", 10 + i, 0, { dst_root, pid: 200, dst_path })
    );
    return threadGroups(writer.trace(), "cgroup").names;
  };
  assert.deepEqual(moved([3, "/cpu"], [0, "/two"], [4, "/mem"]), ["/two"]);
  assert.deepEqual(moved([3, "/cpu"], [4, "/mem"]), ["/mem"]);
});

Deno.test("a real process that moves itself to a cgroup is of that, and so are its children", async () => {
  const mounts = (await Deno.readTextFile("/proc/mounts")).split("\n").map((line) => line.split(" "));
  const root = mounts.find(([, , type]) => type === "cgroup2")?.[1] ??
    mounts.find(([, , type]) => type === "cgroup")?.[1];
  assert.ok(root !== undefined, "no cgroups are mounted");
  const name = `schedscope-test-${Deno.pid}`;
  const dir = await Deno.makeTempDir();
  await Deno.mkdir(`${root}/${name}`);
  try {
    const script = `echo $$ > ${root}/${name}/cgroup.procs; sleep 0.05; echo $$`;
    const events = ["switch", "waking", "process_fork"].map((event) => `sched:sched_${event}`);
    const { success, stdout, stderr } = await new Deno.Command("perf", {
      args: [
        ...["record", "-a", "-k", "CLOCK_MONOTONIC", "-o", `${dir}/perf.data`],
        ...["-e", `${events},cgroup:cgroup_attach_task`, "--", "sh", "-c", script],
      ],
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    assert.ok(success, text.decode(stderr));
    const shell = Number(text.decode(stdout).trim().split("\n").find((line) => /^\d+$/.test(line)));
    const trace = await openTrace(`${dir}/perf.data`);
    const groups = threadGroups(trace, "cgroup");
    assert.match(groups.names[groups.of(shell)] ?? "none", new RegExp(`/${name}$`));
    const children = threadGroups(trace, "comm");
    const { stream } = trace;
    const sleep = stream.tid.find((tid) =>
      children.names[children.of(tid)] === "sleep" && groups.of(tid) >= 0
    );
    assert.equal(groups.of(sleep ?? -1), groups.of(shell));
    assert.equal(groups.of(Deno.pid), -1);
  } finally {
    await removeGroup(`${root}/${name}`);
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("what the trace does not tell is said, with the remedy", () => {
  const nameless = new TraceWriter().switch(0, 0, { ...SHELL, pid: -1 }, 0, { ...SHELL, tid: 300, pid: -1 });
  const made = nameless.trace();
  assert.throws(() => threadGroups(made, "process"), /process of each thread.*--door perf/s);
  assert.throws(() => threadGroups(made, "vm"), /process of each thread.*a Map/s);
  assert.throws(() => threadGroups(made, "cgroup"), /cgroup:cgroup_attach_task.*a Map/s);
  assert.throws(() => threadGroups(made, "users" as GroupBy), /found "users"/);
});

Deno.test("virtual CPUs are known by the names that hypervisors give to their threads", () => {
  const names = ["CPU 0/KVM", "CPU 12/TCG", "fc_vcpu 3", "fc_vcpu3", "vcpu4", "crosvm_vcpu5"];
  assert.deepEqual(names.map(vcpuOf), [0, 12, 3, 3, 4, 5]);
  for (const name of ["CPU /KVM", "CPU 1/KVMx", "xCPU 1/KVM", "IO mon_iothread", "kvm-pit/1", ""]) {
    assert.equal(vcpuOf(name), -1, name);
  }
  assert.deepEqual(["vhost-12", "kvm-pit/13", "vhost-", "vhost-1x", "vhost"].map(hypervisorOf), [
    ...[12, 13, -1, -1, -1],
  ]);
});
