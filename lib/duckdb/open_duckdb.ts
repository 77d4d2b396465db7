import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import type { Columns } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import { defaultSignal } from "../trace/default_signal.ts";
import { type LazyTable, Tables, tablesOf } from "../trace/tables.ts";
import { Trace } from "../trace/trace.ts";
import { type DuckDBModule, frameScan } from "./frame_scan.ts";
import { resultFrame } from "./result_frame.ts";

/** Options of {@linkcode openDuckDB}. */
export interface OpenDuckDBOptions {
  /** Most memory that DuckDB takes, such as `2GB`; what is more goes to its temporary directory. Default: DuckDB's, 80 % of all. */
  memoryLimit?: string;
  /** Threads of DuckDB. Default: as many as there are CPUs. */
  threads?: number;
  /** A database file to open or to make. Default: in memory. */
  path?: string;
}

/** Options of {@linkcode DuckDB.register}. */
export interface RegisterOptions {
  /** Goes before the names of all tables, to have several traces side by side: `a_` makes `a_switches`. Default: nothing. */
  prefix?: string;
  /** The name of a single frame. Default `frame`. */
  name?: string;
  /**
   * Whether the rows are copied into the database when the table is first named in a query. Many queries are faster then (all
   * threads, statistics), and DuckDB may put them on the disk. Default false: each query reads the frame's own arrays.
   */
  copy?: boolean;
}

/** Options of {@linkcode DuckDB.query}. */
export interface QueryOptions {
  /** Interrupts the query, with its reason. Default: in a notebook the stop button, elsewhere none. */
  signal?: AbortSignal;
}

/** A value of a query's parameter (`$1`, `$name`). */
export type QueryValue = string | number | bigint | boolean | null;

/**
 * Opens DuckDB, in memory or on a file.
 *
 * Throws what DuckDB says where the file is none of its own, and `Deno.errors.NotCapable` without `--allow-ffi`.
 */
export async function openDuckDB(options: OpenDuckDBOptions = {}): Promise<DuckDB> {
  const duckdb = await import("@duckdb/node-api");
  const settings: Record<string, string> = {
    ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
    ...(options.memoryLimit === undefined ? {} : { memory_limit: options.memoryLimit }),
  };
  const instance = await duckdb.DuckDBInstance.create(options.path ?? ":memory:", settings);
  try {
    return new DuckDB(duckdb, instance, await instance.connect());
  } catch (error) {
    instance.closeSync();
    throw error;
  }
}

/** A database that traces, frames and data sets are tables of. Made by {@linkcode openDuckDB}; `await using` closes it. */
export class DuckDB implements AsyncDisposable {
  readonly #duckdb: DuckDBModule;
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  /** Tables that no query has named yet. */
  readonly #waiting = new Map<string, { frame: () => Frame<Columns>; copy: boolean }>();
  /** Tables that read a frame's own arrays, with what lets go of those. */
  readonly #reading = new Map<string, () => void>();
  /** What runs now: a connection does one thing at a time. */
  #last: Promise<unknown> = Promise.resolve();
  #functions = 0;
  #open = true;

  /** Wraps what DuckDB's client made. Users call {@linkcode openDuckDB}. */
  constructor(duckdb: DuckDBModule, instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#duckdb = duckdb;
    this.#instance = instance;
    this.#connection = connection;
  }

