import type { Column, DictColumn } from "../../frame/column.ts";
import type { TraceParts } from "../trace.ts";

/** Where an array lies in a file of an entry. */
export interface ArrayPlace {
  /** The file's name in the entry. */
  readonly file: string;
  /** Byte where it begins. */
  readonly at: number;
  /** Number of values. */
  readonly length: number;
  /** The kind of array. */
  readonly type: ArrayName;
  /** Checksum of its bytes. */
  readonly crc: number;
}

/** A column of an entry. */
export type ColumnPlace =
  /** An array, or with the name of a list of texts the codes into it. */
  | (ArrayPlace & { readonly dictionary?: string })
  /** One value in all rows. */
  | { readonly type: ArrayName; readonly length: number; readonly constant: number }
  /** What a column of the stream has in the rows of a kind. */
  | { readonly stream: StreamColumn; readonly kind: number };

/** Columns of a stream by name. */
export const STREAM_COLUMNS = ["kind", "ts", "cpu", "pid", "tid", "a", "b", "c"] as const;

/** One of {@linkcode STREAM_COLUMNS}. */
export type StreamColumn = typeof STREAM_COLUMNS[number];

/** The arrays that an entry may hold, by the names of their constructors. */
export const ARRAYS = {
  Float64Array,
  Float32Array,
  Int32Array,
  Uint32Array,
  Int16Array,
  Uint16Array,
  Int8Array,
  Uint8Array,
  BigInt64Array,
  BigUint64Array,
} as const;

/** The name of one of {@linkcode ARRAYS}. */
export type ArrayName = keyof typeof ARRAYS;

/** Any of {@linkcode ARRAYS}. */
export type AnyArray = Exclude<Column, DictColumn>;

/** A table of an entry. */
export interface TablePlace {
  readonly rows: number;
  readonly columns: Readonly<Record<string, ColumnPlace>>;
}

/** An event's fields in an entry. */
export interface EventPlace extends TablePlace {
  /** Fields whose text has what is not safe to print, as it was recorded. */
  readonly exact: Readonly<Record<string, ColumnPlace>>;
  /** Fields of its format that cannot be had, and why. */
  readonly refused: Readonly<Record<string, string>>;
}

/** A file of an entry, as it was when it was written. */
export interface FilePlace {
  readonly name: string;
  readonly size: number;
  /** When it was written, ms since 1970. */
  readonly mtime: number;
}

/** The content of an entry's `meta.json`, besides what a trace tells of itself. */
export interface EntryMeta {
  readonly identity: string;
  /** Whether the trace's path is the one that was opened: then it is the one that is opened next. */
  readonly ownPath: boolean;
  readonly files: readonly FilePlace[];
  readonly stream: TablePlace & { readonly comms: readonly string[] };
  readonly late: TablePlace | null;
  readonly events: Readonly<Record<string, EventPlace>>;
  readonly quality: {
    readonly lost: number;
    readonly share: number;
    readonly holes: TablePlace;
    readonly coverage: TablePlace;
  };
}

/** What a trace tells of itself, as JSON has it. Its type asks for every part, so that a new one cannot be forgotten. */
export type Told = {
  readonly [K in Exclude<keyof TraceParts, "stream" | "formats" | "quality" | "decode" | "context">]-?:
    | TraceParts[K]
    | undefined;
};

/** JSON with bigints and with numbers that are not finite. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === "bigint") return { "~big": String(part) };
    if (typeof part === "number" && !Number.isFinite(part)) return { "~number": String(part) };
    return part instanceof Map ? { "~map": [...part] } : part;
  });
}

/** What {@linkcode toJson} made text of. */
export function fromJson(text: string): unknown {
  return JSON.parse(text, (_, part: unknown) => {
    if (typeof part !== "object" || part === null) return part;
    if ("~big" in part) return BigInt(String(part["~big"]));
    if ("~number" in part) return Number(part["~number"]);
    return "~map" in part ? new Map(part["~map"] as [unknown, unknown][]) : part;
  });
}
