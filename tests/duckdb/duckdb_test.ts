import assert from "node:assert/strict";
import { openDuckDB } from "../../lib/duckdb/mod.ts";
import { type Columns, DictColumn, Frame } from "../../lib/frame/mod.ts";
import { writeDataSet } from "../../lib/trace/data_set/mod.ts";
import { openTrace } from "../../lib/trace/open.ts";
import { tablesOf } from "../../lib/trace/tables.ts";
import { everyKind, HOSTILE_NAMES } from "../frame/every_kind.ts";
import { TraceWriter } from "../trace/make_trace.ts";
import { recordWithPerf } from "../trace/perf_data/record_with_perf.ts";

/** The client drops a byte order mark at the start of a text. */
const withoutMark = (text: string) => text.replace(/^\ufeff/, "");

Deno.test("a frame of every kind of column goes in and comes back with its types", async () => {
  await using db = await openDuckDB({ threads: 1, memoryLimit: "500MB" });
  for (const copy of [false, true]) {
    assert.deepEqual(await db.register(everyKind(), { name: "every", copy }), ["every"]);
    const found = await db.query("select * from every");
    const wanted = everyKind();
    assert.deepEqual(found.names, wanted.names);
    for (const name of wanted.names) {
      const [x, y] = [found.column(name), wanted.column(name)];
      if (y instanceof DictColumn) assert.deepEqual([...x as DictColumn], [...y].map(withoutMark), name);
      else assert.deepEqual(x, y, name);
    }
  }
});

Deno.test("text compares and sorts as VARCHAR, also where it is an ENUM", async () => {
  await using db = await openDuckDB({ threads: 1 });
  const names = HOSTILE_NAMES.filter((name) => !name.includes("\0"));
  const shuffled = names.toReversed();
  await db.register({
    a: new Frame({ comm: DictColumn.from(shuffled) }),
    b: new Frame({ comm: DictColumn.from(["plain", "x"]) }),
  });
  const column = async (sql: string, params: string[] = []) =>
    Array.from((await db.query(sql, params)).column("comm") as DictColumn, withoutMark);
  const [type] = (await db.query("select typeof(comm) as type from a limit 1")).rows();
  assert.match(String(type!["type"]), /^ENUM/);
  assert.deepEqual(
    await column("select comm from a order by comm"),
    await column("select comm::varchar as comm from a order by 1"),
  );
  assert.deepEqual(await column("select max(comm) as comm from a where comm < 'v' || $1", ["\u{10ffff}"]), [
    "two\nlines",
  ]);
  for (const name of names) {
    assert.deepEqual(await column("select comm from a where comm = $1", [name]), [withoutMark(name)]);
  }
  assert.deepEqual(await column("select comm from a where comm = 'no such task'"), []);
  assert.deepEqual(await column("select comm from a where comm like '%script%'"), [
    "<script>alert(1)</script>",
  ]);
  assert.deepEqual(await column("select a.comm from a join b using (comm)"), ["plain"]);
  assert.equal((await column("select comm from a union all select comm from b")).length, names.length + 2);
});

Deno.test("NULL is NaN among numbers and empty among texts; wide integers are exact or refused", async () => {
  await using db = await openDuckDB({ threads: 1 });
  const frame = await db.query(`select * from (values
    (1, 1::bigint, 1.5::double, 'a', true, 1.25, 5::hugeint, null, 'x'::enum('x', 'y')),
    (null, null, null, null, null, null, null, null, null),
    (3, 9007199254740991, 'nan'::double, '', false, -2.5, -7::hugeint, null, 'y'))
    as t(i, l, d, s, b, dec, h, n, e)`);
  const column = (name: string) => Array.from(frame.column(name) as Iterable<unknown>);
  assert.deepEqual(column("i"), [1, NaN, 3]);
  assert.deepEqual(column("l"), [1, NaN, 9007199254740991]);
  assert.deepEqual(column("d"), [1.5, NaN, NaN]);
  assert.deepEqual(column("s"), ["a", "", ""]);
  assert.deepEqual(column("b"), [1, NaN, 0]);
  assert.deepEqual(column("dec"), [1.25, NaN, -2.5]);
  assert.deepEqual(column("h"), [5, NaN, -7]);
  assert.deepEqual(column("n"), [NaN, NaN, NaN]);
  assert.deepEqual(column("e"), ["x", "", "y"]);
  assert.deepEqual(
    (await db.query("select sum(x::integer) as sum from range(10) t(x)")).column("sum"),
    BigInt64Array.of(45n),
  );
  await assert.rejects(
    db.query("select 18446744073709551616::hugeint as h"),
    /Column "h" has 18446744073709551616, which 64 bits do not hold/,
  );
  await assert.rejects(
    db.query("select unnest([null, 9007199254740993]) as l"),
    /Column "l" has NULLs and 9007199254740993, which a double does not hold/,
  );
  for (const value of ["now()", "[1, 2]", "{'a': 1}", "interval 1 day", "'\\x01'::blob"]) {
    await assert.rejects(
      db.query(`select ${value} as v`),
      (error: Error) =>
        error instanceof TypeError &&
        /Column "v" is .*which no frame column holds: cast it/.test(error.message),
    );
  }
  const [row] = (await db.query("select epoch_ns(timestamp_ns '1970-01-01 00:00:01.000000001') as t")).rows();
  assert.equal(row!["t"], 1_000_000_001n);
});

