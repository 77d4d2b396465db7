import { type ByteSource, fileSource } from "../byte_source.ts";
import type { EventFormat } from "../event_format.ts";
import type { RowColumns, StreamBuilder } from "../stream_builder.ts";
import { findRoundEnd } from "./find_window.ts";
import type { PerfAttr, Section } from "./header.ts";
import type { Layouts } from "./layout.ts";
import { readRecords, type Records } from "./read_stream.ts";
import { Rounds } from "./rounds.ts";
import { findBase } from "./stamp.ts";
import type { RecordParts } from "./walk.ts";

/** What a worker is told to read. */
export interface SectionRequest {
  readonly path: string;
  /** Bytes that the file must have. */
  readonly size: number;
  readonly section: Section;
  readonly attrs: readonly PerfAttr[];
  readonly formats: ReadonlyMap<number, EventFormat>;
  readonly base: bigint;
}

/** What a worker read: rows in the order of time, with stamps relative to the base. */
export interface SectionAnswer {
  readonly rows: RowColumns;
  readonly count: number;
  /** Names that rows of kind Comm point to. */
  readonly comms: readonly string[];
  readonly counts: Float64Array;
  readonly lostSamples: number;
  readonly malformed: number;
  /** See {@linkcode Records.rounds}. */
  readonly rounds: readonly number[];
  /** Whether all was as it is in a sound recording; where not, it is read by one thread. */
  readonly sound: boolean;
}

/** What a worker does not begin to read in the time that it takes to start, in bytes. */
const HEAD_START = 100e6;
/** Below this many bytes a second thread does not pay. */
const WORTH_A_THREAD = 300e6;
/** For each thread there are at least as many bytes. */
const LEAST = 64e6;
const MOST_WORKERS = 16;
/**
 * With fewer CPUs one thread reads unless more are asked for: what others read is copied once more, and on two CPUs that takes
 * what reading together gains (measured with 0.5 and 5 GB).
 */
const LEAST_CPUS = 4;

/** How many threads read a file of `size` bytes of records; `asked` is the option `workers`. */
export function threadsFor(size: number, asked: number | undefined): number {
  if (asked !== undefined) return Math.max(1, Math.min(MOST_WORKERS, Math.floor(asked)));
  const cpus = navigator.hardwareConcurrency;
  if (size < WORTH_A_THREAD || cpus < LEAST_CPUS) return 1;
  return Math.max(1, Math.min(MOST_WORKERS, cpus, Math.floor(size / LEAST)));
}

/**
 * Reads the records of the plain file `records` in `threads` threads into `builder`, with the same result as
 * {@linkcode readRecords}. undefined where that is in doubt, and `builder` must not be used then: the file has damage or
 * records that were written late, or a thread failed.
 *
 * The file is split at ends of rounds. That a split is where a record begins is known for sure when the thread before it
 * arrives there; and whether a record is late is found from what each round's oldest and newest stamp are, over all of them.
 */
export async function readParallel(
  records: RecordParts,
  layouts: Layouts,
  attrs: readonly PerfAttr[],
  formats: ReadonlyMap<number, EventFormat>,
  builder: StreamBuilder,
  threads: number,
): Promise<Records<StreamBuilder> | undefined> {
  const [{ source, data }] = records.parts as [RecordParts["parts"][number]];
  const sections = split(source, data, layouts, threads);
  if (sections.length < 2) return undefined;
  const base = findBase(records, layouts);
  const workers: Worker[] = [];
  try {
    const answers = sections.slice(1).map((section) => {
      const worker = new Worker(new URL("./parallel_worker.ts", import.meta.url), { type: "module" });
      workers.push(worker);
      const answer = new Promise<SectionAnswer | undefined>((resolve) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = (event) => {
          event.preventDefault();
          resolve(undefined);
        };
      });
      const request: SectionRequest = { path: source.name, size: source.size, section, attrs, formats, base };
      worker.postMessage(request);
      return answer;
    });
    // A thread must see that the file is still the same.
    if (fileSource(source.name).size !== source.size) return undefined;
    const own = readRecords({ parts: [{ source, data: sections[0]! }] }, layouts, builder, {
      base,
      rounds: true,
    });
    builder.settle(Infinity);
    if (own.damage.length > 0 || builder.disordered) return undefined;
    const counts = own.counts.slice();
    let { lostSamples, malformed } = own;
    const rounds = [...own.rounds!];
    for (const answer of answers) {
      const found = await answer;
      if (found === undefined || !found.sound) return undefined;
      // A section ends with an end of a round, so that what it has behind its last one is nothing.
      rounds.length -= 2;
      for (const stamp of found.rounds) rounds.push(stamp);
      found.counts.forEach((count, i) => counts[i]! += count);
      lostSamples += found.lostSamples;
      malformed += found.malformed;
      builder.join(found.rows, found.count, found.comms);
    }
    if (someLate(rounds)) return undefined;
    return { ...own, counts, lostSamples, malformed, end: undefined, delivered: Infinity };
  } finally {
    for (const worker of workers) worker.terminate();
  }
}

/** The data section in as many parts as can be found, each of which begins behind an end of a round. */
function split(source: ByteSource, data: Section, layouts: Layouts, threads: number): Section[] {
  const end = data.offset + data.size;
  const share = (data.size > WORTH_A_THREAD ? data.size - HEAD_START : data.size) / threads;
  const sections: Section[] = [];
  let from = data.offset;
  for (let i = 1; i < threads; i++) {
    const near = end - Math.floor(share * (threads - i));
    if (near <= from) continue;
    const at = findRoundEnd(source, data, layouts, near);
    if (at === undefined || at <= from || at >= end) break;
    sections.push({ offset: from, size: at - from });
    from = at;
  }
  sections.push({ offset: from, size: end - from });
  return sections;
}

/** Whether a row came late, by the newest stamp and the oldest row of each round, two numbers for each. */
function someLate(stamps: readonly number[]): boolean {
  const rounds = new Rounds();
  for (let i = 0; i < stamps.length; i += 2) {
    const newest = stamps[i]!;
    if (stamps[i + 1]! < rounds.delivered) return true;
    if (newest !== -Infinity) rounds.queued(newest);
    rounds.finished();
  }
  return false;
}
