import { fileSource } from "../byte_source.ts";
import { StreamBuilder } from "../stream_builder.ts";
import { layOut } from "./layout.ts";
import type { SectionAnswer, SectionRequest } from "./parallel.ts";
import { readRecords } from "./read_stream.ts";

/** What is used of a worker's global scope, whose types a library may not ask for. */
interface WorkerScope {
  onmessage: (event: MessageEvent<SectionRequest>) => void;
  postMessage(message: unknown, transfer: Transferable[]): void;
  close(): void;
}

const self = globalThis as unknown as WorkerScope;

/** Bytes of a record with its raw data, roughly. */
const BYTES_PER_ROW = 64;

self.onmessage = ({ data: { path, size, section, attrs, formats, base } }) => {
  const source = fileSource(path);
  if (source.size !== size) throw new Error(`${path} changed while it was read`);
  const layouts = layOut(attrs, formats);
  const builder = new StreamBuilder(1 << 18, { expected: section.size / BYTES_PER_ROW });
  const read = readRecords({ parts: [{ source, data: section }] }, layouts, builder, { base, rounds: true });
  const { stream } = builder.finish(0);
  const { length: count, kind, ts, cpu, pid, tid, a, b, c, comms } = stream;
  const answer: SectionAnswer = {
    rows: { kind, ts, cpu, pid, tid, a, b, c },
    count,
    comms,
    counts: read.counts,
    lostSamples: read.lostSamples,
    malformed: read.malformed,
    rounds: read.rounds!,
    sound: read.damage.length === 0 && !builder.disordered && read.untimed === 0,
  };
  self.postMessage(answer, [kind, ts, cpu, pid, tid, a, b, c].map((column) => column.buffer as ArrayBuffer));
  self.close();
};
