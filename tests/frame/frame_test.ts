import assert from "node:assert/strict";
import * as aq from "arquero";
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { DictColumn, Frame, ns } from "../../lib/frame/mod.ts";

function runs() {
  return new Frame({
    ts: Float64Array.of(300, 100, 200, 400),
    cpu: Uint16Array.of(0, 1, 0, 1),
    tid: Int32Array.of(7, 8, 7, -1),
    comm: DictColumn.from(["make", "cc1", "make", "ld"]),
    wait: ns(Float64Array.of(5, NaN, 1, 5)),
  });
}

Deno.test("columns are the arrays given, in a table and under head as well", () => {
  const ts = Float64Array.of(1, 2, 3);
  const comm = DictColumn.from(["a", "b", "a"]);
  const frame = new Frame({ ts, comm });
  assert.equal(frame.column("ts"), ts);
  assert.equal(frame.table.column("ts"), ts);
  assert.equal(frame.table.column("comm"), comm);
  assert.equal(frame.head(2).column("ts").buffer, ts.buffer);
  assert.equal(frame.head(2).column("comm").dictionary, comm.dictionary);
  assert.equal(frame.select("ts").column("ts"), ts);
  assert.equal(frame.with({ x: ts }).column("ts"), ts);
});

Deno.test("Arquero groups by a dictionary column as by an array of strings", () => {
  const frame = runs();
  const sums = (table: aq.ColumnTable) =>
    table.groupby("comm").rollup({ sum: aq.op.sum("ts") }).orderby("comm").objects();
  const plain = aq.table({ comm: ["make", "cc1", "make", "ld"], ts: [300, 100, 200, 400] });
  assert.deepEqual(sums(frame.table), sums(plain));
});

Deno.test("Plot takes columns as channels, numbers unboxed", () => {
  const frame = runs();
  const seen: unknown[] = [];
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const svg = Plot.plot({
    document,
    marks: [
      Plot.dot({ length: frame.length }, {
        x: frame.column("ts"),
        y: frame.column("comm"),
        render: (index, scales, values, dimensions, context, next) => {
          seen.push(values.channels["x"]?.value);
          return next!(index, scales, values, dimensions, context);
        },
      }),
    ],
  });
  assert.equal(seen[0], frame.column("ts"));
  assert.equal(svg.querySelectorAll("circle").length, 4);
  assert.match(svg.outerHTML, /cc1/);
});

Deno.test("lazy columns are made once, on first use, also through derived frames", () => {
  let made = 0;
  const frame = new Frame({
    ts: Float64Array.of(3, 1, 2),
    slow: () => {
      made++;
      return Int32Array.of(30, 10, 20);
    },
  });
  const derived = frame.sort("ts").head(2).with({ more: Int8Array.of(1, 2) }).rename({ ts: "time" });
  assert.equal(frame.filter((row) => row.ts > 1).length, 2);
  frame.select("slow");
  assert.equal(made, 0);
  assert.deepEqual(derived.column("slow"), Int32Array.of(10, 20));
  assert.deepEqual(frame.column("slow"), Int32Array.of(30, 10, 20));
  assert.equal(made, 1);
});

Deno.test("a frame of lazy columns only knows its length", () => {
  assert.equal(new Frame({ x: () => Int32Array.of(1, 2) }).length, 2);
  assert.equal(new Frame({}).length, 0);
});

Deno.test("filter by function, by mask, and take by row numbers agree", () => {
  const frame = runs();
  const byFunction = frame.filter((row) => row.comm === "make");
  assert.deepEqual([...byFunction.rows()], [...frame.filter(Uint8Array.of(1, 0, 1, 0)).rows()]);
  assert.deepEqual([...byFunction.rows()], [...frame.take(Uint32Array.of(0, 2)).rows()]);
  assert.deepEqual([...byFunction.rows()], [
    { ts: 300, cpu: 0, tid: 7, comm: "make", wait: 5 },
    { ts: 200, cpu: 0, tid: 7, comm: "make", wait: 1 },
  ]);
  assert.ok(byFunction.column("cpu") instanceof Uint16Array);
});

