import assert from "node:assert/strict";

/** Which rooms of lib/ each room may import from; its own is always allowed. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  frame: [],
  trace: ["frame"],
  duckdb: ["frame", "trace"],
  sched: ["frame", "trace"],
  plot: ["frame", "trace", "sched"],
  native: [],
  bench: ["frame", "trace", "sched", "native"],
  tools: ["frame", "trace", "native"],
  vm: ["frame", "trace", "sched", "bench", "tools", "native"],
  notebook: ["frame"],
  cli: ["frame", "trace", "sched", "plot", "native", "bench", "tools", "vm", "notebook"],
};

async function* sources(dir: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(dir)) {
    const path = `${dir}/${entry.name}`;
    if (entry.isDirectory) yield* sources(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}

Deno.test("rooms import only from the rooms below them", async () => {
  let seen = 0;
  for await (const path of sources("lib")) {
    const room = path.split("/")[1]!;
    assert.ok(room in MAY_IMPORT, `lib/${room} is a room that the design does not have`);
    const text = (await Deno.readTextFile(path)).replace(/\/\*[\s\S]*?\*\//g, "");
    for (const match of text.matchAll(/(?:from|import\()\s*"(\.[^"]*)"/g)) {
      const target = new URL(match[1]!, `file:///${path}`).pathname.slice(1);
      const other = target.split("/")[1]!;
      if (!target.startsWith("lib/") || other === room) continue;
      seen++;
      assert.ok(MAY_IMPORT[room]!.includes(other), `${path} imports ${target}`);
    }
  }
  assert.ok(seen > 50);
});
