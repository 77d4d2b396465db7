import { traceText } from "../trace_text.ts";
import { fieldOf } from "../event_format.ts";
import type { Layouts } from "./layout.ts";

/** Words of a task's name: TASK_COMM_LEN is 16 bytes. */
const WORDS = 4;

/**
 * Numbers the names of the threads that switches are from, so that rows can carry them. A thread mostly has the name that it had
 * before, which is found by its tid and compared word by word.
 */
export class SwitchNames {
  /** Word of the name in the raw data. */
  readonly word: number;
  /** Names that were met since they were last taken, in the order of their numbers; safe to print. */
  #fresh: string[] = [];
  #words = new Int32Array(1024 * WORDS);
  #count = 0;
  /** Number + 1 of each thread's last name. */
  #last = new Int32Array(1 << 15);
  readonly #byText = new Map<string, number>();

  /** `word` as {@linkcode nameWord} gives it. */
  constructor(word: number) {
    this.word = word;
  }

  /** The number of the name at word `at`, of thread `tid`. */
  code(i32: Int32Array, at: number, tid: number): number {
    const last = tid >>> 0 < this.#last.length ? this.#last[tid]! - 1 : -1;
    const words = this.#words;
    if (last >= 0) {
      const base = last * WORDS;
      if (
        words[base] === i32[at] && words[base + 1] === i32[at + 1] && words[base + 2] === i32[at + 2] &&
        words[base + 3] === i32[at + 3]
      ) return last;
    }
    return this.#find(i32, at, tid);
  }

  /** The names that were met since the last call. */
  takeFresh(): string[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }

  #find(i32: Int32Array, at: number, tid: number): number {
    const text = traceText(new Uint8Array(i32.buffer, at * 4, WORDS * 4));
    let code = this.#byText.get(text);
    if (code === undefined) {
      this.#byText.set(text, code = this.#count++);
      this.#fresh.push(text);
      if (this.#count * WORDS > this.#words.length) {
        const wider = new Int32Array(this.#words.length * 2);
        wider.set(this.#words);
        this.#words = wider;
      }
      this.#words.set(i32.subarray(at, at + WORDS), code * WORDS);
    }
    if (tid >= 0 && tid <= MAX_TID) {
      if (tid >= this.#last.length) {
        const wider = new Int32Array(Math.min(MAX_TID + 1, Math.max(tid + 1, this.#last.length * 2)));
        wider.set(this.#last);
        this.#last = wider;
      }
      this.#last[tid] = code + 1;
    }
    return code;
  }
}

/** PID_MAX_LIMIT. */
const MAX_TID = 4194304;

/**
 * Word of `prev_comm` in the raw data of every sched_switch of the recording; undefined where it is not 16 bytes at a whole
 * word in all of them.
 */
export function nameWord(layouts: Layouts): number | undefined {
  let word: number | undefined;
  for (const layout of layouts.all) {
    if (layout.event !== "sched:sched_switch" || layout.format === undefined) continue;
    const field = fieldOf(layout.format, "prev_comm");
    if (field === undefined || field.size !== WORDS * 4 || field.offset % 4 !== 0) return undefined;
    if (layout.kind === 0 || layout.minRaw < field.offset + field.size) return undefined;
    if (word !== undefined && word !== field.offset / 4) return undefined;
    word = field.offset / 4;
  }
  return word;
}
