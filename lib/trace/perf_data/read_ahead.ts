import { fileSource } from "../byte_source.ts";
import { RowBlocks } from "../row_blocks.ts";
import type { RowBuffer } from "../stream_builder.ts";
import type { Trace } from "../trace.ts";
import { prepare, traceOfScan } from "./mod.ts";
import { readRecords } from "./read_stream.ts";
import { nameWord, SwitchNames } from "./switch_names.ts";

/** A recording of which it is known that its rows can be handed on as they are settled. */
export interface ReadAhead {
  /** The recording, without the rows of its stream. */
  readonly trace: Trace;
  /** Stamp (ns, the clock's own) that the rows' stamps are relative to. */
  readonly base: bigint;
  /** The names that rows of switches carry. */
  readonly names: SwitchNames;
  /**
   * Reads all records into `rows`. Rows of kind Switch have in `tid` the number of prev_comm in `names`, and in `pid` the process
   * of prev_pid, -1 where the record does not tell it.
   */
  read(rows: RowBuffer): void;
}

/**
 * Goes over the records at `path` once to know whether all of their rows come in time, so that what is read after that can be
 * printed at once. undefined where some are late, or a switch's names are not laid out as usual.
 */
export async function readAhead(path: string): Promise<ReadAhead | undefined> {
  const prepared = await prepare(path, fileSource(path), [], {});
  const { parts, layouts } = prepared;
  const word = nameWord(layouts);
  if (word === undefined) return undefined;
  const rows = new RowBlocks(() => {});
  const records = readRecords(parts, layouts, rows);
  if (rows.disordered) return undefined;
  const names = new SwitchNames(word);
  return {
    trace: traceOfScan(prepared, records, rows.comms),
    base: records.base,
    names,
    read: (into) => {
      readRecords(parts, layouts, into, { names });
    },
  };
}