  /**
   * Makes the tables of a trace (see `tablesOf`), a set of frames, or one frame to tables of the database; one of the same name is
   * replaced. Returns their names.
   *
   * Nothing is decoded or copied before a query names the table; then its columns are. Numbers keep their type, `NaN` is NaN and
   * not NULL; text is an ENUM, which reads and sorts as VARCHAR, or VARCHAR where it has more than 65,536 different values.
   */
  async register(
    what: Trace | Tables | Frame<Columns> | Readonly<Record<string, LazyTable>>,
    options: RegisterOptions = {},
  ): Promise<string[]> {
    const { prefix = "", name = "frame", copy = false } = options;
    const sources: [string, () => Frame<Columns>][] = [];
    if (what instanceof Frame) sources.push([name, () => what]);
    else {
      const tables = what instanceof Trace
        ? tablesOf(what)
        : what instanceof Tables
        ? what
        : new Tables(Object.entries(what));
      for (const table of tables.keys()) sources.push([table, () => tables.get(table)]);
    }
    return await this.#alone(async () => {
      const names: string[] = [];
      for (const [table, frame] of sources) {
        await this.#drop(prefix + table);
        this.#waiting.set(prefix + table, { frame, copy });
        names.push(prefix + table);
      }
      return names;
    });
  }

  /**
   * Makes the Parquet files of a directory, or those that a pattern matches, the table `name`. They are read when a query needs
   * them, only the columns and groups of rows that it needs: they may be larger than the memory. Directories such as `host=web1` become
   * columns of text.
   */
  async registerParquet(directoryOrPattern: string, name: string): Promise<void> {
    const isDirectory = await Deno.stat(directoryOrPattern).then((info) => info.isDirectory, () => false);
    const pattern = isDirectory
      ? `${directoryOrPattern.replace(/\/+$/, "")}/**/*.parquet`
      : directoryOrPattern;
    await this.#alone(async () => {
      await this.#drop(name);
      await this.#connection.run(
        `create view ${quoted(name)} as select * from read_parquet(${text(pattern)}, hive_partitioning = true,
           hive_types_autocast = false, union_by_name = true)`,
      );
    });
  }

  /**
   * The rows that `sql` gives, as a frame. `params` are the values of `$1`, `$2`, ... or of `$name`.
   *
   * DOUBLE becomes a `Float64Array`, INTEGER an `Int32Array` (and so on), BIGINT a `BigInt64Array`, as does HUGEINT (what `sum`
   * of integers is) where 64 bits hold it; BOOLEAN 0 and 1; DECIMAL a `Float64Array`; VARCHAR and ENUM a `DictColumn`. NULL is NaN
   * among numbers (a column of integers that has some becomes a `Float64Array`), and the empty string among texts:
   * `coalesce` tells it from one. Throws a TypeError for a column of another type, and what DuckDB says of the query.
   */
  async query<C extends Columns = Columns>(
    sql: string,
    params: readonly QueryValue[] | Readonly<Record<string, QueryValue>> = [],
    options: QueryOptions = {},
  ): Promise<Frame<C>> {
    const signal = options.signal ?? defaultSignal();
    return await this.#alone(async () => {
      signal?.throwIfAborted();
      const interrupt = () => this.#connection.interrupt();
      signal?.addEventListener("abort", interrupt);
      try {
        await this.#meet(sql);
        const values = Array.isArray(params) ? [...params] : { ...params as Record<string, QueryValue> };
        const result = Object.keys(values).length === 0
          ? await this.#connection.stream(sql)
          : await this.#connection.stream(sql, values);
        return await resultFrame(this.#duckdb, result, signal) as unknown as Frame<C>;
      } catch (error) {
        signal?.throwIfAborted();
        throw error;
      } finally {
        signal?.removeEventListener("abort", interrupt);
      }
    });
  }

  /** Closes the database. What runs comes to its end first. */
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#last.catch(() => {});
    this.#waiting.clear();
    for (const release of this.#reading.values()) release();
    this.#reading.clear();
    this.#connection.closeSync();
    this.#instance.closeSync();
  }

  /** The same as {@linkcode DuckDB.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Runs `work` when all before it is done. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#open) throw new Error("The database is closed");
    const run = this.#last.catch(() => {}).then(work);
    this.#last = run;
    return run;
  }

  /** Makes the tables that `sql` names for the first time. */
  async #meet(sql: string): Promise<void> {
    if (this.#waiting.size === 0) return;
    // Any word of the text may be one: DuckDB's own list of tables leaves out those that are not there yet.
    const words = new Set(sql.toLowerCase().match(/"(?:[^"]|"")+"|[\p{L}\p{N}_$]+/gu) ?? []);
    for (const [name, { frame, copy }] of [...this.#waiting]) {
      const lower = name.toLowerCase();
      if (!words.has(lower) && !words.has(quoted(lower))) continue;
      const called = `schedscope_frame_${++this.#functions}`;
      const { scan, release } = frameScan(this.#duckdb, called, frame());
      this.#connection.registerTableFunction(scan);
      // A view of something in this process's memory has no place in a database file.
      const kind = copy ? "table" : "temporary view";
      await this.#connection.run(`create ${kind} ${quoted(name)} as select * from ${called}()`);
      if (copy) release();
      else this.#reading.set(lower, release);
      this.#waiting.delete(name);
    }
  }

  async #drop(name: string): Promise<void> {
    this.#waiting.delete(name);
    const found = await this.#connection.runAndReadAll(
      `select table_catalog, table_type from information_schema.tables
       where lower(table_name) = lower($1) and table_schema = 'main'`,
      [name],
    );
    for (const [catalog, type] of found.getRows()) {
      const kind = type === "VIEW" ? "view" : "table";
      await this.#connection.run(`drop ${kind} ${quoted(String(catalog))}.main.${quoted(name)}`);
    }
    this.#reading.get(name.toLowerCase())?.();
    this.#reading.delete(name.toLowerCase());
  }
}

/** A name as an identifier of SQL. */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A string of SQL. */
function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
