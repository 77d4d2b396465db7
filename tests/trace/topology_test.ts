import assert from "node:assert/strict";
import { openTrace } from "../../lib/trace/open.ts";
import { record } from "../../lib/trace/record/mod.ts";

/** CPUs that have the same number in the last column of lscpu's list of `column`; none where lscpu leaves it empty. */
async function byLscpu(column: "CORE" | "NODE" | "CACHE"): Promise<string[]> {
  const { stdout } = await new Deno.Command("lscpu", { args: [`-p=CPU,${column}`] }).output();
  const groups = new Map<string, number[]>();
  for (const line of new TextDecoder().decode(stdout).split("\n")) {
    if (line.startsWith("#") || line === "") continue;
    // Of CACHE it has a column for each level, the last-level one at the end.
    const columns = line.split(",");
    const group = columns.at(-1)!;
    if (group !== "") groups.set(group, [...groups.get(group) ?? [], Number(columns[0])]);
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
      assert.deepEqual(lists(topology.cores), await byLscpu("CORE"));
      assert.deepEqual(lists(topology.caches), await byLscpu("CACHE"));
      assert.deepEqual(lists(topology.nodes), await byLscpu("NODE"));
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}
