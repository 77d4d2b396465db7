import assert from "node:assert/strict";
import { cpuHierarchy, makeCgroups, spin, type SpinOptions } from "../../lib/bench/mod.ts";
import { cgroupMounts } from "../../lib/bench/cgroup_hierarchy.ts";
import { limitFiles } from "../../lib/bench/cgroup_limits.ts";
import { cleanStaleCgroups, findStaleCgroups } from "../../lib/bench/cgroup_stale.ts";
import { nativeProgram } from "../../lib/native/mod.ts";
import { ownerOf } from "../../lib/trace/record/owner.ts";

const SHORT: SpinOptions = { threads: 2, cpus: [0], maxGap: 0, maxSleep: 0, brackets: 1, bracket: 5e6 };

/** The hierarchy in which this process may make groups; undefined, and told, where there is none. */
async function usable(): Promise<ReturnType<typeof cpuHierarchy> | undefined> {
  try {
    const hierarchy = cpuHierarchy();
    await using _groups = await makeCgroups([{ shares: 100 }]);
    return hierarchy;
  } catch (error) {
    console.log(`  no groups here: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

/** Groups below `mount` that the process `pid` made. */
function groupsOf(pid: number, mount: string): string[] {
  const found: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(mount)) {
    if (!isDirectory) continue;
    if (ownerOf(name)?.pid === pid) found.push(`${mount}/${name}`);
    else found.push(...groupsOf(pid, `${mount}/${name}`));
  }
  return found;
}

/** Name of a thread; undefined where it has just ended. */
function commOf(tid: string): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/${tid}/comm`).trim();
  } catch {
    return undefined;
  }
}

const gone = (path: string) => {
  try {
    Deno.statSync(path);
    return false;
  } catch {
    return true;
  }
};

async function soon(what: string, is: () => boolean): Promise<void> {
  for (let left = 60; !is(); left--) {
    assert.ok(left > 0, what);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

Deno.test("threads are in the groups made for them, which have the limits asked for and go away with success", async () => {
  const hierarchy = await usable();
  if (!hierarchy) return;
  const seen = new Set<string>();
  let limits = "";
  const result = await spin({
    ...SHORT,
    duration: 400e6,
    groups: [{ shares: 100 }, { weight: 50, quota: 5e6, period: 20e6 }],
    progressInterval: 50e6,
    onProgress: () => {
      const [group] = groupsOf(Deno.pid, hierarchy.mount);
      for (const which of [0, 1]) {
        const file = hierarchy.version === 1 ? "tasks" : "cgroup.threads";
        for (const tid of Deno.readTextFileSync(`${group}/${which}/${file}`).split("\n").filter(Boolean)) {
          const comm = commOf(tid);
          if (comm !== undefined) seen.add(`${which} ${comm}`);
        }
      }
      const text = (file: string) => Deno.readTextFileSync(`${group}/${file}`).trim();
      limits = hierarchy.version === 1
        ? [
          text("0/cpu.shares"),
          text("1/cpu.shares"),
          text("1/cpu.cfs_quota_us"),
          text("1/cpu.cfs_period_us"),
        ]
          .join(" ")
        : [text("0/cpu.weight"), text("1/cpu.weight"), text("1/cpu.max")].join(" ");
    },
  });
  assert.deepEqual([...seen].sort(), ["0 spin-00", "1 spin-01"]);
  assert.equal(limits, hierarchy.version === 1 ? "100 512 5000 20000" : "10 50 5000 20000");
  assert.deepEqual(groupsOf(Deno.pid, hierarchy.mount), []);
  // The second may run a quarter of the time; the kernel hands out slices of 5 ms, so it may get one more.
  const { cpu_time, wall } = result.threads.row(1);
  assert.ok(cpu_time < 0.25 * wall + 12e6, `${cpu_time} of ${wall} ns`);
});

Deno.test("groups go away when a run fails, is interrupted, and when its process is killed", async () => {
  const hierarchy = await usable();
  if (!hierarchy) return;
  const groups = [{ shares: 100 }];
  await assert.rejects(spin({ ...SHORT, groups, cpus: [0, 1000] }), /could not get its CPUs/);
  assert.deepEqual(groupsOf(Deno.pid, hierarchy.mount), []);

  const abort = new AbortController();
  const result = await spin({
    ...SHORT,
    groups,
    signal: abort.signal,
    progressInterval: 50e6,
    onProgress: () => abort.abort(),
  });
  assert.equal(result.stopped.reason, "signal");
  assert.deepEqual(groupsOf(Deno.pid, hierarchy.mount), []);

  const main = new URL("../../lib/cli/main.ts", import.meta.url).pathname;
  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "-q", main, "spin", "-n", "2", "--max-gap", "0", "--group", "shares=100"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await soon("it has made its group", () => groupsOf(child.pid, hierarchy.mount).length > 0);
    await new Promise((resolve) => setTimeout(resolve, 600)); // its threads are in it
    child.kill(signal);
    await child.status;
    await soon(`after ${signal} its group is gone`, () => groupsOf(child.pid, hierarchy.mount).length === 0);
  }
});

Deno.test("what a process left that is gone is found and removed; the living one's is not", async () => {
  const hierarchy = await usable();
  if (!hierarchy) return;
  await using mine = await makeCgroups([{}, {}]);
  const dead = `${hierarchy.mount}/schedscope-4194303-1-0`;
  await Deno.mkdir(dead);
  await Deno.mkdir(`${dead}/0`);
  assert.deepEqual(findStaleCgroups().filter((path) => path === dead || path === mine.path), [dead]);
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "-q",
      new URL("../../lib/cli/main.ts", import.meta.url).pathname,
      "doctor",
      "--clean",
    ],
  }).output();
  assert.match(new TextDecoder().decode(stdout), new RegExp(`removed ${dead}, left by`));
  assert.ok(gone(dead));
  assert.ok(!gone(mine.path));
  assert.ok(!cleanStaleCgroups().removed.includes(mine.path));
});

