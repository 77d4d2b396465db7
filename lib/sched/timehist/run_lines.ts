import type { ByteWriter } from "./byte_writer.ts";
import { STATE_DICTIONARY } from "./task_state.ts";
import { TASK_WIDTH } from "./timehist_header.ts";
import type { RunRows } from "./tracked_runs.ts";

const NS_PER_SECOND = 1e9;

/** Writes the line of a run, and that of lost events, in the layout of `perf sched timehist`. */
export class RunLines {
  readonly #out: ByteWriter;
  readonly #state: boolean;
  readonly #names: readonly string[];
  readonly #second: number;
  readonly #rest: number;
  /** By tid what its column was last, and of which process and name. */
  readonly #labels = new Map<number, { pid: number; name: number; text: string }>();

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
    const tid = runs.tid[row]!;
    this.#stamp(runs.ts[row]!);
    out.byte(0x5b);
    out.integer(runs.cpu[row]!, 4, 0x30);
    out.text("]  ");
    out.text(tid === 0 ? IDLE : this.#label(tid, runs.pid[row]!, name));
    this.#duration(runs.wait[row]!);
    this.#duration(runs.wakeDelay[row]!);
    this.#duration(runs.preempt[row]!);
    this.#duration(runs.run[row]!);
    if (this.#state) out.right(tid === 0 ? "I" : STATE_DICTIONARY[runs.state[row]!]!, 7);
    out.byte(0x0a);
  }

  /** That `count` events were lost on `cpu`. */
  lost(ts: number, cpu: number, count: number): void {
    this.#stamp(ts);
    this.#out.text(`lost ${count} events on cpu ${cpu}\n`);
  }

  #label(tid: number, pid: number, name: number): string {
    const known = this.#labels.get(tid);
    if (known !== undefined && known.pid === pid && known.name === name) return known.text;
    const ids = pid < 0 || pid === tid ? tid : `${tid}/${pid}`;
    const text = `${this.#names[name]!}[${ids}]`.padEnd(TASK_WIDTH);
    this.#labels.set(tid, { pid, name, text });
    return text;
  }

  #duration(ns: number): void {
    const out = this.#out;
    if (ns !== ns) out.text(UNKNOWN);
    else {
      out.text("  ");
      out.milliseconds(ns, 6);
    }
  }

  #stamp(ts: number): void {
    const total = ts + this.#rest;
    const seconds = Math.floor(total / NS_PER_SECOND);
    const out = this.#out;
    out.integer(seconds + this.#second, 8);
    out.byte(0x2e);
    out.integer(Math.floor((total - seconds * NS_PER_SECOND) / 1000), 6, 0x30);
    out.byte(0x20);
  }
}

const IDLE = "<idle>".padEnd(TASK_WIDTH);
const UNKNOWN = "?".padStart(12);
