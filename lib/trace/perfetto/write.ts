import type { BinaryWriter } from "@bufbuild/protobuf/wire";
import type { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import type { KnownHole } from "../quality.ts";
import { Kind } from "../stream.ts";
import type { Trace } from "../trace.ts";
import { eventRows, STREAM_ROW } from "../write/event_table.ts";
import { type TraceOutput, withOutput, type WriteBytes } from "../write/output.ts";
import { CpuBundle, eventEncoder } from "./write_events.ts";
import { ThreadTree, treePackets } from "./write_names.ts";
import { type TraceTrack, TrackWriter } from "./write_tracks.ts";
import {
  Attribute,
  BOOTTIME,
  CLOCKS,
  HOLES_TRACK,
  message,
  Packet,
  packetOf,
  REALTIME,
  writeText,
  writeUint,
} from "./packets.ts";

/** Options of {@linkcode writePerfetto}. */
export interface WritePerfettoOptions {
  /** Tracks of one's own, such as the causes of gaps. Default: none; the trace's holes have a track in any case. */
  tracks?: readonly TraceTrack[];
  /** Ends the writing with its reason. Nothing is left behind. Default: none. */
  signal?: AbortSignal;
}

/**
 * Writes `trace` as a Perfetto trace (protobuf) that ui.perfetto.dev opens: all events with all of their fields, names of threads
 * and processes, `options.tracks`, and a track of the trace's holes. Wakeups are events of the waker's CPU and thread, from
 * which Perfetto draws the arrow to the slice that they lead to.
 *
 * Stamps are those of the trace's own clock. Perfetto takes stamps of ftrace for CLOCK_BOOTTIME; a snapshot of the clocks says
 * that `mono` (or `boot`, `mono_raw`) and, where the trace knows it, the time of day were such at the trace's epoch. For any
 * other clock its numbers are shown as they are. What Perfetto has no field for (the clock's name, the topology) goes as
 * attributes of the trace, from which `openTrace` has it back.
 *
 * Throws an Error where `output` cannot be written, and RangeError for a track without `ts` or `dur`.
 */
export async function writePerfetto(
  trace: Trace,
  output: TraceOutput,
  options: WritePerfettoOptions = {},
): Promise<void> {
  const { tracks = [], signal } = options;
  await withOutput(output, { signal }, async (write) => {
    for (const packet of headPackets(trace)) await write(packet);
    const tree = new ThreadTree(trace);
    for (const packet of treePackets(trace.epoch, [...tree.start()])) await write(packet);
    const writer = new TrackWriter(trace.epoch, tree.tgids);
    for (const track of [holesTrack(trace), ...tracks]) {
      for (const packets of writer.write(track)) await write(packets);
    }
    await writeEvents(trace, tree, write, signal);
  });
}

async function writeEvents(
  trace: Trace,
  tree: ThreadTree,
  write: WriteBytes,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { epoch, stream } = trace;
  const { length, table, row, tables } = eventRows(trace, signal);
  const encoders = tables.map(eventEncoder);
  const bundles: CpuBundle[] = [];
  const changes = tree.changes();
  let change = changes.next();
  for (let i = 0; i < length; i++) {
    const of = table[i]!;
    const at = row[i]!;
    if (of === STREAM_ROW) {
      if (stream.kind[at] === Kind.Lost) {
        const cpu = stream.cpu[at]!;
        const bundle = bundles[cpu] ??= new CpuBundle(cpu);
        await write(bundle.take());
        bundle.lose();
      }
      continue;
    }
    const { ts, cpu, pid, flags } = tables[of]!;
    const stamp = ts[at]!;
    while (!change.done && change.value.ts <= stamp) {
      for (const packet of treePackets(epoch + BigInt(change.value.ts), [change.value.thread])) {
        await write(packet);
      }
      change = changes.next();
    }
    const on = Number((cpu as Uint16Array)[at]);
    const bundle = bundles[on] ??= new CpuBundle(on);
    const bits = flags === undefined ? 0 : Number((flags as Int32Array)[at]);
    bundle.add(epoch + BigInt(stamp), Number((pid as Int32Array)[at]), bits, encoders[of]!, at);
    if (bundle.full) await write(bundle.take());
  }
  for (const bundle of bundles) if (bundle !== undefined) await write(bundle.take());
  for (; !change.done; change = changes.next()) {
    const { ts, thread } = change.value;
    for (const packet of treePackets(epoch + BigInt(ts), [thread])) await write(packet);
  }
  await write(statsPacket(trace));
}

/** The clocks, the machine, and what Perfetto has no field for. */
function headPackets(trace: Trace): Uint8Array[] {
  const { epoch, clock, host, topology } = trace;
  const own = CLOCKS.get(clock.name);
  const clocks = new Map<number, bigint>([[BOOTTIME, epoch]]);
  if (own !== undefined) clocks.set(own, epoch);
  if (clock.wallOffset !== undefined) clocks.set(REALTIME, epoch + clock.wallOffset);
  const attributes: [string, string | undefined][] = [
    [Attribute.epoch, epoch.toString()],
    [Attribute.names, trace.savedNames.size > 0 ? "saved" : "records"],
    [Attribute.clock, clock.name],
    [Attribute.hz, clock.hz?.toString()],
    [Attribute.resolution, clock.resolution?.toString()],
    [Attribute.hostname, host.hostname],
    [Attribute.recorder, host.recorder],
    [Attribute.command, host.command === undefined ? undefined : JSON.stringify(host.command)],
    [Attribute.cpusAvailable, host.cpusAvailable?.toString()],
    [Attribute.packages, listed(topology.packages)],
    [Attribute.cores, listed(topology.cores)],
    [Attribute.caches, listed(topology.caches ?? [])],
    [Attribute.nodes, listed(topology.nodes ?? [])],
  ];
  return [
    packetOf((writer) =>
      message(writer, Packet.clockSnapshot, () => {
        for (const [id, stamp] of clocks) {
          message(writer, 1, () => {
            writeUint(writer, 1, id);
            writeUint(writer, 2, stamp);
          });
        }
        writeUint(writer, 2, own ?? BOOTTIME);
      })
    ),
    packetOf((writer) =>
      message(writer, Packet.attributes, () => {
        for (const [key, value] of attributes) {
          if (value === undefined) continue;
          message(writer, 1, () => {
            writeText(writer, 1, key);
            writeText(writer, 3, value);
          });
        }
      })
    ),
    packetOf((writer) => message(writer, Packet.systemInfo, () => writeSystem(writer, trace))),
    ...host.cpu === undefined ? [] : [cpuPacket(host.cpu, host.cpusOnline ?? 1)],
  ];
}

/** SystemInfo: its utsname is sysname, release and machine. */
function writeSystem(writer: BinaryWriter, { host }: Trace): void {
  message(writer, 1, () => {
    writeText(writer, 1, "Linux");
    if (host.release !== undefined) writeText(writer, 3, host.release);
    if (host.arch !== undefined) writeText(writer, 4, host.arch);
  });
  if (host.cpusOnline !== undefined) writeUint(writer, 8, host.cpusOnline);
  if (host.memory !== undefined) writeUint(writer, 16, host.memory);
  if (host.hostname !== undefined) writeText(writer, 17, host.hostname);
}

function cpuPacket(processor: string, cpus: number): Uint8Array {
  return packetOf((writer) =>
    message(writer, Packet.cpuInfo, () => {
      for (let cpu = 0; cpu < cpus; cpu++) message(writer, 1, () => writeText(writer, 1, processor));
    })
  );
}

function listed(lists: readonly (readonly number[])[]): string | undefined {
  return lists.length === 0 ? undefined : JSON.stringify(lists);
}

/** What was lost on each CPU, for Perfetto's page about the trace. */
function statsPacket(trace: Trace): Uint8Array {
  const lost = new Map<number, number>();
  const { holes } = trace.quality;
  for (let i = 0; i < holes.length; i++) {
    const cpu = holes.column("cpu")[i]!;
    if (holes.column("kind").at(i) !== "lost" || cpu < 0) continue;
    lost.set(cpu, (lost.get(cpu) ?? 0) + holes.column("lost")[i]!);
  }
  return packetOf((writer) =>
    message(writer, Packet.ftraceStats, () => {
      // END_OF_TRACE.
      writeUint(writer, 1, 2);
      for (const [cpu, count] of lost) {
        message(writer, 2, () => {
          writeUint(writer, 1, cpu);
          writeUint(writer, 3, count);
        });
      }
    })
  );
}

/** The holes as slices; `told` is 1 for those that the trace's reader was told of, not found. */
function holesTrack(trace: Trace): TraceTrack {
  const { holes } = trace.quality;
  const key = ({ kind, cpu, from, to, lost }: Omit<KnownHole, "kind"> & { kind: string }) =>
    `${kind} ${cpu} ${from} ${to} ${lost}`;
  const told = new Set(trace.knownHoles.map(key));
  const from = holes.column("from");
  return {
    name: HOLES_TRACK,
    slices: new Frame({
      ts: from,
      dur: holes.column("to").map((to, i) => to - from[i]!),
      name: holes.column("kind") as DictColumn,
      cpu: holes.column("cpu"),
      lost: holes.column("lost"),
      told: Uint8Array.from({ length: holes.length }, (_, i) => told.has(key(holes.row(i))) ? 1 : 0),
    }),
  };
}
