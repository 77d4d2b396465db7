import { type GuestShell, shellText } from "./guest_shell.ts";

/** The instance in the guest's tracefs; nothing else of it is touched. */
export const INSTANCE = "schedscope";
const ROOT = "/sys/kernel/tracing";
/** Its directory. */
export const INSTANCE_PATH: string = `${ROOT}/instances/${INSTANCE}`;

/** What is being traced in a guest. */
export interface GuestTracing {
  /** Systems of events that are on, such as `sched`. */
  readonly systems: readonly string[];
  /** Systems that the kernel does not have. */
  readonly missing: readonly string[];
  /** Buffer of each CPU in KiB. */
  readonly bufferKb: number;
}

/** A script that makes the instance and turns tracing on, by the clock that spin's gaps are stamped with. */
export function traceScript(bufferKb: number, at = INSTANCE_PATH): string {
  return `
cd ${at} 2>/dev/null || { mkdir ${at} && cd ${at}; } || exit 1
echo 0 > tracing_on && echo mono > trace_clock && echo > trace && echo ${bufferKb} > buffer_size_kb || exit 1
echo 1 > options/record-tgid 2>/dev/null
system() { [ -e events/$1/enable ] && echo 1 > events/$1/enable && echo "on $1"; }
for one in sched irq timer; do system $one || echo "missing $one"; done
system syscalls || system raw_syscalls || echo missing syscalls
echo 1 > tracing_on && echo "buffer $(cat buffer_size_kb)"
`;
}

/** Starts tracing in the guest. Throws a `VmError` where its kernel has no tracer. */
export async function startTracing(
  shell: GuestShell,
  bufferKb: number,
  signal?: AbortSignal,
): Promise<GuestTracing> {
  const text = await shellText(
    shell,
    "Tracing",
    traceScript(bufferKb),
    signal === undefined ? {} : { signal },
  );
  const of = (word: string) =>
    text.split("\n").filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  return {
    systems: of("on"),
    missing: of("missing"),
    bufferKb: Number(/\d+/.exec(of("buffer")[0] ?? "")?.[0] ?? bufferKb),
  };
}

/** Least and most of a CPU's buffer, KiB. */
const LEAST = 1024, MOST = 32 << 10;

/**
 * KiB of buffer for each of `cpus` of a guest with `memory` MiB: an eighth of it for all, which lasts for many times the longest gap
 * that is looked for.
 */
export function traceBuffer(memory: number, cpus: number): number {
  return Math.max(LEAST, Math.min(MOST, Math.floor(memory * 1024 / 8 / cpus)));
}
