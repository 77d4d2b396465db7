import { DuckDBInstance } from "@duckdb/node-api";
import assert from "node:assert/strict";
import { type Columns, DictColumn, Frame, readArrow } from "../../../lib/frame/mod.ts";
import { writeDataSet } from "../../../lib/trace/data_set/write_data_set.ts";
import { TABLE_FORMATS, writeTable } from "../../../lib/trace/data_set/write_table.ts";
import { Tables } from "../../../lib/trace/tables.ts";
import { everyKind } from "../../frame/every_kind.ts";

/** Rows of `sql`, by DuckDB: 64-bit integers as bigint. */
async function duckdb(sql: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowObjects() as Record<string, unknown>[];
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** The rows of `frame` as they come back: DuckDB's client drops a byte order mark, a dictionary has one zero for both. */
function rowsOf(frame: Frame<Columns>): Record<string, unknown>[] {
  return Array.from(frame.rows(), (row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        typeof value === "string" ? value.replace(/^\ufeff/, "") : value === 0 ? 0 : value,
      ]),
    ));
}

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function listing(directory: string, prefix = ""): string[] {
  return [...Deno.readDirSync(directory)].flatMap((entry) =>
    entry.isDirectory
      ? [`${prefix}${entry.name}/`, ...listing(`${directory}/${entry.name}`, `${prefix}${entry.name}/`)]
      : [`${prefix}${entry.name}`]
  ).sort();
}

Deno.test("DuckDB reads from Parquet what was in the frame, in several row groups", async () => {
  await inDirectory(async (directory) => {
    const frame = everyKind();
    const path = `${directory}/x.parquet`;
    await writeTable(frame, path, { format: "parquet", metadata: { "schedscope.clock": "mono" } });
    const wanted = rowsOf(frame).map((row) => ({ ...row, u32: BigInt(row["u32"] as number) }));
    assert.deepEqual(await duckdb(`from '${path}'`), wanted);
    const [metadata] = await duckdb(
      `select decode(value) as v from parquet_kv_metadata('${path}') where decode(key) = 'schedscope.clock'`,
    );
    assert.equal(metadata!["v"], "mono");

    const rows = 300_000;
    const long = new Frame({
      ts: Float64Array.from({ length: rows }, (_, i) => i * 1000.5),
      u32: Uint32Array.from({ length: rows }, (_, i) => 2 ** 32 - 1 - i),
      comm: new DictColumn(Uint8Array.from({ length: rows }, (_, i) => i % 3), ["a", "b", "c"]),
    });
    await writeTable(long, path, { format: "parquet" });
    const [sums] = await duckdb(
      `select count(*) n, sum(ts) ts, sum(u32)::double u32, count(*) filter (comm = 'c') c, max(u32) top from '${path}'`,
    );
    const total = rows * (rows - 1) / 2;
    assert.deepEqual(sums, {
      n: BigInt(rows),
      ts: total * 1000.5,
      u32: rows * (2 ** 32 - 1) - total,
      c: 100_000n,
      top: 2n ** 32n - 1n,
    });
    // Conditions that the smallest and largest of a group decide.
    assert.deepEqual(await duckdb(`select count(*) n from '${path}' where ts >= 299990 * 1000.5`), [{
      n: 10n,
    }]);
    assert.deepEqual(await duckdb(`select count(*) n from '${path}' where comm > 'b'`), [{ n: 100_000n }]);
    assert.deepEqual(await duckdb(`select count(*) n from '${path}' where u32 > 4294967290`), [{ n: 5n }]);
    const groups = await duckdb(
      `select distinct row_group_num_rows n, encodings e from parquet_metadata('${path}') where path_in_schema = 'comm' order by n`,
    );
    assert.deepEqual(groups.map(({ n }) => n), [54_240n, 122_880n]);
    for (const { e } of groups) assert.match(String(e), /RLE_DICTIONARY/);
  });
});