Deno.test("with cgroup v2 the threads of one process are in threaded groups of one domain", async () => {
  const [mount] = cgroupMounts().v2;
  let groups: Awaited<ReturnType<typeof makeCgroups>>;
  try {
    groups = await makeCgroups([{}, {}], { hierarchy: { version: 2, mount: mount ?? "/nowhere" } });
  } catch (error) {
    return console.log(`  no cgroup v2 here: ${error instanceof Error ? error.message : error}`);
  }
  await using owned = groups;
  const child = new Deno.Command(nativeProgram("schedscope-spin"), {
    args: ["-n", "4", "--max-gap", "0", "--duration", "700ms", "--brackets", "1", "--bracket", "5ms"]
      .concat(owned.groups.flatMap((group) => ["--group", group])),
    stdout: "null",
    stderr: "null",
  }).spawn();
  const own = () => {
    const at: Record<string, string> = {};
    for (const { name } of Deno.readDirSync(`/proc/${child.pid}/task`)) {
      const group = /^0::(\S+)$/m.exec(Deno.readTextFileSync(`/proc/${child.pid}/task/${name}/cgroup`))?.[1];
      at[Deno.readTextFileSync(`/proc/${child.pid}/task/${name}/comm`).trim()] = group?.split("/").at(-1) ??
        "";
    }
    return at;
  };
  let at: Record<string, string> = {};
  await soon("its threads are placed", () => (at = own(), at["spin-03"] === "1"));
  assert.deepEqual(at, {
    "schedscope-spin": owned.path.split("/").at(-1),
    "spin-00": "0",
    "spin-01": "1",
    "spin-02": "0",
    "spin-03": "1",
  });
  assert.ok((await child.status).success);
});

Deno.test("limits become what each version of cgroup calls them", () => {
  assert.deepEqual(limitFiles({ shares: 300 }, 1), [["cpu.shares", "300"]]);
  assert.deepEqual(limitFiles({ shares: 1024 }, 2), [["cpu.weight", "100"]]);
  assert.deepEqual(limitFiles({ weight: 100 }, 1), [["cpu.shares", "1024"]]);
  assert.deepEqual(limitFiles({ weight: 1 }, 2), [["cpu.weight", "1"]]);
  assert.deepEqual(limitFiles({ quota: 5e6 }, 2), [["cpu.max", "5000 100000"]]);
  assert.deepEqual(limitFiles({}, 1), []);
  for (
    const wrong of [{ shares: 1 }, { weight: 0 }, { quota: 5 }, { period: 20e6 }, { shares: 2, weight: 1 }]
  ) {
    assert.throws(() => limitFiles(wrong, 1), RangeError, JSON.stringify(wrong));
  }
});

Deno.test("mounts are read as mountinfo has them", () => {
  const text = `30 24 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
33 30 0:29 / /a\\040b rw - cgroup2 cgroup2 rw,nsdelegate
`;
  assert.deepEqual(cgroupMounts(text), { v1cpu: ["/sys/fs/cgroup/cpu,cpuacct"], v2: ["/a b"] });
  assert.deepEqual(cpuHierarchy(text), { version: 1, mount: "/sys/fs/cgroup/cpu,cpuacct" });
  assert.throws(
    () => cpuHierarchy(""),
    /no cgroup hierarchy with the cpu controller is mounted; remedy: mount/,
  );
});
