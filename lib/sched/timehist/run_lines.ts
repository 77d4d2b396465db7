import type { ByteWriter } from "./byte_writer.ts";
import { STATE_DICTIONARY } from "./task_state.ts";
import { TASK_WIDTH } from "./timehist_header.ts";
import type { RunRows } from "./tracked_runs.ts";

const NS_PER_SECOND = 1e9;
/** The longest label that goes straight into the block; a name has 15 bytes, each at most four when it is made visible. */
const LONGEST_LABEL = 1024;

/**
 * Writes the line of a run, and that of lost events, in the layout of `perf sched timehist`.
 *
 * This is where printing spends its time: digits come from tables and go straight into the writer's block.
 */
export class RunLines {
  readonly #out: ByteWriter;
  readonly #state: boolean;
  readonly #names: readonly string[];
  readonly #second: number;
  readonly #rest: number;
  /** The second that was printed last: its first ns, and its text up to the point. */
  #begun = NaN;
  #prefix: Uint8Array = new Uint8Array();
  /** By tid what its column was last, and of which process and name. */
  readonly #labels = new Map<number, { pid: number; name: number; bytes: Uint8Array }>();

  /** Stamps are relative to `base` (ns); `names` are byte strings by number, and may grow. */
  constructor(out: ByteWriter, base: bigint, state: boolean, names: readonly string[]) {
    this.#out = out;
    this.#state = state;
    this.#names = names;
    this.#second = Number(base / 1_000_000_000n);
    this.#rest = Number(base % 1_000_000_000n);
  }

  /** Run `row` of `runs`, by a thread whose name has the number `name`. */
  run(runs: RunRows, row: number, name: number): void {
    const out = this.#out;
    const { block } = out;
    const tid = runs.tid[row]!;
    let at = this.#stamp(block, out.at, runs.ts[row]!);
    block[at++] = 0x5b;
    at = putCpu(block, at, runs.cpu[row]!);
    block[at++] = 0x5d;
    block[at++] = 0x20;
    block[at++] = 0x20;
    at = putBytes(block, at, tid === 0 ? IDLE : this.#label(tid, runs.pid[row]!, name));
    at = putDuration(block, at, runs.wait[row]!);
    at = putDuration(block, at, runs.wakeDelay[row]!);
    at = putDuration(block, at, runs.preempt[row]!);
    at = putDuration(block, at, runs.run[row]!);
    if (this.#state) {
      at = putText(block, at, (tid === 0 ? "I" : STATE_DICTIONARY[runs.state[row]!]!).padStart(7));
    }
    block[at++] = 0x0a;
    out.advance(at);
  }

  /** That `count` events were lost on `cpu`. */
  lost(ts: number, cpu: number, count: number): void {
    this.#out.advance(this.#stamp(this.#out.block, this.#out.at, ts));
    this.#out.text(`lost ${count} events on cpu ${cpu}\n`);
  }

  #label(tid: number, pid: number, name: number): Uint8Array {
    const known = this.#labels.get(tid);
    if (known !== undefined && known.pid === pid && known.name === name) return known.bytes;
    const ids = pid < 0 || pid === tid ? tid : `${tid}/${pid}`;
    const bytes = bytesOf(`${this.#names[name]!}[${ids}]`.padEnd(TASK_WIDTH).slice(0, LONGEST_LABEL));
    this.#labels.set(tid, { pid, name, bytes });
    return bytes;
  }

  #stamp(block: Uint8Array, at: number, ts: number): number {
    let within = ts - this.#begun;
    if (!(within >= 0 && within < NS_PER_SECOND)) {
      const seconds = Math.floor((ts + this.#rest) / NS_PER_SECOND);
      this.#begun = seconds * NS_PER_SECOND - this.#rest;
      this.#prefix = bytesOf(`${String(seconds + this.#second).padStart(8)}.`);
      within = ts - this.#begun;
    }
    at = putBytes(block, at, this.#prefix);
    const us = (within / 1000) | 0;
    const ms = (us / 1000) | 0;
    at = putThree(block, at, ZEROS, ms);
    at = putThree(block, at, ZEROS, us - ms * 1000);
    block[at] = 0x20;
    return at + 1;
  }
}

/** A byte string as bytes. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

const IDLE = bytesOf("<idle>".padEnd(TASK_WIDTH));
const UNKNOWN = bytesOf("?".padStart(12));

/** The numbers 0 to 999 in three characters each, filled with zeros and with blanks. */
const [ZEROS, BLANKS] = ["0", " "].map((fill) =>
  bytesOf(Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, fill)).join(""))
) as [Uint8Array, Uint8Array];

function putThree(block: Uint8Array, at: number, table: Uint8Array, value: number): number {
  const from = value * 3;
  block[at] = table[from]!;
  block[at + 1] = table[from + 1]!;
  block[at + 2] = table[from + 2]!;
  return at + 3;
}

function putBytes(block: Uint8Array, at: number, bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) block[at + i] = bytes[i]!;
  return at + bytes.length;
}

function putText(block: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) block[at + i] = text.charCodeAt(i);
  return at + text.length;
}

/** `%04d` */
function putCpu(block: Uint8Array, at: number, cpu: number): number {
  const thousands = (cpu / 1000) | 0;
  if (thousands > 9) return putText(block, at, String(cpu));
  block[at] = 0x30 + thousands;
  return putThree(block, at + 1, ZEROS, cpu - thousands * 1000);
}

/** Two blanks, then ms and us, both cut and not rounded: `%6lu.%03lu`. */
function putDuration(block: Uint8Array, at: number, ns: number): number {
  if (ns !== ns) return putBytes(block, at, UNKNOWN);
  block[at] = 0x20;
  block[at + 1] = 0x20;
  if (!(ns >= 0 && ns < 1e12)) {
    const us = Math.floor(ns / 1000);
    const ms = Math.floor(us / 1000);
    return putText(block, at + 2, `${String(ms).padStart(6)}.${String(us - ms * 1000).padStart(3, "0")}`);
  }
  const us = (ns / 1000) | 0;
  const ms = (us / 1000) | 0;
  if (ms < 1000) {
    block[at + 2] = 0x20;
    block[at + 3] = 0x20;
    block[at + 4] = 0x20;
    at = putThree(block, at + 5, BLANKS, ms);
  } else {
    const thousands = (ms / 1000) | 0;
    at = putThree(block, at + 2, BLANKS, thousands);
    at = putThree(block, at, ZEROS, ms - thousands * 1000);
  }
  block[at] = 0x2e;
  return putThree(block, at + 1, ZEROS, us - ms * 1000);
}