Deno.test("DuckDB reads from CSV what was in the frame; NaN is empty", async () => {
  await inDirectory(async (directory) => {
    const frame = everyKind().select("f64", "i64", "u64", "i32", "comm", "state");
    const path = `${directory}/x.csv`;
    await writeTable(frame, path, { format: "csv" });
    const types =
      "{f64: 'DOUBLE', i64: 'BIGINT', u64: 'UBIGINT', i32: 'INTEGER', comm: 'VARCHAR', state: 'VARCHAR'}";
    const found = await duckdb(
      `from read_csv('${path}', header = true, delim = ',', quote = '"', escape = '"', nullstr = 'none', columns = ${
        types.replace("f64: 'DOUBLE'", "f64: 'VARCHAR'")
      })`,
    );
    const wanted = rowsOf(frame).map((row) => ({
      ...row,
      f64: Number.isNaN(row["f64"]) ? "" : String(row["f64"]),
    }));
    assert.deepEqual(found, wanted);
    const long = new Frame({ n: Int32Array.from({ length: 70_000 }, (_, i) => i) });
    await writeTable(long, path, { format: "csv" });
    assert.deepEqual(await duckdb(`select count(*) c, sum(n)::bigint s from '${path}'`), [{
      c: 70_000n,
      s: 70_000n * 69_999n / 2n,
    }]);
  });
});

Deno.test("an Arrow file comes back with its metadata", async () => {
  await inDirectory(async (directory) => {
    const path = `${directory}/x.arrow`;
    await writeTable(everyKind(), path, { metadata: { "schedscope.epoch": "123" } });
    const { columns, metadata } = readArrow(path);
    assert.deepEqual(new Frame(columns).toJSON(), everyKind().toJSON());
    assert.equal(metadata["schedscope.epoch"], "123");
    assert.match(metadata["schedscope.version"]!, /^\d+\.\d+\.\d+/);
  });
});

Deno.test("standard output takes a table in every format", async () => {
  await inDirectory(async (directory) => {
    const code = `
      const { writeTable } = await import(Deno.args[0] + "lib/trace/data_set/mod.ts");
      const { everyKind } = await import(Deno.args[0] + "tests/frame/every_kind.ts");
      await writeTable(everyKind(), "-", { format: Deno.args[1] });`;
    for (const format of TABLE_FORMATS) {
      const path = `${directory}/x.${format}`;
      await writeTable(everyKind(), path, { format });
      const args = [
        "eval",
        "--config",
        "deno.json",
        code,
        new URL("../../../", import.meta.url).href,
        format,
      ];
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
      assert.deepEqual(stdout, await Deno.readFile(path), new TextDecoder().decode(stderr));
    }
  });
});

Deno.test("empty tables are tables in every format", async () => {
  await inDirectory(async (directory) => {
    const empty = everyKind().slice(0, 0);
    for (const format of TABLE_FORMATS) await writeTable(empty, `${directory}/x.${format}`, { format });
    assert.deepEqual(await duckdb(`from '${directory}/x.parquet'`), []);
    assert.equal((await duckdb(`describe from '${directory}/x.parquet'`)).length, empty.names.length);
    assert.equal((await duckdb(`describe from '${directory}/x.csv'`)).length, empty.names.length);
    assert.deepEqual(Frame.fromArrow(`${directory}/x.arrow`).names, empty.names);
  });
});

