import type { Cursor } from "./cursor.ts";
import type { TimeShift, TimeShiftSample, TraceDatBuffer, TraceDatGuest, TscToNs } from "./facts.ts";

/** Numbers of options and sections (trace-cmd's documents, and trace-cmd-private.h). */
export const OptionId = {
  Done: 0,
  Date: 1,
  CpuStat: 2,
  Buffer: 3,
  TraceClock: 4,
  Uname: 5,
  Hook: 6,
  Offset: 7,
  CpuCount: 8,
  Version: 9,
  ProcMaps: 10,
  TraceId: 11,
  TimeShift: 12,
  Guest: 13,
  TscToNs: 14,
  Strings: 15,
  HeaderInfo: 16,
  FtraceEvents: 17,
  EventFormats: 18,
  Kallsyms: 19,
  Printk: 20,
  SavedNames: 21,
  BufferText: 22,
  Btf: 23,
  LastBoot: 24,
  Modules: 25,
} as const;

/** Most CPUs: a column of CPUs has 16 bits. */
export const MAX_CPUS = 0x1_0000;

/** A buffer as its option tells it: in version 6 only where its table lies. */
export interface BufferOption {
  readonly name: string;
  readonly offset: number;
  readonly clock?: string;
  readonly pageSize?: number;
  readonly cpus?: TraceDatBuffer["cpus"];
  /** Whether it is a latency tracer's text. */
  readonly text: boolean;
}

/** What the options of a file say. */
export class FileOptions {
  readonly buffers: BufferOption[] = [];
  readonly guests: TraceDatGuest[] = [];
  readonly cpuStats: { buffer: string; text: string }[] = [];
  readonly unknown = new Set<number>();
  /** Byte of each section that an option points to. */
  readonly sections = new Map<number, number>();
  clock: string | undefined;
  /** Whether there is a TRACECLOCK option, be it empty. */
  hasClock = false;
  uname: string | undefined;
  recorder: string | undefined;
  cpuCount: number | undefined;
  traceId: bigint | undefined;
  dateOffset: bigint | undefined;
  timeOffset = 0n;
  timeShift: TimeShift | undefined;
  tscToNs: TscToNs | undefined;
  readonly #sectioned: boolean;
  #statBuffer = "";

  /** `sectioned`: whether the file is of version 7, where options point to sections. */
  constructor(sectioned: boolean) {
    this.#sectioned = sectioned;
  }

