import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Fields of Perfetto's Trace and TracePacket (protos/perfetto/trace/trace_packet.proto, v59) that are written or read. */
export const Packet = {
  /** Of Trace, not of TracePacket. */
  packet: 1,
  ftraceEvents: 1,
  processTree: 2,
  clockSnapshot: 6,
  timestamp: 8,
  sequence: 10,
  trackEvent: 11,
  internedData: 12,
  sequenceFlags: 13,
  ftraceStats: 34,
  systemInfo: 45,
  compressed: 50,
  trackDescriptor: 60,
  cpuInfo: 67,
  attributes: 126,
  zstdCompressed: 133,
} as const;

/** Fields of FtraceEventBundle and FtraceEvent. */
export const Bundle = {
  cpu: 1,
  event: 2,
  lostEvents: 3,
  compactSched: 4,
  clock: 5,
  /** Of FtraceEvent, as the next two. */
  timestamp: 1,
  pid: 2,
  commonFlags: 5,
} as const;

/** Numbers of ClockSnapshot's clocks by the name that the kernel's trace_clock has for them. */
export const CLOCKS: ReadonlyMap<string, number> = new Map([["mono", 3], ["mono_raw", 5], ["boot", 6]]);
/** The clock of the day, and the one that Perfetto takes ftrace's stamps for. */
export const REALTIME = 1;
export const BOOTTIME = 6;

/** Keys of TraceAttributes by which a trace of ours tells what Perfetto has no field for. */
export const Attribute = {
  /** The stamp of ts = 0. */
  epoch: "schedscope.epoch",
  /** `saved` where the first names were known apart from the records (saved_cmdlines), else `records`. */
  names: "schedscope.names",
  clock: "schedscope.clock",
  hz: "schedscope.clock_hz",
  resolution: "schedscope.clock_resolution",
  hostname: "schedscope.hostname",
  recorder: "schedscope.recorder",
  command: "schedscope.command",
  cpusAvailable: "schedscope.cpus_available",
  packages: "schedscope.packages",
  cores: "schedscope.cores",
  caches: "schedscope.caches",
  nodes: "schedscope.nodes",
} as const;

/** Name of the track of holes, from which the reader has them back. */
export const HOLES_TRACK = "schedscope holes";

/** The bytes of a Trace with the one packet that `fill` writes. */
export function packetOf(fill: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(Packet.packet, WireType.LengthDelimited).fork();
  fill(writer);
  return writer.join().finish();
}

/** Writes the message `field` of which `fill` writes the content. */
export function message(writer: BinaryWriter, field: number, fill: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  fill();
  writer.join();
}

/** Writes a signed integer. */
export function writeInt(writer: BinaryWriter, field: number, value: number | bigint): void {
  writer.tag(field, WireType.Varint);
  if (typeof value === "number" && value === (value | 0)) writer.int32(value);
  else writer.int64(BigInt(value));
}

/** Writes an unsigned integer. */
export function writeUint(writer: BinaryWriter, field: number, value: number | bigint): void {
  writer.tag(field, WireType.Varint);
  if (typeof value === "number" && value === value >>> 0) writer.uint32(value);
  else writer.uint64(BigInt.asUintN(64, BigInt(value)));
}

/** Writes bytes or text. */
export function writeText(writer: BinaryWriter, field: number, value: string | Uint8Array): void {
  writer.tag(field, WireType.LengthDelimited);
  if (typeof value === "string") writer.string(value);
  else writer.bytes(value);
}
