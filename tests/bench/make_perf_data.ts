/**
 * Makes a perf.data of any size in little time: the head, the event formats and the features of a small recording that perf
 * makes on the spot, and between them rounds of made-up switches and wakings that fit one another, as perf would have
 * written them. perf itself reads it (make_perf_data_test.ts).
 *
 * deno run -A tests/bench/make_perf_data.ts FILE MEGABYTES
 */
import { type EventFields, takeEvents } from "./perf_data_events.ts";

/** What {@linkcode makePerfData} wrote. */
export interface MadePerfData {
  /** Bytes of the file. */
  readonly size: number;
  /** Made-up samples of `sched:sched_switch`. */
  readonly switches: number;
  /** Made-up samples of `sched:sched_waking`. */
  readonly wakings: number;
  /** Ends of rounds. */
  readonly rounds: number;
  /** ns from the first made-up sample to the last. */
  readonly span: number;
}

const CPUS = 2;
const THREADS = 24;
const FIRST_TID = 900_001;
/** Options of {@linkcode makePerfData}. */
export interface MakePerfDataOptions {
  /** Runs of threads on each CPU in a round; each is a waking and a switch. Default 8000, which make 3.4 MB. */
  readonly runs?: number;
}

/** Writes a recording of about `bytes` bytes to `path`. */
export async function makePerfData(
  path: string,
  bytes: number,
  { runs = 8000 }: MakePerfDataOptions = {},
): Promise<MadePerfData> {
  const small = await recordSmall();
  const view = new DataView(small.buffer);
  const [dataAt, dataSize] = [40, 48].map((at) => Number(view.getBigUint64(at, true))) as [number, number];
  const { switches, wakings, comm, head, newest } = takeEvents(small, dataAt, dataSize);
  const names = namesOf(comm);
  const round = makeRound(switches, wakings, Number(newest) + 1_000_000, runs);
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  const write = (block: Uint8Array) => {
    for (let at = 0; at < block.length;) at += file.writeSync(block.subarray(at));
  };
  const header = small.slice(0, dataAt);
  write(header);
  write(small.subarray(dataAt, head));
  write(names);
  const rounds = Math.max(3, Math.round((bytes - small.length) / round.bytes.length));
  for (let i = 0; i < rounds; i++) {
    write(round.bytes);
    round.advance();
  }
  const size = head - dataAt + names.length + rounds * round.bytes.length;
  new DataView(header.buffer).setBigUint64(48, BigInt(size), true);
  write(features(small, dataAt + dataSize, size - dataSize));
  await file.seek(0, Deno.SeekMode.Start);
  write(header);
  return {
    size: dataAt + size + small.length - dataAt - dataSize,
    switches: rounds * round.switches,
    wakings: rounds * round.wakings,
    rounds,
    span: rounds * round.span,
  };
}

