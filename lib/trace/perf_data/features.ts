import { type ByteSource, readExactly } from "../byte_source.ts";
import { parseCpuList } from "../cpu_list.ts";
import type { TraceClock, TraceHost, TraceTopology } from "../trace.ts";
import type { PerfAttr, PerfHeader } from "./header.ts";

/** Bits of the feature sections that are read (HEADER_* in perf's util/header.h). */
export const Feature = {
  TracingData: 1,
  Hostname: 3,
  OsRelease: 4,
  Version: 5,
  Arch: 6,
  NrCpus: 7,
  CpuDesc: 8,
  TotalMem: 10,
  Cmdline: 11,
  CpuTopology: 13,
  NumaTopology: 14,
  Cache: 20,
  Compressed: 27,
  ClockData: 29,
} as const;

const MAX_FEATURE = 64 << 20;

/** What the feature sections say of the machine and the recording. Sections that do not parse are left out. */
export interface PerfFeatures {
  readonly host: TraceHost;
  readonly topology: TraceTopology;
  readonly clock: TraceClock;
}

/** Reads the host, the topology and the clock from a file's feature sections. */
export function readFeatures(source: ByteSource, header: PerfHeader): PerfFeatures {
  const little = header.littleEndian;
  const section = (bit: number): DataView | undefined => {
    const found = header.features.get(bit);
    if (found === undefined || found.size > MAX_FEATURE) return undefined;
    return new DataView(readExactly(source, found.offset, found.size, `feature section ${bit}`).buffer);
  };
  const text = (bit: number) => attempt(section(bit), (view) => readString(view, 0, little).text);
  const cpus = attempt(section(Feature.NrCpus), (view) => ({
    available: view.getUint32(0, little),
    online: view.getUint32(4, little),
  }));
  const memory = attempt(section(Feature.TotalMem), (view) => Number(view.getBigUint64(0, little)) * 1024);
  const command = attempt(section(Feature.Cmdline), (view) => readStrings(view, 0, little).texts);
  const host: TraceHost = defined({
    hostname: text(Feature.Hostname),
    release: text(Feature.OsRelease),
    arch: text(Feature.Arch),
    cpu: text(Feature.CpuDesc),
    cpusOnline: cpus?.online,
    cpusAvailable: cpus?.available,
    memory,
    recorder: text(Feature.Version),
    command,
  });
  const topology = attempt(section(Feature.CpuTopology), (view) => {
    const packages = readStrings(view, 0, little);
    const cores = readStrings(view, packages.end, little);
    return { packages: packages.texts.map(parseCpuList), cores: cores.texts.map(parseCpuList) };
  });
  return {
    host,
    topology: {
      ...topology ?? { packages: [], cores: [] },
      ...listed("caches", attempt(section(Feature.Cache), (view) => lastLevelCaches(view, little))),
      ...listed("nodes", attempt(section(Feature.NumaTopology), (view) => numaNodes(view, little))),
    },
    clock: readClock(header.attrs, section(Feature.ClockData), little),
  };
}

const CLOCKS: Readonly<Record<number, string>> = {
  0: "realtime",
  1: "mono",
  4: "mono_raw",
  7: "boot",
  11: "tai",
};

function readClock(attrs: readonly PerfAttr[], data: DataView | undefined, little: boolean): TraceClock {
  const clockid = attrs.find((attr) => attr.clockid !== undefined)?.clockid;
  if (clockid === undefined) return { name: "perf" };
  const name = CLOCKS[clockid] ?? `clockid ${clockid}`;
  const wallOffset = attempt(data, (view) => view.getBigUint64(8, little) - view.getBigUint64(16, little));
  return wallOffset === undefined ? { name } : { name, wallOffset };
}

/** CPUs by node: u32 count, then for each u32 number, u64 total and u64 free kilobytes, and the list as text. */
function numaNodes(view: DataView, little: boolean): number[][] {
  const nodes: number[][] = [];
  let at = 4;
  for (let left = view.getUint32(0, little); left > 0; left--) {
    const { text, end } = readString(view, at + 20, little);
    nodes.push(parseCpuList(text));
    at = end;
  }
  return nodes.filter((cpus) => cpus.length > 0);
}

/**
 * CPUs by cache of the highest level: u32 version, u32 count, then for each u32 level, line size, sets and ways, and as texts type, size and
 * CPUs.
 */
function lastLevelCaches(view: DataView, little: boolean): number[][] {
  const caches = new Map<string, number[]>();
  let highest = 0;
  let at = 8;
  for (let left = view.getUint32(4, little); left > 0; left--) {
    const level = view.getUint32(at, little);
    const type = readString(view, at + 16, little);
    const size = readString(view, type.end, little);
    const { text, end } = readString(view, size.end, little);
    at = end;
    if (level < highest || type.text === "Instruction") continue;
    if (level > highest) caches.clear();
    highest = level;
    caches.set(text, parseCpuList(text));
  }
  return [...caches.values()];
}

/** `{ [name]: lists }`, or nothing where there are none. */
function listed<N extends string>(
  name: N,
  lists: readonly (readonly number[])[] | undefined,
): { [K in N]?: readonly (readonly number[])[] } {
  return lists === undefined || lists.length === 0 ? {} : { [name]: lists } as { [K in N]: typeof lists };
}

/** A `perf_header_string`: u32 size (padded), then NUL-terminated text. */
function readString(view: DataView, at: number, little: boolean): { text: string; end: number } {
  const size = view.getUint32(at, little);
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at + 4, size);
  const nul = bytes.indexOf(0);
  return { text: new TextDecoder().decode(bytes.subarray(0, nul < 0 ? size : nul)), end: at + 4 + size };
}

/** A `perf_header_string_list`: u32 count, then strings. */
function readStrings(view: DataView, at: number, little: boolean): { texts: string[]; end: number } {
  const count = view.getUint32(at, little);
  const texts: string[] = [];
  let end = at + 4;
  for (let i = 0; i < count; i++) {
    const next = readString(view, end, little);
    texts.push(next.text);
    end = next.end;
  }
  return { texts, end };
}

/** What `read` makes of `view`; undefined where there is none, or where it is damaged. */
function attempt<T>(view: DataView | undefined, read: (view: DataView) => T): T | undefined {
  if (view === undefined) return undefined;
  try {
    return read(view);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function defined<T extends object>(object: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}
