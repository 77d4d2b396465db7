import { encodeTaskName } from "../task_name.ts";
import { Kind } from "../stream.ts";
import type { Trace } from "../trace.ts";
import { message, Packet, packetOf, writeText, writeUint } from "./packets.ts";

/** Fields of ProcessTree, ProcessTree.Process and ProcessTree.Thread. */
export const Tree = {
  process: 1,
  thread: 2,
  pid: 1,
  ppid: 2,
  cmdline: 3,
  cmdlineIsComm: 9,
  tid: 1,
  threadName: 2,
  tgid: 3,
} as const;

/** A thread as a packet tells it. */
export interface NamedThread {
  readonly tid: number;
  readonly tgid: number;
  /** Undefined where it is not known. */
  readonly name: string | undefined;
  /** Of a process: who made it; 0 where that is not known. */
  readonly ppid: number;
}

const PER_PACKET = 1000;

/** ProcessTree packets of the stamp `ts` that tell `threads`, a thousand in each. */
export function* treePackets(ts: bigint, threads: readonly NamedThread[]): Generator<Uint8Array> {
  for (let from = 0; from < threads.length; from += PER_PACKET) {
    const part = threads.slice(from, from + PER_PACKET);
    yield packetOf((writer) => {
      writeUint(writer, Packet.timestamp, ts);
      message(writer, Packet.processTree, () => {
        for (const { tid, tgid, name, ppid } of part) {
          if (tid !== tgid) continue;
          message(writer, Tree.process, () => {
            writeUint(writer, Tree.pid, tid);
            writeUint(writer, Tree.ppid, ppid);
            if (name === undefined) return;
            writeText(writer, Tree.cmdline, encodeTaskName(name));
            writeUint(writer, Tree.cmdlineIsComm, 1);
          });
        }
        for (const { tid, tgid, name } of part) {
          message(writer, Tree.thread, () => {
            writeUint(writer, Tree.tid, tid);
            if (name !== undefined) writeText(writer, Tree.threadName, encodeTaskName(name));
            writeUint(writer, Tree.tgid, tgid);
          });
        }
      });
    });
  }
}

/** Which process each thread is of, and its name, as they change along a trace's stream. */
export class ThreadTree {
  readonly #trace: Trace;
  readonly #tgids = new Map<number, number>();
  /** For each tid the process that a packet has told last. */
  readonly #told = new Map<number, number>();
  readonly #parents = new Map<number, number>();

  /** Goes over the stream once to learn which threads there are. */
  constructor(trace: Trace) {
    this.#trace = trace;
    const { kind, tid, pid, a, length } = trace.stream;
    for (let i = 0; i < length; i++) {
      const t = tid[i]!;
      if (t <= 0 || pid[i]! <= 0) continue;
      if (!this.#tgids.has(t)) this.#tgids.set(t, pid[i]!);
      if (kind[i] === Kind.Fork && pid[i] === t && !this.#parents.has(t)) this.#parents.set(t, a[i]!);
    }
  }

  /** Process of each thread that is known, as it is at first. */
  get tgids(): ReadonlyMap<number, number> {
    return this.#tgids;
  }

  /** The threads that are known at the trace's start, and those that come later without a name yet. */
  *start(): Generator<NamedThread> {
    const { kind, ts, tid, pid, a, comms, length } = this.#trace.stream;
    const names = new Map(this.#trace.savedNames);
    for (let i = 0; i < length && ts[i] === 0; i++) {
      if (kind[i] !== Kind.Comm) continue;
      names.set(tid[i]!, comms[a[i]!]!);
      if (pid[i]! > 0) this.#tgids.set(tid[i]!, pid[i]!);
    }
    for (const [tid, tgid] of this.#tgids) {
      this.#told.set(tid, tgid);
      yield { tid, tgid, name: names.get(tid), ppid: Math.max(0, this.#parents.get(tid) ?? 0) };
    }
  }

  /** What must be told later, in time order: a new name, another process. To be asked after {@linkcode ThreadTree.start}. */
  *changes(): Generator<{ ts: number; thread: NamedThread }> {
    const { kind, ts, tid, pid, a, comms, length } = this.#trace.stream;
    for (let i = 0; i < length; i++) {
      const t = tid[i]!;
      const tgid = pid[i]!;
      if (t <= 0 || tgid <= 0) continue;
      const named = kind[i] === Kind.Comm && ts[i]! > 0;
      if (!named && this.#told.get(t) === tgid) continue;
      this.#told.set(t, tgid);
      const parent = kind[i] === Kind.Fork ? a[i]! : this.#parents.get(t) ?? 0;
      const name = named ? comms[a[i]!] : undefined;
      yield { ts: ts[i]!, thread: { tid: t, tgid, name, ppid: Math.max(0, parent) } };
    }
  }
}
