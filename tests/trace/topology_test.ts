import assert from "node:assert/strict";
import { openTrace } from "../../lib/trace/open.ts";
import { record } from "../../lib/trace/record/mod.ts";

/** CPUs that have the same number in column `index` of lscpu's list, smallest first; none where lscpu leaves it empty. */
async function byLscpu(column: string, index: (text: string) => string): Promise<string[]> {
  const { stdout } = await new Deno.Command("lscpu", { args: [`-p=CPU,${column}`] }).output();
  const groups = new Map<string, number[]>();
  for (const line of new TextDecoder().decode(stdout).split("\n")) {
    if (line.startsWith("#") || line === "") continue;
    const [cpu, text] = line.split(",") as [string, string];
    if (index(text) === "") continue;
    groups.set(index(text), [...groups.get(index(text)) ?? [], Number(cpu)]);
  }
  return [...groups.values()].map((cpus) => cpus.join(" ")).sort();
}

const lists = (groups: readonly (readonly number[])[] | undefined) =>
  (groups ?? []).map((cpus) => cpus.join(" ")).sort();

for (const door of ["perf", "tracefs"] as const) {
  Deno.test(`a recording by ${door} tells cores, last-level caches and NUMA nodes as lscpu does`, async () => {
    const dir = await Deno.makeTempDir();
    try {
      const output = `${dir}/${door === "perf" ? "perf.data" : "trace"}`;
      await record({ output, door, command: ["sleep", "0.1"] });
      const { topology } = await openTrace(output);
      assert.deepEqual(lists(topology.cores), await byLscpu("CORE", (text) => text));
      assert.deepEqual(lists(topology.caches), await byLscpu("CACHE", (text) => text.split(":").at(-1)!));
      assert.deepEqual(lists(topology.nodes), await byLscpu("NODE", (text) => text));
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}
