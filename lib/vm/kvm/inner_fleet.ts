import { VmError } from "../errors.ts";
import { type GuestShell, shellText } from "../user/guest_shell.ts";
import { type HwlatSample, readHwlatLine } from "./hwlat_line.ts";
import { INNER_DIRECTORY, InnerGuest, type InnerSettings } from "./inner_guest.ts";
import { InnerBootError } from "./inner_boot_error.ts";
import { type InnerProcess, pinVcpus, whenHere, whenReady, writeState } from "./inner_steps.ts";
import type { KvmVm } from "./kvm_result.ts";
import type { InnerVcpu } from "./vcpu_accounts.ts";

/** What {@linkcode InnerFleet} is to do. */
export interface FleetOptions {
  /** How many inner guests. */
  readonly vms: number;
  /** CPUs of the outer guest that their vCPUs may run on. */
  readonly cpus: readonly number[];
  /** Most seconds until one is up; each further attempt has a third as long again. */
  readonly watchdog: number;
  /** Gets each sample. */
  readonly onSample: (vm: number, sample: HwlatSample, line: string) => void;
  /** Gets every other line of a console. */
  readonly onConsole: (vm: number, line: string) => void;
  /** Gets a sentence where something had to be done again. */
  readonly onProgress: (text: string) => void;
  /** Ends every wait. */
  readonly signal?: AbortSignal;
}

/** How often each copy is started before it is given up. */
const ATTEMPTS = 5;

/** How often the first one is: one that hung twice has hung in that outer guest ever after, and comes up in another. */
const FIRST_ATTEMPTS = 2;

/** The state that all copies come up from. */
const STATE = `${INNER_DIRECTORY}/state`;

/** A copy that answers. */
interface Member extends InnerProcess {
  readonly guest: InnerGuest;
}

/**
 * Inner guests that are copies of one: that one boots, writes its state to a file and ends; the others come up from it. A watchdog
 * ends what does not come up and starts another: an emulated guest hangs now and then while it brings up its second CPU.
 */
export class InnerFleet implements AsyncDisposable {
  readonly #shell: GuestShell;
  readonly #settings: InnerSettings;
  readonly #options: FleetOptions;
  /** By number; those that never answered are missing. */
  readonly #members: (Member | undefined)[] = [];
  readonly #starts: number[] = [];
  readonly #failures: string[] = [];
  readonly #firstSamples = new Map<number, number>();
  /** All that were ever started. */
  readonly #started = new Set<InnerGuest>();
  #wentAt = NaN;

  /** Nothing is started yet. */
  constructor(shell: GuestShell, settings: InnerSettings, options: FleetOptions) {
    this.#shell = shell;
    this.#settings = settings;
    this.#options = options;
  }

