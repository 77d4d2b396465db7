import type { GuestShell } from "./guest_shell.ts";

/** A stall that was planted: a SCHED_FIFO thread kept a CPU to itself. Times are ns of the guest's CLOCK_MONOTONIC. */
export interface PlantedStall {
  /** The thread. */
  readonly tid: number;
  /** Its name. */
  readonly comm: string;
  /** The CPU that it kept. */
  readonly cpu: number;
  /** When it began. */
  readonly start: bigint;
  /** When it ended. */
  readonly end: bigint;
}

/** Name of the thread that stalls. */
export const HOG = "planted-hog";

/** From the start of the program to its stall, ms: time for all to be as it would be without it. */
const BEFORE_MS = 100;

/**
 * Keeps `cpu` of the guest for `length` ns. Resolves when it is over; to undefined where the guest did not let it (its reason goes to
 * `refused`).
 */
export async function plantStall(
  shell: GuestShell,
  cpu: number,
  length: number,
  refused: (reason: string) => void,
): Promise<PlantedStall | undefined> {
  const { code, stdout, stderr } = await shell.exec([
    "schedscope-inject",
    ...["--cpu", `${cpu}`, "--comm", HOG, "--at", `${BEFORE_MS}ms:${Math.round(length)}`],
  ], { timeout: 60_000 });
  const utf8 = new TextDecoder();
  if (code !== 0) {
    refused(utf8.decode(stderr).trim() || `schedscope-inject ended with ${code}`);
    return undefined;
  }
  return readPlanted(utf8.decode(stdout));
}

/** The first window of what schedscope-inject printed; undefined where there is none. */
export function readPlanted(text: string): PlantedStall | undefined {
  // 64-bit numbers of JSON, read as text: a double has 53 bits of them.
  const field = (line: string, name: string) => new RegExp(`"${name}":"?([^",}]*)`).exec(line)?.[1] ?? "";
  const lines = text.split("\n");
  const head = lines.find((line) => line.includes('"type":"injector"'));
  const window = lines.find((line) => line.includes('"type":"window"'));
  if (head === undefined || window === undefined) return undefined;
  return {
    tid: Number(field(head, "tid")),
    comm: field(head, "comm"),
    cpu: Number(field(window, "cpu")),
    start: BigInt(field(window, "start_ns")),
    end: BigInt(field(window, "end_ns")),
  };
}
