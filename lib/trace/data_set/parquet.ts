// hyparquet-writer: Parquet in TypeScript, so that writing needs no native library; 2 to 3 million rows of nine columns in a
// second, in files as small as DuckDB's. It is loaded when the first file is written.
import type { ParquetWriter } from "hyparquet-writer";
import { constants, zstdCompressSync } from "node:zlib";
import { type Column, type Columns, DictColumn } from "../../frame/column.ts";
import type { Frame } from "../../frame/frame.ts";

/** Rows of a row group: DuckDB's, which reads a group in one thread. */
export const ROW_GROUP = 122_880;

/** What a column is in Parquet (parquet.thrift: Type and ConvertedType). */
interface ParquetColumn {
  readonly type: "DOUBLE" | "FLOAT" | "INT32" | "INT64" | "BYTE_ARRAY";
  readonly converted?: string;
  /** The values from row `from` up to `to`. */
  readonly values: (from: number, to: number) => ArrayLike<unknown>;
}

/**
 * Writes `frame` as Parquet, one row group at a time: `write` gets the bytes of each. Text has a dictionary in each group, floats
 * are DOUBLE, all columns are required; compressed by zstd. Ends with the signal's reason between two groups.
 */
export async function writeParquet(
  frame: Frame<Columns>,
  write: (bytes: Uint8Array) => void,
  metadata: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { ByteWriter, ParquetWriter } = await import("hyparquet-writer");
  const columns = frame.names.map((name) => ({ name, ...parquetColumn(frame.column(name)) }));
  const bytes = new ByteWriter();
  const flush = () => {
    write(new Uint8Array(bytes.buffer, 0, bytes.index));
    bytes.index = 0;
  };
  type Schema = ConstructorParameters<typeof ParquetWriter>[0]["schema"];
  const writer: ParquetWriter = new ParquetWriter({
    writer: bytes,
    schema: [
      { name: "root", num_children: columns.length },
      ...columns.map(({ name, type, converted }) => ({
        name,
        type,
        repetition_type: "REQUIRED",
        ...(converted === undefined ? {} : { converted_type: converted }),
      })),
    ] as Schema,
    codec: "ZSTD",
    compressors: { ZSTD: compress },
    kvMetadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    createdBy: "schedscope",
  });
  for (let from = 0; from < frame.length; from += ROW_GROUP) {
    signal?.throwIfAborted();
    const to = Math.min(frame.length, from + ROW_GROUP);
    writer.write({
      rowGroupSize: to - from,
      columnData: columns.map(({ name, values }) => ({ name, data: values(from, to) as number[] })),
    });
    flush();
    // Lets a signal come through.
    await new Promise((resolve) => setTimeout(resolve));
  }
  writer.finish();
  flush();
}

function compress(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
}

function parquetColumn(column: Column): ParquetColumn {
  if (column instanceof DictColumn) {
    const { codes } = column;
    const texts = column.dictionary.map((text) => text.toWellFormed());
    const values = (from: number, to: number) => {
      const out = new Array<string>(to - from);
      for (let row = from; row < to; row++) out[row - from] = texts[codes[row]!] ?? "";
      return out;
    };
    return { type: "BYTE_ARRAY", converted: "UTF8", values };
  }
  const values = (from: number, to: number) => column.subarray(from, to);
  if (column instanceof Float64Array) return { type: "DOUBLE", values };
  if (column instanceof Float32Array) return { type: "FLOAT", values };
  if (column instanceof BigInt64Array) return { type: "INT64", values };
  if (column instanceof BigUint64Array) return { type: "INT64", converted: "UINT_64", values };
  if (column instanceof Int32Array) return { type: "INT32", values };
  if (column instanceof Uint32Array) {
    // The writer refuses UINT_32 from 2^31 on. 64 bits hold all, and every reader has them.
    const values = (from: number, to: number) => BigInt64Array.from(column.subarray(from, to), BigInt);
    return { type: "INT64", values };
  }
  if (column instanceof Int16Array) return { type: "INT32", converted: "INT_16", values };
  if (column instanceof Uint16Array) return { type: "INT32", converted: "UINT_16", values };
  return { type: "INT32", converted: column instanceof Int8Array ? "INT_8" : "UINT_8", values };
}