Deno.test("parameters, names of columns that are alike, statements without rows, rows of several chunks", async () => {
  await using db = await openDuckDB({ threads: 2 });
  assert.equal((await db.query("select $x + 1 as y", { x: 41 })).row(0)["y"], 42);
  assert.equal(
    (await db.query("select $1 || $2 as y", ["a", "b'; drop table t"])).row(0)["y"],
    "ab'; drop table t",
  );
  assert.equal((await db.query("select $1::bigint as y", [2n ** 62n])).row(0)["y"], 2n ** 62n);
  const alike = await db.query("select 1 as a, 2 as a");
  assert.equal(alike.names.length, 2);
  await db.query("create table t (x integer)");
  await db.query("insert into t select range::integer from range(100000)");
  const { length, names } = await db.query("select x from t");
  assert.deepEqual([length, names], [100_000, ["x"]]);
  assert.deepEqual(
    (await db.query("select x, x::varchar s from t order by x")).column("x"),
    Int32Array.from({ length }, (_, i) => i),
  );
  assert.equal((await db.query("select * from t where false")).length, 0);
  await assert.rejects(db.query("select nope from t"), /Binder Error|not found/);
  await assert.rejects(db.query("selec 1"), /Parser Error|syntax/);
  assert.equal((await db.query("select 1 as one")).length, 1);
});

Deno.test("nothing is decoded before a query names the table, and then once", async () => {
  await using db = await openDuckDB({ threads: 1 });
  const made: string[] = [];
  const lazy = (name: string) => () => {
    made.push(name);
    return new Frame<Columns>({ n: Int32Array.of(1, 2, 3) });
  };
  await db.register({ first: lazy("first"), "Second table": lazy("second") }, { prefix: "p_" });
  await db.query("select 1");
  assert.deepEqual(made, []);
  assert.equal((await db.query("select sum(n)::integer as s from P_first")).row(0)["s"], 6);
  assert.equal((await db.query("select count(*)::integer as s from p_first")).row(0)["s"], 3);
  assert.deepEqual(made, ["first"]);
  await db.query(`select * from "p_Second table"`);
  assert.deepEqual(made, ["first", "second"]);
  // The name again is another table.
  await db.register(new Frame({ n: Int32Array.of(7) }), { name: "p_first" });
  assert.equal((await db.query("select n from p_first")).row(0)["n"], 7);
  await db.register(new Frame({ n: Int32Array.of(8) }), { name: "p_first", copy: true });
  assert.equal((await db.query("select n from p_first")).row(0)["n"], 8);
  await db.register({
    bad: () => {
      throw new Error("cannot be decoded");
    },
  });
  await assert.rejects(db.query("from bad"), /cannot be decoded/);
  assert.equal((await db.query("select 1 as one")).length, 1);
});

Deno.test("frames without rows and without texts are tables", async () => {
  await using db = await openDuckDB({ threads: 1 });
  await db.register(everyKind().slice(0, 0), { name: "none" });
  assert.deepEqual((await db.query("from none")).names, everyKind().names);
  await db.register(new Frame({ comm: DictColumn.from([]) }), { name: "texts" });
  assert.equal((await db.query("from texts")).length, 0);
});

