import assert from "node:assert/strict";
import { hostCores, placeVcpus } from "../../../lib/vm/qemu/host_cores.ts";

/** A tree as `/sys/devices/system/cpu` of a host whose cores have these CPUs; `online` as the kernel writes it. */
async function host(
  cores: readonly string[],
  online: string,
): Promise<{ readonly root: string } & AsyncDisposable> {
  const root = await Deno.makeTempDir();
  await Deno.writeTextFile(`${root}/online`, `${online}\n`);
  for (const list of cores) {
    for (const part of list.split(",")) {
      const [from, to] = part.split("-").map(Number);
      for (let cpu = from!; cpu <= (to ?? from!); cpu++) {
        await Deno.mkdir(`${root}/cpu${cpu}/topology`, { recursive: true });
        await Deno.writeTextFile(`${root}/cpu${cpu}/topology/thread_siblings_list`, `${list}\n`);
      }
    }
  }
  return { root, [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }) };
}

const range = (count: number) => Array.from({ length: count }, (_, cpu) => cpu);

Deno.test("cores are read from either spelling of sibling lists, CPU 0's comes last", async () => {
  await using adjacent = await host(["0-1", "2-3", "4-5"], "0-5");
  assert.deepEqual(hostCores({ root: adjacent.root, allowed: range(6) }), [[2, 3], [4, 5], [0, 1]]);
  await using apart = await host(["0,4", "1,5", "2,6", "3,7"], "0-7");
  assert.deepEqual(hostCores({ root: apart.root, allowed: range(8) }), [[1, 5], [2, 6], [3, 7], [0, 4]]);
  await using four = await host(["0-1,8-9", "2-3,10-11"], "0-3,8-11");
  assert.deepEqual(hostCores({ root: four.root, allowed: range(12) }), [[2, 3, 10, 11], [0, 1, 8, 9]]);
});

Deno.test("CPUs that are offline or that this process may not use are no part of a core", async () => {
  await using tree = await host(["0-1", "2-3", "4-5", "6-7"], "0-2,4-7");
  assert.deepEqual(hostCores({ root: tree.root, allowed: [0, 1, 2, 3, 4, 5] }), [[2], [4, 5], [0, 1]]);
  assert.deepEqual(hostCores({ root: tree.root, allowed: [6] }), [[6]]);
});

Deno.test("a host of which nothing is known has a core for each CPU that this process may use", () => {
  assert.deepEqual(hostCores({ root: "/nowhere", allowed: [0, 1, 2] }), [[1], [2], [0]]);
});

Deno.test("the threads of a guest's core are put on the threads of a core, away from CPU 0 where that goes", () => {
  const smt = [[2, 3], [4, 5], [6, 7], [0, 1]];
  assert.deepEqual(placeVcpus(smt, 2, 2), {
    kind: "cores",
    cpus: [2, 3, 4, 5],
    reason: "each core of the guest has a core of the host",
  });
  assert.match(placeVcpus(smt, 4, 2).reason, /CPU 0 among them/);
  assert.deepEqual(placeVcpus(smt, 4, 2).cpus, [2, 3, 4, 5, 6, 7, 0, 1]);
  // A core of which one thread is offline is passed over.
  assert.deepEqual(placeVcpus([[2], [4, 5], [6, 7], [0, 1]], 2, 2).cpus, [4, 5, 6, 7]);
  // One thread a core: no sibling of it is used.
  assert.deepEqual(placeVcpus(smt, 3, 1).cpus, [2, 4, 6]);
});

Deno.test("a host with too few is said to have too few: a CPU each, or no pins", () => {
  const plain = [[1], [2], [3], [0]];
  const each = placeVcpus(plain, 2, 2);
  assert.equal(each.kind, "cpus");
  assert.deepEqual(each.cpus, [1, 2, 3, 0]);
  assert.match(each.reason, /4 CPUs for it, in 4 cores, and 2 cores of 2 threads/);
  const none = placeVcpus([[1], [0]], 2, 2);
  assert.deepEqual([none.kind, none.cpus], ["none", []]);
  assert.match(none.reason, /not pinned.*2 CPUs.*4 would be needed/);
  assert.equal(placeVcpus([], 1, 1).kind, "none");
});

Deno.test("no CPU is given twice, whatever the host and the guest", () => {
  for (const hosts of [[[1], [0]], [[2, 3], [0, 1]], [[1, 5, 9], [2, 6], [3], [0, 4, 8]]]) {
    for (let cores = 1; cores <= 5; cores++) {
      for (let threads = 1; threads <= 4; threads++) {
        const { kind, cpus } = placeVcpus(hosts, cores, threads);
        assert.equal(new Set(cpus).size, cpus.length);
        assert.equal(cpus.length, kind === "none" ? 0 : cores * threads);
        if (kind !== "cores") continue;
        for (let core = 0; core < cores; core++) {
          const part = cpus.slice(core * threads, (core + 1) * threads);
          assert.ok(hosts.some((host) => part.every((cpu) => host.includes(cpu))));
        }
      }
    }
  }
});
