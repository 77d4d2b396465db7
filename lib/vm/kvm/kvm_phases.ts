import { formatNs } from "../../frame/format_ns.ts";
import type { KvmPhase } from "./kvm_result.ts";

/** The parts of a run, one after the other, with their times. */
export class KvmPhases {
  readonly #began = performance.now();
  readonly #say: (text: string) => void;
  readonly #done: KvmPhase[] = [];
  #name: string | undefined;
  #from = 0;

  /** `say` gets a sentence at the end of each phase and the name of the next. */
  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  /** Time since the start of the run, ns. */
  get now(): number {
    return (performance.now() - this.#began) * 1e6;
  }

  /** All that are over. */
  get done(): readonly KvmPhase[] {
    return this.#done;
  }

  /** Begins the next one, and ends the one before. */
  begin(name: string): void {
    this.end();
    this.#name = name;
    this.#from = this.now;
    this.#say(name);
  }

  /** Ends the one that is going on. */
  end(): void {
    if (this.#name === undefined) return;
    const dur = this.now - this.#from;
    this.#done.push({ name: this.#name, from: this.#from, dur });
    this.#say(`${this.#name}: took ${formatNs(dur)}`);
    this.#name = undefined;
  }
}
