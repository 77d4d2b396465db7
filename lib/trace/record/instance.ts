import { removeInstance } from "./clean_stale.ts";
import { MachineLacksError, RecordingError } from "./errors.ts";
import { InstanceGuard } from "./instance_guard.ts";
import { readKernelText } from "./kernel_file.ts";
import { ownedName } from "./owner.ts";
import { denied, TRACEFS } from "./tracefs_root.ts";

/** KiB for all CPUs together that the default does not go above. */
const MOST_IN_ALL = 1 << 20;
const MOST_PER_CPU = 32 << 10;
const LEAST_PER_CPU = 1 << 10;

/**
 * A tracefs instance that this process owns, not tracing yet. Whoever makes it sees to it that {@linkcode TracefsInstance.release}
 * is called; {@linkcode TracefsInstance.guard} sees to it when this process is killed, `schedscope doctor --clean` when both are.
 */
export class TracefsInstance {
  /** The instance's directory: `trace_marker`, `tracing_on` and all else is there. */
  readonly path: string;
  #guard: InstanceGuard | undefined;
  /** Why it could not be removed at once. */
  #busy: string | undefined;

  /** Makes it; throws {@linkcode MachineLacksError} where this process may not. */
  constructor() {
    this.path = `${TRACEFS}/instances/${ownedName()}`;
    try {
      Deno.mkdirSync(this.path);
    } catch (error) {
      if (error instanceof Deno.errors.PermissionDenied) throw denied(error);
      throw error;
    }
  }

  /** Has the instance removed also when this process is gone before it could; see {@linkcode InstanceGuard}. */
  guard(): void {
    this.#guard ??= new InstanceGuard(this.path);
  }

  /** Process of the guard; undefined where there is none. */
  get guardPid(): number | undefined {
    return this.#guard?.pid;
  }

  /** Writes `text` to the instance's file `file`. */
  write(file: string, text: string): void {
    Deno.writeTextFileSync(`${this.path}/${file}`, text, { create: false });
  }

  /** The same where the kernel has such a file and lets it be written. */
  tryWrite(file: string, text: string): void {
    try {
      this.write(file, text);
    } catch {
      // Older kernels have no such option; what it would have told stays unknown.
    }
  }

  /** Gives each CPU a buffer of `kilobytes`; returns what the kernel made of it. */
  setBuffer(kilobytes: number): number {
    if (!Number.isSafeInteger(kilobytes) || kilobytes < 4) {
      throw new RangeError(`Expected bufferKb to be an integer of at least 4 but found ${kilobytes}`);
    }
    try {
      this.write("buffer_size_kb", String(kilobytes));
    } catch (cause) {
      throw new RecordingError(
        `The kernel gave no buffer of ${kilobytes} KiB for each CPU; ask for less by bufferKb`,
        { cause },
      );
    }
    const given = Number(/\d+/.exec(readKernelText(`${this.path}/buffer_size_kb`))?.[0]);
    return Number.isFinite(given) ? given : kilobytes;
  }

  /** Throws {@linkcode MachineLacksError} where the kernel has no trace clock `clock`. */
  refuseUnknownClock(clock: string): void {
    const clocks = readKernelText(`${this.path}/trace_clock`).replace(/[[\]]/g, "").trim().split(/\s+/);
    if (clocks.includes(clock)) return;
    throw new MachineLacksError(
      `trace clock ${clock}`,
      `this kernel has no trace clock ${clock}; it has ${clocks.join(", ")}`,
      "record with the clock mono",
    );
  }

  /** Tries to remove it at once; what is open in it must be closed before. See {@linkcode TracefsInstance.released}. */
  release(): void {
    this.#busy = this.#tryRemove();
  }

  /**
   * Waits for others (a spin core that writes markers) to close the files of an instance that was busy at its release, and lets
   * the guard go. Returns a note where it could not be removed.
   */
  async released(): Promise<string | undefined> {
    for (let i = 0; this.#busy !== undefined && i < 100; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      this.#busy = this.#tryRemove();
    }
    await this.#guard?.[Symbol.asyncDispose]();
    this.#guard = undefined;
    if (this.#busy === undefined) return undefined;
    const reason = this.#busy = this.#tryRemove();
    this.#busy = undefined;
    return reason === undefined
      ? undefined
      : `${this.path} could not be removed (${reason}); schedscope doctor --clean removes it`;
  }

  /** The reason why it could not be removed, undefined where it is gone. */
  #tryRemove(): string | undefined {
    try {
      removeInstance(this.path);
      return undefined;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      return error instanceof Error ? error.message : String(error);
    }
  }
}

/** KiB for each of `cpus`: what lasts for seconds at the worst rates, within an eighth of the memory that is free. */
export function defaultBuffer(cpus: number): number {
  const free = Number(
    /^MemAvailable:\s*(\d+)/m.exec(Deno.readTextFileSync("/proc/meminfo"))?.[1] ?? MOST_IN_ALL,
  );
  const share = Math.floor(Math.min(MOST_IN_ALL, free / 8) / Math.max(1, cpus));
  return Math.max(LEAST_PER_CPU, Math.min(MOST_PER_CPU, share));
}
