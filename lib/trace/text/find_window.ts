import type { ByteReader, ByteSource } from "../byte_source.ts";
import { EventLine } from "./event_line.ts";

/** Bytes that are looked at to find the next line of an event. */
const PROBE = 1 << 14;
/** The same for the first one, in front of which there may be what the recorder says of the machine. */
const HEAD = 1 << 16;
/** Places of a text whose stamps are compared before it is taken to be in the order of time. */
const PLACES = 64;
/** Texts that are read as a whole: to look at the places takes as long. */
const SMALL = PLACES * PROBE * 2;

/** The stamp of a line, and where the line is. */
interface Probe {
  /** ns of the clock. */
  readonly stamp: bigint;
  readonly offset: number;
}

/** A part of a text. */
export interface TextRange {
  /** Byte at which the first line begins that is looked at; what is before it is older than the window. */
  readonly from: number;
  /** Byte behind the last one. */
  readonly to: number;
}

/** A stamp behind all others. */
const MOST = 1n << 63n;

/**
 * The part of `source` that holds all lines with stamps from `window.from` to `window.to` (ns since `epoch`), found by halves;
 * undefined where all of it must be read: it is short, or the stamps at {@linkcode PLACES} places of it are not in order.
 */
export function findTextWindow(
  source: ByteSource,
  epoch: bigint,
  window: { readonly from: number; readonly to: number },
): TextRange | undefined {
  const { size } = source;
  const stampOf = (ns: number) => {
    return ns === -Infinity ? 0n : ns === Infinity ? MOST : epoch + BigInt(Math.floor(ns));
  };
  const from = stampOf(window.from);
  const to = stampOf(window.to) + 1n;
  if (size < SMALL) return undefined;
  using reader = source.open();
  const line = new EventLine();
  const places: Probe[] = [];
  for (let i = 0; i < PLACES; i++) {
    const found = probe(reader, source, Math.floor(size / PLACES) * i, line, i === 0 ? HEAD : PROBE);
    if (found === undefined || (places.length > 0 && found.stamp < places.at(-1)!.stamp)) return undefined;
    places.push(found);
  }
  /** Least place whose next event is at or behind what `isBehind` looks for. */
  const halves = (isBehind: (stamp: bigint) => boolean) => {
    const behind = places.findIndex(({ stamp }) => isBehind(stamp));
    let low = behind <= 0 ? (behind === 0 ? 0 : places.at(-1)!.offset) : places[behind - 1]!.offset;
    let high = behind < 0 ? size : places[behind]!.offset;
    while (high - low > PROBE) {
      const middle = low + Math.floor((high - low) / 2);
      const found = probe(reader, source, middle, line);
      if (found === undefined || found.offset >= high || isBehind(found.stamp)) high = middle;
      else low = found.offset;
    }
    return { low, high };
  };
  const begin = halves((stamp) => stamp >= from).low;
  const end = halves((stamp) => stamp > to).high;
  // `end` may lie within a line: up to the end of that.
  return { from: begin, to: Math.max(begin, lineEnd(reader, end, size)) };
}

/** The bytes `range` of `source`, as a source. */
export function rangeOf(source: ByteSource, { from, to }: TextRange): ByteSource {
  return {
    name: source.name,
    size: to - from,
    ...(source.truncated === true && to === source.size ? { truncated: true } : {}),
    open() {
      const reader = source.open();
      return {
        read: (into, position) =>
          reader.read(
            into.subarray(0, Math.max(0, Math.min(into.length, to - from - position))),
            from + position,
          ),
        [Symbol.dispose]: () => reader[Symbol.dispose](),
      };
    },
  };
}

/** The first line of an event that begins behind byte `at`, or at 0. */
function probe(
  reader: ByteReader,
  source: ByteSource,
  at: number,
  line: EventLine,
  most = PROBE,
): Probe | undefined {
  const bytes = new Uint8Array(Math.min(most, source.size - at));
  const got = reader.read(bytes, at);
  for (let from = at === 0 ? 0 : bytes.indexOf(10) + 1; from < got;) {
    const end = bytes.indexOf(10, from);
    if (end < 0) return undefined;
    // Records that perf made up itself, of what was there before, have no time.
    const timed = bytes[from] !== 0x23 && line.parse(bytes, from, end) &&
      (!line.isRecord || line.seconds > 0 || line.ns > 0);
    if (timed) {
      return { stamp: BigInt(line.seconds) * 1_000_000_000n + BigInt(line.ns), offset: at + from };
    }
    from = end + 1;
    if (from === 0) return undefined;
  }
  return undefined;
}

/** Byte behind the line that byte `at` is in. */
function lineEnd(reader: ByteReader, at: number, size: number): number {
  const bytes = new Uint8Array(PROBE);
  for (let from = at; from < size; from += PROBE) {
    const got = reader.read(bytes, from);
    const end = bytes.subarray(0, got).indexOf(10);
    if (end >= 0) return from + end + 1;
    if (got === 0) break;
  }
  return size;
}
