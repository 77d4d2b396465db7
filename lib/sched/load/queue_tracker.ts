import { type Changes, type ChangeVisitor, STATE } from "./changes.ts";
import { UNKNOWN_TID } from "./occupants.ts";

/** What each CPU runs and how many wait for it, kept up to date while {@linkcode Changes.walk} goes through time. */
export abstract class QueueTracker implements ChangeVisitor {
  /** By CPU: who has it, 0 idle, -1 unknown. */
  readonly occupants: Int32Array;
  /** By CPU: threads that are runnable, not running, and in its queue. */
  readonly waiting: Int32Array;
  /** By CPU: threads of which the trace does not tell what they do, and that it saw there last. */
  readonly unsure: Int32Array;
  protected readonly changes: Changes;
  /** The stamp up to which all was told. */
  protected now = -Infinity;
  readonly #touched: number[] = [];
  readonly #isTouched: Uint8Array;

  constructor(changes: Changes) {
    this.changes = changes;
    this.occupants = new Int32Array(changes.width).fill(UNKNOWN_TID);
    this.waiting = new Int32Array(changes.width);
    this.unsure = new Int32Array(changes.width);
    this.#isTouched = new Uint8Array(changes.width);
  }

  /** What is known of CPU `cpu` changed at `now`; all else that changes at that stamp did so as well, or is about to be told. */
  protected abstract changed(cpu: number): void;

  /** Nothing changed from `from` to `to`. */
  protected elapsed(_from: number, _to: number): void {}

  advance(ts: number): void {
    const touched = this.#touched;
    for (let i = 0; i < touched.length; i++) {
      this.#isTouched[touched[i]!] = 0;
      this.changed(touched[i]!);
    }
    touched.length = 0;
    if (this.now >= this.changes.from) this.elapsed(this.now, ts);
    this.now = ts;
  }

  thread(row: number, before: number): void {
    if (before >= 0) this.#count(before, -1);
    if (row >= 0) this.#count(row, 1);
  }

  occupant(cpu: number, tid: number): void {
    this.occupants[cpu] = tid;
    this.#touch(cpu);
  }

  #count(row: number, by: number): void {
    const what = this.changes.what[row]!;
    const cpu = (what >> 3) - 1;
    if (cpu < 0) return;
    const state = what & 7;
    if (state === STATE.preempted || state === STATE.woken) this.waiting[cpu]! += by;
    else if (state === STATE.unknown) this.unsure[cpu]! += by;
    else return;
    this.#touch(cpu);
  }

  #touch(cpu: number): void {
    if (this.#isTouched[cpu] === 1) return;
    this.#isTouched[cpu] = 1;
    this.#touched.push(cpu);
  }
}
