import type { Tables } from "../tables.ts";
import { partition, tableName } from "./partition.ts";
import { Staging } from "./staging.ts";
import { type TableFormat, writeFile } from "./write_table.ts";

/** Options of {@linkcode writeDataSet}. */
export interface WriteDataSetOptions {
  /** How the tables are written. Default `parquet`. */
  format?: TableFormat;
  /** The machine, for the partition of Parquet. Default: the tables' own (`schedscope.host`), else `unknown`. */
  host?: string;
  /** The run, for the partition of Parquet. Default: the name of the file that the tables are from, else `1`. */
  run?: string;
  /** Which tables. Default: all. */
  tables?: readonly string[];
  /** Called before each table with its name and rows. Default: nothing is called. */
  onTable?: (name: string, rows: number) => void;
  /** Ends the writing with its reason; then nothing is left of it. Default: none. */
  signal?: AbortSignal | undefined;
}

/** Lists the tables of a directory of Arrow or CSV files. */
const LIST = "data_set.json";

/**
 * Writes `tables` into `directory` as files: `switches.arrow`, `switches.csv`, or, for Parquet, one partition for each host and
 * run, `switches/host=H/run=R/part-0.parquet`, so that many runs of many machines are one table to DuckDB, pyarrow or Spark.
 *
 * The same host and run again takes the place of the former. All files come together, after the last one is written: on a
 * full disk, an interrupt or a missing permission nothing is left of it, and what was there is as it was. One row group is in
 * memory at a time besides the table itself. Returns the paths, relative to `directory`.
 *
 * Throws a RangeError for a table that is not there, and what Deno throws where it cannot write.
 */
export async function writeDataSet(
  tables: Tables,
  directory: string,
  options: WriteDataSetOptions = {},
): Promise<string[]> {
  const { format = "parquet", signal, onTable } = options;
  signal?.throwIfAborted();
  const names = options.tables ?? [...tables.keys()];
  for (const name of names) if (!tables.has(name)) tables.get(name);
  const source = tables.metadata["schedscope.source"]?.replace(/^.*\//, "");
  const host = options.host ?? tables.metadata["schedscope.host"] ?? "unknown";
  const run = options.run ?? (source || "1");
  const metadata = { ...tables.metadata, "schedscope.host": host, "schedscope.run": run };
  const pathOf = (name: string) =>
    format === "parquet"
      ? `${tableName(name)}/${partition("host", host)}/${partition("run", run)}/part-0.parquet`
      : `${tableName(name)}.${format}`;
  const paths = new Map(names.map((name) => [name, pathOf(name)]));
  await using staging = await Staging.in(directory);
  for (const [name, path] of paths) {
    signal?.throwIfAborted();
    const frame = tables.get(name);
    onTable?.(name, frame.length);
    await writeFile(frame, staging.add(path), { format, metadata, signal });
  }
  const written = [...paths.values()];
  const former = format === "parquet"
    ? await formerParts(directory, partition("host", host), partition("run", run))
    : await formerFiles(directory, format);
  for (const path of former) if (!written.includes(path)) staging.drop(path);
  if (format !== "parquet") {
    await Deno.writeTextFile(
      staging.add(LIST),
      JSON.stringify({ format, tables: names, metadata }, null, 2) + "\n",
    );
  }
  signal?.throwIfAborted();
  await staging.commit();
  return written;
}

/** Parts of the same host and run that are there already. */
async function formerParts(directory: string, host: string, run: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(directory)) {
    const path = `${entry.name}/${host}/${run}/part-0.parquet`;
    if (entry.isDirectory && await isThere(`${directory}/${path}`)) found.push(path);
  }
  return found;
}

/** Files that the directory's list names. */
async function formerFiles(directory: string, format: string): Promise<string[]> {
  try {
    const list = JSON.parse(await Deno.readTextFile(`${directory}/${LIST}`)) as {
      format?: string;
      tables?: string[];
    };
    if (list.format !== format || !Array.isArray(list.tables)) return [];
    return list.tables.map((name) => `${tableName(String(name))}.${format}`);
  } catch {
    // No list, or none of ours: nothing is known of what is there, and it stays.
    return [];
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