  /** Boots the first, and writes its state to a file of the outer guest. Throws an {@linkcode InnerBootError} where it does not come up. */
  async bootFirst(): Promise<void> {
    await this.#attempt("The first inner guest", FIRST_ATTEMPTS, async (attempt, step) => {
      await using first = this.#start(`first.${attempt}`, {
        onLine: (line) => this.#options.onConsole(-1, line),
      });
      await whenReady(first, step);
      await writeState(this.#shell, first, STATE, step);
    });
  }

  /** Starts all copies and waits until each answered or was given up. Throws a `VmError` where none of them did. */
  async copy(): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.vms }, (_, vm) => this.#copyOne(vm)));
    await shellText(this.#shell, "Removing the state of the first inner guest", `rm -f ${STATE}`);
    if (this.#members.every((member) => member === undefined)) {
      throw new VmError(`No copy of the first inner guest came up: ${this.#failures[0]}`);
    }
  }

  async #copyOne(vm: number): Promise<void> {
    const { cpus, signal } = this.#options;
    this.#members[vm] = undefined;
    this.#failures[vm] = "";
    try {
      await this.#attempt(`Inner guest ${vm}`, ATTEMPTS, async (attempt, step) => {
        this.#starts[vm] = attempt;
        const guest = this.#start(`vm${vm}.${attempt}`, {
          state: STATE,
          onLine: (line) => this.#take(vm, line),
        });
        try {
          const process = await pinVcpus(this.#shell, guest, cpus, step);
          await whenHere(guest, step);
          this.#members[vm] = { guest, ...process };
        } catch (error) {
          await guest[Symbol.asyncDispose]();
          throw error;
        }
      });
    } catch (error) {
      if (signal?.aborted === true || !(error instanceof VmError)) throw error;
      this.#failures[vm] = error.message;
    }
  }

  /** Threads of the vCPUs of all that are up. */
  get vcpus(): InnerVcpu[] {
    return this.#members.flatMap((member, vm) => member?.vcpus.map((vcpu) => ({ vm, ...vcpu })) ?? []);
  }

  /** Processes of all that are up. */
  get pids(): number[] {
    return this.#members.flatMap((member) => member?.pid ?? []);
  }

  /** Lets all go at once. */
  letGo(): void {
    this.#wentAt = performance.now();
    for (const member of this.#members) member?.guest.send("go");
  }

  /** Times of the first sample of each that told one, ns since they were let go. */
  get firstSamples(): number[] {
    return [...this.#firstSamples.values()];
  }

  /** Resolves after `seconds`, or when all have ended. */
  async measured(seconds: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<void>((resolve) => timer = setTimeout(resolve, seconds * 1000));
    const ended = Promise.all(this.#members.map((member) => member?.guest.ended));
    try {
      await Promise.race([over, ended]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** What each console said, by number. */
  consoles(): string[] {
    return this.#members.map((member) => member?.guest.console ?? "");
  }

  /** What became of each. */
  states(): KvmVm[] {
    return this.#members.map((member, vm) => {
      const starts = this.#starts[vm]!;
      if (member === undefined) return { vm, state: "hung", starts, detail: this.#failures[vm]! };
      if (member.guest.isOver) return { vm, state: "died", starts, detail: member.guest.lastWords };
      if (this.#firstSamples.has(vm)) return { vm, state: "measured", starts, detail: "" };
      return { vm, state: "silent", starts, detail: "it was let go and told no sample" };
    });
  }

  /** Ends them all. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#started].map((guest) => guest[Symbol.asyncDispose]()));
    this.#started.clear();
  }

  #start(name: string, start: { state?: string; onLine: (line: string) => void }): InnerGuest {
    const guest = new InnerGuest(this.#shell, this.#settings, { name, ...start });
    this.#started.add(guest);
    return guest;
  }

  /** Does `work` until it succeeds, but not too often. */
  async #attempt(
    who: string,
    most: number,
    work: (attempt: number, step: { seconds: number; signal?: AbortSignal }) => Promise<void>,
  ): Promise<void> {
    const { watchdog, signal, onProgress } = this.#options;
    for (let attempt = 1;; attempt++) {
      try {
        const seconds = Math.round(watchdog * 1.33 ** (attempt - 1));
        return await work(attempt, { seconds, ...signal === undefined ? {} : { signal } });
      } catch (error) {
        if (signal?.aborted === true || !(error instanceof VmError)) throw error;
        if (attempt === most) {
          throw new InnerBootError(`${who} did not come up in ${most} attempts: ${error.message}`, {
            cause: error,
          });
        }
        onProgress(`${who}: ${error.message}; another is started`);
      }
    }
  }

  #take(vm: number, line: string): void {
    const sample = readHwlatLine(line, false);
    if (sample === undefined) {
      this.#options.onConsole(vm, line);
      return;
    }
    if (!this.#firstSamples.has(vm)) this.#firstSamples.set(vm, (performance.now() - this.#wentAt) * 1e6);
    this.#options.onSample(vm, sample, line);
  }
}