async function recordSmall(): Promise<Uint8Array<ArrayBuffer>> {
  const path = await Deno.makeTempFile({ suffix: ".perf.data" });
  try {
    const { success, stderr } = await new Deno.Command("perf", {
      args: [
        ...["record", "-q", "-a", "-C", `0-${CPUS - 1}`, "-k", "CLOCK_MONOTONIC"],
        ...["-e", "sched:sched_switch,sched:sched_waking", "-o", path, "--", "sleep", "0.1"],
      ],
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) throw new Error(`perf record failed: ${new TextDecoder().decode(stderr)}`);
    return await Deno.readFile(path);
  } finally {
    await Deno.remove(path);
  }
}

/** COMM records that name the made-up threads, like one that perf wrote of a thread that it found. */
function namesOf(template: Uint8Array): Uint8Array {
  const out = new Uint8Array(THREADS * CPUS * template.length);
  for (let i = 0; i < THREADS * CPUS; i++) {
    const record = out.subarray(i * template.length, (i + 1) * template.length);
    record.set(template);
    const view = new DataView(record.buffer, record.byteOffset, record.length);
    view.setUint32(8, FIRST_TID + i, true);
    view.setUint32(12, FIRST_TID + i, true);
    record.fill(0, 16, 32);
    record.set(nameOf(i), 16);
  }
  return out;
}

const nameOf = (thread: number) => new TextEncoder().encode(`made-${thread}`);

/** The feature sections of `small` from byte `from` on, with the offsets in their table moved by `by`. */
function features(small: Uint8Array, from: number, by: number): Uint8Array {
  const out = small.slice(from);
  const view = new DataView(out.buffer);
  const first = Number(view.getBigUint64(0, true));
  for (let at = 0; at + 16 <= first - from; at += 16) {
    view.setBigUint64(at, view.getBigUint64(at, true) + BigInt(by), true);
  }
  return out;
}

interface Round {
  readonly bytes: Uint8Array;
  readonly switches: number;
  readonly wakings: number;
  /** ns. */
  readonly span: number;
  /** Moves all stamps on to the next round. */
  advance(): void;
}

/**
 * A round that begins and ends with all CPUs idle, so that the next can follow it: on each CPU one thread after another is woken
 * by the one before it, runs and sleeps; each eighth time the CPU is idle between.
 */
function makeRound(switches: EventFields, wakings: EventFields, begin: number, length: number): Round {
  const pieces: Uint8Array[] = [];
  const stamps: number[] = [];
  let at = 0;
  const put = (record: Uint8Array, stampAt: number) => {
    pieces.push(record);
    stamps.push(at + stampAt);
    at += record.length;
  };
  let seed = 1;
  const random = () => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) / 2 ** 32;
  let span = 0;
  const counts = { switches: 0, wakings: 0 };
  for (let cpu = 0; cpu < CPUS; cpu++) {
    let now = begin + cpu;
    let runs = 0; // index of the thread that runs; 0 = idle
    const tid = (thread: number) => thread === 0 ? 0 : FIRST_TID + cpu * THREADS + thread - 1;
    const name = (thread: number) =>
      thread === 0 ? new TextEncoder().encode(`swapper/${cpu}`) : nameOf(cpu * THREADS + thread - 1);
    const prio = (thread: number) => thread === 0 ? 120 : 120 - (thread % 3);
    const switchTo = (next: number) => {
      const record = switches.make(cpu, tid(runs), now, {
        prev_pid: tid(runs),
        prev_comm: name(runs),
        prev_prio: prio(runs),
        prev_state: runs === 0 ? 0 : 1,
        next_pid: tid(next),
        next_comm: name(next),
        next_prio: prio(next),
      });
      put(record, switches.stampAt);
      counts.switches++;
      runs = next;
      now += 500 + Math.floor(random() * 6000);
    };
    for (let run = 0; run < length; run++) {
      const next = run % 8 === 7 ? 0 : 1 + (runs + Math.floor(random() * (THREADS - 1))) % THREADS;
      if (next !== 0 && next !== runs) {
        const fields = { pid: tid(next), comm: name(next), prio: prio(next), target_cpu: cpu };
        put(wakings.make(cpu, tid(runs), now, fields), wakings.stampAt);
        counts.wakings++;
        now += 200 + Math.floor(random() * 2000);
      }
      if (next !== runs) switchTo(next);
    }
    if (runs !== 0) switchTo(0);
    span = Math.max(span, now - begin);
  }
  const finished = new Uint8Array(8);
  finished[0] = 68; // FINISHED_ROUND
  finished[6] = 8;
  pieces.push(finished);
  const bytes = new Uint8Array(at + 8);
  let end = 0;
  for (const piece of pieces) {
    bytes.set(piece, end);
    end += piece.length;
  }
  const view = new DataView(bytes.buffer);
  return {
    bytes,
    ...counts,
    span,
    advance() {
      for (const stamp of stamps) {
        const low = view.getUint32(stamp, true) + span;
        if (low < 2 ** 32) view.setUint32(stamp, low, true);
        else {
          view.setUint32(stamp, low - 2 ** 32, true);
          view.setUint32(stamp + 4, view.getUint32(stamp + 4, true) + 1, true);
        }
      }
    },
  };
}

if (import.meta.main) {
  const [path, megabytes] = Deno.args;
  if (path === undefined || !(Number(megabytes) > 0)) {
    console.error("Usage: deno run -A tests/bench/make_perf_data.ts FILE MEGABYTES");
    Deno.exit(2);
  }
  console.log(await makePerfData(path, Number(megabytes) * 1e6));
}