Deno.test("SQL over a real recording says what loops over its columns say", async () => {
  const path = await Deno.makeTempFile({ suffix: ".data" });
  try {
    await recordWithPerf(path, ["perf", "bench", "sched", "messaging", "-g", "2", "-l", "100"]);
    const trace = await openTrace(path);
    await using db = await openDuckDB();
    assert.ok((await db.register(trace)).includes("sched__sched_process_fork"));
    const { switches, wakeups } = trace;
    const counts = new Map<string, number>();
    for (const comm of switches.column("next_comm")) counts.set(comm, (counts.get(comm) ?? 0) + 1);
    const grouped = await db.query(
      "select next_comm as comm, count(*)::integer as n from switches group by 1",
    );
    assert.deepEqual(
      new Map(Array.from(grouped.rows(), (row) => [String(row["comm"]), Number(row["n"])])),
      counts,
    );

    const cpu = switches.column("cpu");
    const ts = switches.column("ts");
    const lastOn = new Map<number, number>();
    let longest = 0;
    for (let i = 0; i < switches.length; i++) {
      longest = Math.max(longest, ts[i]! - (lastOn.get(cpu[i]!) ?? ts[i]!));
      lastOn.set(cpu[i]!, ts[i]!);
    }
    const [gap] = (await db.query(
      "select max(d) as d from (select ts - lag(ts) over (partition by cpu order by ts) as d from switches)",
    )).rows();
    assert.equal(gap!["d"], longest);

    const woken = new Set(wakeups.column("pid"));
    const ran = new Set(switches.column("next_pid"));
    const [both] = (await db.query(`select count(distinct pid)::integer as n from wakeups
      where pid in (select next_pid from switches)`)).rows();
    assert.equal(both!["n"], [...woken].filter((tid) => ran.has(tid)).length);
    assert.equal(
      (await db.query("select distinct tid from threads")).length,
      (await db.query("from threads")).length,
    );
    assert.deepEqual(
      (await db.query("select cpu, switches, share from coverage")).column("share"),
      trace.quality.coverage.column("share"),
    );

    // The same out of Parquet, of two runs.
    const directory = `${path}.set`;
    try {
      for (const run of ["a", "b"]) await writeDataSet(tablesOf(trace), directory, { host: "h 1", run });
      await db.registerParquet(`${directory}/switches`, "runs");
      const found = await db.query(
        "select host, run, count(*)::integer as n, sum(ts) as ts from runs group by all order by run",
      );
      assert.deepEqual(Array.from(found.rows(), ({ host, run, n }) => [host, run, n]), [
        ["h 1", "a", switches.length],
        ["h 1", "b", switches.length],
      ]);
      await db.registerParquet(`${directory}/switches/*/run=b/*.parquet`, "runs");
      assert.equal((await db.query("select count(*)::integer as n from runs")).row(0)["n"], switches.length);
    } finally {
      await Deno.remove(directory, { recursive: true }).catch(() => {});
    }
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a made-up trace, two side by side", async () => {
  const [a, b] = [{ tid: 1, comm: "a" }, { tid: 2, comm: "b" }];
  const one = new TraceWriter().switch(10, 0, a, 1, b).switch(20, 0, b, 1, a).trace();
  const two = new TraceWriter().switch(10, 0, a, 1, b).trace();
  await using db = await openDuckDB({ threads: 1 });
  await db.register(one, { prefix: "one_" });
  await db.register(two, { prefix: "two_" });
  const [row] = (await db.query(
    "select (select count(*) from one_switches)::integer - (select count(*) from two_switches)::integer as more",
  )).rows();
  assert.equal(row!["more"], 1);
});

Deno.test("queries at once wait for one another; a signal ends one, and the next works", async () => {
  await using db = await openDuckDB({ threads: 1 });
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, i) => db.query("select $1::integer as i", [i])),
  );
  assert.deepEqual(results.map((frame) => frame.row(0)["i"]), Array.from({ length: 20 }, (_, i) => i));
  const stop = new AbortController();
  const long = db.query("select count(*) from range(100000000000) a", [], { signal: stop.signal });
  setTimeout(() => stop.abort(new Error("stopped")), 50);
  await assert.rejects(long, /stopped/);
  await assert.rejects(db.query("select 1", [], { signal: stop.signal }), /stopped/);
  assert.equal((await db.query("select 1 as one")).length, 1);
});

Deno.test("a database on a file stays; one that is closed says so; what is no database is refused", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/x.duckdb`;
    {
      await using db = await openDuckDB({ path });
      await db.register(new Frame({ n: Int32Array.of(1, 2) }), { name: "kept", copy: true });
      await db.register(new Frame({ n: Int32Array.of(3) }), { name: "passing" });
      await db.query("select 1 from kept, passing");
    }
    const db = await openDuckDB({ path });
    assert.equal((await db.query("from kept")).length, 2);
    await assert.rejects(db.query("from passing"), /passing does not exist/);
    await db.close();
    await db.close();
    await assert.rejects(async () => await db.query("select 1"), /closed/);
    await Deno.writeTextFile(
      `${directory}/no.duckdb`,
      "this is no database at all, but some text\n".repeat(200),
    );
    await assert.rejects(openDuckDB({ path: `${directory}/no.duckdb` }), /no.duckdb|not a valid/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("nothing of schedscope loads DuckDB before it is opened, not even its own entry point", async () => {
  const code = `
    for (const name of ["mod.ts", "lib/trace/mod.ts", "lib/frame/mod.ts", "lib/sched/mod.ts", "lib/duckdb/mod.ts"]) await import(Deno.args[0] + name);
    console.log(Deno.readTextFileSync("/proc/self/maps").includes("duckdb"));
    const { openDuckDB } = await import(Deno.args[0] + "lib/duckdb/mod.ts");
    await (await openDuckDB()).close();
    console.log(Deno.readTextFileSync("/proc/self/maps").includes("duckdb"));`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--config", "deno.json", code, new URL("../../", import.meta.url).href],
  }).output();
  assert.equal(new TextDecoder().decode(stdout), "false\ntrue\n", new TextDecoder().decode(stderr));
});