  /** Takes the option `id` whose data `cursor` reads. */
  add(id: number, cursor: Cursor): void {
    switch (id) {
      case OptionId.Date:
        this.dateOffset = clockOffset(cursor) * 1000n;
        break;
      case OptionId.Offset:
        this.timeOffset += clockOffset(cursor);
        break;
      case OptionId.CpuStat:
        this.#addStat(text(cursor));
        break;
      case OptionId.Buffer:
        this.buffers.push(this.#sectioned ? bufferOption(cursor) : linearBuffer(cursor));
        break;
      case OptionId.BufferText:
        this.buffers.push({
          offset: fileOffset(cursor),
          name: cursor.string("a buffer's name"),
          text: true,
        });
        break;
      case OptionId.TraceClock:
        this.hasClock = true;
        this.clock = chosenClock(text(cursor)) ?? this.clock;
        break;
      case OptionId.Uname:
        this.uname = text(cursor);
        break;
      case OptionId.Version:
        this.recorder = text(cursor);
        break;
      case OptionId.CpuCount: {
        const count = cursor.u32("the number of CPUs");
        if (count > MAX_CPUS) cursor.fail(`at most ${MAX_CPUS} CPUs`, String(count));
        this.cpuCount = count;
        break;
      }
      case OptionId.TraceId:
        this.traceId = cursor.u64("the trace's id");
        break;
      case OptionId.TimeShift:
        this.timeShift = timeShift(cursor);
        break;
      case OptionId.Guest:
        this.guests.push(guest(cursor));
        break;
      case OptionId.TscToNs:
        this.tscToNs = {
          mult: cursor.u32("the multiplier"),
          shift: cursor.u32("the shift"),
          offset: cursor.u64("the offset"),
        };
        break;
      case OptionId.HeaderInfo:
      case OptionId.FtraceEvents:
      case OptionId.EventFormats:
      case OptionId.Kallsyms:
      case OptionId.Printk:
      case OptionId.SavedNames:
        this.sections.set(id, fileOffset(cursor));
        break;
      case OptionId.Hook:
      case OptionId.ProcMaps:
      case OptionId.Btf:
      case OptionId.LastBoot:
      case OptionId.Modules:
        break;
      default:
        this.unknown.add(id);
    }
  }

  /** The texts of each buffer come after one that names it. */
  #addStat(stat: string): void {
    const name = /^\s*Buffer: (.*)$/m.exec(stat)?.[1];
    if (name !== undefined) this.#statBuffer = name.trim();
    else this.cpuStats.push({ buffer: this.#statBuffer, text: stat });
  }
}

/** The clock in brackets in a text of `trace_clock`; undefined where there is none. */
export function chosenClock(list: string): string | undefined {
  return /\[([\w-]{1,64})\]/.exec(list)?.[1];
}

/** An option's data up to the first NUL, or all of it. */
function text(cursor: Cursor): string {
  const bytes = cursor.bytes(Math.min(cursor.left, 1 << 20), "a text");
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Decimal or with 0x, as C's strtoll takes it; 0 where it is neither. */
function clockOffset(cursor: Cursor): bigint {
  const match = /^\s*([+-]?)(0[xX][0-9a-fA-F]{1,16}|\d{1,19})/.exec(text(cursor));
  if (match === null) return 0n;
  const size = BigInt.asIntN(64, BigInt(match[2]!));
  return match[1] === "-" ? -size : size;
}

function fileOffset(cursor: Cursor): number {
  const offset = cursor.u64("an offset in the file");
  // What is no byte of the file is found out where it is used; here it has to be a number.
  return offset > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(offset);
}

function linearBuffer(cursor: Cursor): BufferOption {
  const offset = fileOffset(cursor);
  const name = text(cursor);
  return { offset, name, text: false };
}

function bufferOption(cursor: Cursor): BufferOption {
  const offset = fileOffset(cursor);
  const name = cursor.string("a buffer's name");
  const clock = cursor.string("a buffer's clock");
  const pageSize = cursor.u32("the size of a page");
  const count = cursor.u32("the number of CPUs");
  if (count > MAX_CPUS || count * 20 > cursor.left) {
    cursor.fail(`at most ${Math.floor(cursor.left / 20)} CPUs`, String(count));
  }
  const cpus = [];
  for (let i = 0; i < count; i++) {
    const cpu = cursor.u32("a CPU's number");
    if (cpu >= MAX_CPUS) cursor.fail(`a CPU below ${MAX_CPUS}`, String(cpu));
    cpus.push({ cpu, offset: fileOffset(cursor), size: fileOffset(cursor) });
  }
  return { offset, name, clock: chosenClock(clock) ?? clock, pageSize, cpus, text: false };
}

function timeShift(cursor: Cursor): TimeShift {
  const peer = cursor.u64("the peer's id");
  const flags = cursor.u32("flags");
  const count = cursor.u32("the number of CPUs");
  if (count * 4 > cursor.left) cursor.fail(`at most ${Math.floor(cursor.left / 4)} CPUs`, String(count));
  const cpus: { -readonly [K in keyof TimeShiftSample]: TimeShiftSample[K] }[][] = [];
  for (let cpu = 0; cpu < count; cpu++) {
    const samples = cursor.u32("the number of corrections");
    if (samples * 24 > cursor.left) {
      cursor.fail(`at most ${Math.floor(cursor.left / 24)} corrections`, String(samples));
    }
    const column = () => Array.from({ length: samples }, () => cursor.u64("a correction"));
    const times = column();
    const offsets = column();
    const scalings = column();
    cpus.push(times.map((time, i) => ({
      time,
      offset: BigInt.asIntN(64, offsets[i]!),
      scaling: BigInt.asIntN(64, scalings[i]!),
      fraction: 0n,
    })));
  }
  // Newer recorders add the scalings' bits of fraction behind all CPUs.
  for (const samples of cpus) {
    for (const sample of samples) {
      if (cursor.left < 8) return { peer, flags, cpus };
      sample.fraction = cursor.u64("bits of fraction");
    }
  }
  return { peer, flags, cpus };
}

function guest(cursor: Cursor): TraceDatGuest {
  const name = cursor.string("a guest's name");
  const traceId = cursor.u64("a guest's trace id");
  const count = cursor.u32("a guest's number of CPUs");
  if (count * 8 > cursor.left) cursor.fail(`at most ${Math.floor(cursor.left / 8)} CPUs`, String(count));
  const cpus = Array.from(
    { length: count },
    () => ({ vcpu: cursor.u32("a virtual CPU"), pid: cursor.u32("a thread") }),
  );
  return { name, traceId, cpus };
}