Deno.test("slice counts as arrays do", () => {
  const frame = runs();
  const rows = [300, 100, 200, 400];
  for (const [from, to] of [[0, 2], [1, 9], [-2, 4], [-3, -1], [3, 1], [9, 10], [-9, 1]] as const) {
    assert.deepEqual([...frame.slice(from, to).column("ts")], rows.slice(from, to), `${from} ${to}`);
  }
  assert.equal(frame.head(0).length, 0);
  assert.equal(frame.head(99).length, 4);
});

Deno.test("concat merges dictionaries and keeps kinds", () => {
  const a = new Frame({ x: Int16Array.of(1, 2), s: DictColumn.from(["a", "b"]) });
  const b = new Frame({ x: Int16Array.of(3), s: DictColumn.from(["b"]) });
  const both = a.concat(b, a);
  assert.deepEqual([...both.column("s")], ["a", "b", "b", "a", "b"]);
  assert.deepEqual(both.column("x"), Int16Array.of(1, 2, 3, 1, 2));
  assert.deepEqual([...both.column("s").dictionary], ["a", "b"]);
  const other = new Frame({ x: Float64Array.of(1), s: DictColumn.from(["a"]) });
  assert.throws(
    () => a.concat(other as unknown as typeof a).column("x"),
    /column "x": Int16Array with Float64Array/,
  );
});

Deno.test("wrong names, lengths and rows are named in the error", () => {
  const frame = runs();
  assert.throws(
    () => frame.column("wiat" as "wait"),
    /No column "wiat"; the frame has: ts, cpu, tid, comm, wait/,
  );
  assert.throws(() => frame.column("constructor" as "wait"), /No column "constructor"/);
  assert.throws(() => frame.select("nope" as "ts"), RangeError);
  assert.throws(() => frame.rename({ ts: "cpu" }), /Two columns would be called "cpu"/);
  assert.throws(
    () => new Frame({ a: Int8Array.of(1), b: Int8Array.of(1, 2) }),
    /"b" has 2 rows where the frame has 1/,
  );
  assert.throws(() => new Frame({ a: () => Int8Array.of(1) }, 3).column("a"), /"a" has 1 rows/);
  assert.throws(() => frame.take(Uint32Array.of(4)), /Row 4 is not in a frame of 4 rows/);
  assert.throws(() => frame.filter(new Uint8Array(3)), /mask of 4 rows but found 3/);
});

Deno.test("Arrow IPC comes back with the same values", () => {
  const frame = runs().with({ cookie: BigInt64Array.of(1n, -2n, 3n, 2n ** 62n) });
  const back = aq.fromArrow(frame.toArrowIPC(), { useBigInt: true });
  assert.deepEqual(Array.from(back.column("ts")!), [300, 100, 200, 400]);
  assert.deepEqual(Array.from(back.column("comm")!), ["make", "cc1", "make", "ld"]);
  assert.deepEqual(Array.from(back.column("cookie")!), [1n, -2n, 3n, 2n ** 62n]);
});

Deno.test("importing Frame does not evaluate Arquero, the first table does", async () => {
  // Arquero adds its op functions as it is evaluated; a marker on a built-in that it calls then would be fragile, so
  // the time of the first table against that of the second tells: evaluation takes some 20 ms, a table some 10 us.
  const code = `import { Frame } from "${import.meta.resolve("../../lib/frame/mod.ts")}";
    const frame = new Frame({ x: Int8Array.of(1) });
    const time = () => { const t = performance.now(); frame.table; return performance.now() - t; };
    console.log(JSON.stringify([time(), time(), time()]));`;
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(script, code);
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-lock", "--config", config, script],
    }).output();
    const [first, ...later] = JSON.parse(new TextDecoder().decode(stdout) || "[]") as number[];
    assert.ok(first !== undefined, new TextDecoder().decode(stderr));
    assert.ok(first > 10 * Math.min(...later), `first table ${first} ms, later ${later} ms`);
  } finally {
    await Deno.remove(script);
  }
});