Deno.test("runs of several hosts are one table to DuckDB, whatever they are called", async () => {
  await inDirectory(async (directory) => {
    const keys = [["web-1", "a"], ["web-1", "b/../c"], ["höst %41 'x'", ".."], ["a=b&c", "x\ny*"]] as const;
    for (const [i, [host, run]] of keys.entries()) {
      const tables = new Tables([["switches", new Frame({ n: Int32Array.of(i, i) })]]);
      const paths = await writeDataSet(tables, `${directory}/set`, { host, run });
      assert.match(paths[0]!, /^switches\/host=[\w.%-]+\/run=[\w.%-]+\/part-0\.parquet$/);
    }
    const found = await duckdb(
      `select distinct host, run, n from read_parquet('${directory}/set/switches/**/*.parquet', hive_partitioning = true,
        hive_types = {'host': VARCHAR, 'run': VARCHAR}) order by n`,
    );
    assert.deepEqual(found, keys.map(([host, run], n) => ({ host, run, n })));
    const none = new Tables([["switches", new Frame({})]]);
    await assert.rejects(
      writeDataSet(none, directory, { host: "", run: "x" }),
      /Expected a host of one character/,
    );
    await assert.rejects(
      writeDataSet(none, directory, { host: "x".repeat(300), run: "x" }),
      /fits in a directory/,
    );
    const bad = new Tables([["../x", new Frame({})]]);
    await assert.rejects(writeDataSet(bad, directory, { host: "h", run: "r" }), /Expected a table's name/);
    await assert.rejects(
      writeDataSet(none, directory, { tables: ["nope"] }),
      /No table "nope"; there are: switches/,
    );
  });
});

Deno.test("a run that is written again takes the former's place, with other tables as well", async () => {
  await inDirectory(async (directory) => {
    const one = (n: number) => new Frame({ n: Int32Array.of(n) });
    for (const format of TABLE_FORMATS) {
      const set = `${directory}/${format}`;
      await writeDataSet(new Tables([["a", one(1)], ["b", one(1)]]), set, { format, host: "h", run: "r" });
      await writeDataSet(new Tables([["a", one(9)]]), set, { format, host: "h", run: "other" });
      await Deno.writeTextFile(`${set}/mine.txt`, "stays");
      await writeDataSet(new Tables([["a", one(2)], ["c", one(2)]]), set, { format, host: "h", run: "r" });
      const files = listing(set).filter((path) => /\.(arrow|csv|parquet)$/.test(path));
      const wanted = format === "parquet"
        ? [
          "a/host=h/run=other/part-0.parquet",
          "a/host=h/run=r/part-0.parquet",
          "c/host=h/run=r/part-0.parquet",
        ]
        : [`a.${format}`, `c.${format}`];
      assert.deepEqual(files, wanted);
      assert.equal(await Deno.readTextFile(`${set}/mine.txt`), "stays");
      assert.ok(!listing(set).some((path) => path.includes("partial")));
    }
  });
});

Deno.test("what a killed writer left a day ago is removed, what it set aside stays", async () => {
  await inDirectory(async (directory) => {
    const long = new Date(Date.now() - 48 * 3_600_000);
    for (const [name, file] of [["a", "0.partial"], ["b", "0.old"], ["c", "0.partial"]]) {
      await Deno.mkdir(`${directory}/.schedscope-${name}.partial`);
      await Deno.writeTextFile(`${directory}/.schedscope-${name}.partial/${file}`, "");
      if (name !== "c") await Deno.utime(`${directory}/.schedscope-${name}.partial`, long, long);
    }
    await writeDataSet(new Tables([["t", new Frame({ n: Int32Array.of(1) })]]), directory, { format: "csv" });
    assert.deepEqual(listing(directory), [
      ".schedscope-b.partial/",
      ".schedscope-b.partial/0.old",
      ".schedscope-c.partial/",
      ".schedscope-c.partial/0.partial",
      "data_set.json",
      "t.csv",
    ]);
  });
});

Deno.test("interrupted: nothing is left, and what was there is as it was", async () => {
  await inDirectory(async (directory) => {
    const frame = new Frame({ n: Int32Array.of(1) });
    for (const format of TABLE_FORMATS) {
      const set = `${directory}/deep/${format}`;
      const options = { format, host: "h", run: "r" };
      const stop = new AbortController();
      const tables = new Tables([["a", frame], ["b", () => {
        stop.abort(new Error("stopped"));
        return frame;
      }]]);
      await assert.rejects(writeDataSet(tables, set, { ...options, signal: stop.signal }), /stopped/);
      assert.deepEqual(listing(directory), []);
      await writeDataSet(new Tables([["a", frame]]), set, options);
      const before = listing(directory);
      await assert.rejects(writeDataSet(tables, set, { ...options, signal: stop.signal }), /stopped/);
      assert.deepEqual(listing(directory), before);
      await Deno.remove(`${directory}/deep`, { recursive: true });
    }
  });
});

Deno.test("a signal comes through between groups of rows", async () => {
  await inDirectory(async (directory) => {
    const long = new Frame({ n: Float64Array.from({ length: 3_000_000 }, (_, i) => i) });
    for (const format of ["parquet", "csv"] as const) {
      const stop = new AbortController();
      setTimeout(() => stop.abort(new Error("stopped")), 1);
      const tables = new Tables([["t", long]]);
      await assert.rejects(
        writeDataSet(tables, `${directory}/set`, { format, signal: stop.signal }),
        /stopped/,
      );
      assert.deepEqual(listing(directory), []);
    }
  });
});

/** A file system of its own at `directory`, of 1 MiB. */
async function mounted(directory: string, work: () => Promise<void>): Promise<void> {
  const run = async (program: string, ...args: string[]) => {
    const { success, stderr } = await new Deno.Command(program, { args }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
  };
  await run("mount", "-t", "tmpfs", "-o", "size=1M", "none", directory);
  try {
    await work();
    await run("mount", "-o", "remount,ro", directory);
    await assert.rejects(
      writeDataSet(new Tables([["a", new Frame({ n: Int32Array.of(1) })]]), `${directory}/set`, { run: "x" }),
      /os error 30|Read-only/,
    );
  } finally {
    await run("umount", directory);
  }
}

Deno.test("a full disk and one that may not be written: nothing is left, and what was there is as it was", async () => {
  await inDirectory(async (directory) => {
    await mounted(directory, async () => {
      const small = new Tables([["a", new Frame({ n: Int32Array.of(1) })]]);
      const noise = Float64Array.from({ length: 300_000 }, () => Math.random());
      const big = new Tables([["a", new Frame({ n: Int32Array.of(2) })], ["b", new Frame({ noise })]]);
      for (const format of TABLE_FORMATS) {
        const set = `${directory}/${format}`;
        const options = { format, host: "h", run: "r" };
        await writeDataSet(small, set, options);
        const [path] = listing(set).filter((path) => path.endsWith(format));
        const before = await Deno.readFile(`${set}/${path}`);
        const files = listing(directory);
        await assert.rejects(writeDataSet(big, set, options), /os error 28|No space/);
        await assert.rejects(
          writeDataSet(big, `${directory}/new/${format}`, options),
          /os error 28|No space/,
        );
        await assert.rejects(writeTable(big.get("b"), `${set}/${path}`, { format }), /os error 28|No space/);
        assert.deepEqual(listing(directory), files);
        assert.deepEqual(await Deno.readFile(`${set}/${path}`), before);
      }
    });
  });
});

Deno.test("a place that cannot be taken: the files that had moved go back", async () => {
  await inDirectory(async (directory) => {
    const options = { format: "csv", host: "h", run: "r" } as const;
    await writeDataSet(new Tables([["a", new Frame({ n: Int32Array.of(1) })]]), directory, options);
    await Deno.mkdir(`${directory}/z.csv/full`, { recursive: true });
    const before = listing(directory);
    const n = new Frame({ n: Int32Array.of(2) });
    // A directory is in the way of z.csv, and inside of the staging one it can be set aside: so it is one of a name too long.
    const tables = new Tables([["a", n], ["x".repeat(252), n]]);
    await assert.rejects(writeDataSet(tables, directory, options));
    assert.deepEqual(listing(directory), before);
    assert.equal(await Deno.readTextFile(`${directory}/a.csv`), "n\n1\n");
  });
});
