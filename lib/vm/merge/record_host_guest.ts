import { defaultSignal } from "../../trace/default_signal.ts";
import { openTrace } from "../../trace/open.ts";
import { startRecording } from "../../trace/record/mod.ts";
import type { Trace } from "../../trace/trace.ts";
import { VmError } from "../errors.ts";
import type { ClockFit, GuestClock } from "../agent/mod.ts";
import type { Guest } from "../qemu/mod.ts";
import type { HostGuest } from "./host_guest.ts";
import { mergeHostGuest, type MergeHostGuestOptions } from "./merge_host_guest.ts";

/** Options of {@linkcode recordHostGuest}. */
export interface RecordHostGuestOptions
  extends Omit<MergeHostGuestOptions, "host" | "guest" | "clock" | "vcpus"> {
  /** Directory for the two traces, `host.tracefs` (or `host.data`) and `guest.tracefs`, which must exist. */
  output: string;
  /** KiB of trace buffer for each CPU of the guest. Default: 4096. */
  bufferKb?: number;
  /** Door by which the host is recorded. Default: `auto`. */
  door?: "auto" | "tracefs" | "perf";
  /** Ends it with its reason; nothing goes on in the guest or on the host then. Default: in a notebook the stop button's, else none. */
  signal?: AbortSignal;
}

/** A guest and its host recorded together. */
export interface RecordedHostGuest<T> extends HostGuest {
  /** What the work gave. */
  readonly work: T;
  /** The host's trace. */
  readonly hostTrace: Trace;
  /** The guest's trace. */
  readonly guestTrace: Trace;
  /** The fits of the guest's clocks, measured around the work. */
  readonly clocks: GuestClock;
}

/** The instance in the guest's tracefs. */
const INSTANCE = "schedscope-merge";
const AT = `/sys/kernel/tracing/instances/${INSTANCE}`;

/**
 * Records `guest` and this machine while `work` goes on, and merges the two: by `sched:*` events of both, the host's on
 * CLOCK_MONOTONIC, the guest's on its time stamp counter (its CLOCK_MONOTONIC changes its rate while the kernel calibrates), which are fitted to one
 * another by pings before and after.
 *
 * Throws what `work` throws, what recording throws, and a `VmError` where the guest's kernel has no tracer.
 */
export async function recordHostGuest<T>(
  guest: Pick<Guest, "agent" | "vcpus">,
  work: (signal: AbortSignal | undefined) => Promise<T>,
  options: RecordHostGuestOptions,
): Promise<RecordedHostGuest<T>> {
  const { output, bufferKb = 4096, door = "auto", signal = defaultSignal(), ...merging } = options;
  const passing = signal === undefined ? {} : { signal };
  const shell = async (what: string, script: string) => {
    const { code, stderr } = await guest.agent.exec(["/bin/sh", "-c", script], {
      timeout: 30_000,
      ...passing,
    });
    if (code === 0) return;
    const said = new TextDecoder().decode(stderr).trim().split("\n").at(-1) ?? "";
    throw new VmError(`${what} failed in the guest with exit code ${code}${said === "" ? "" : `: ${said}`}`);
  };
  await shell(
    "Tracing",
    [
      `mkdir -p ${AT} && cd ${AT} && echo 0 > tracing_on && echo > trace`,
      `{ echo x86-tsc > trace_clock || echo mono > trace_clock; } 2>/dev/null && echo ${bufferKb} > buffer_size_kb`,
      "for one in switch waking wakeup wakeup_new migrate_task process_fork process_exit process_exec; do",
      "  echo 1 > events/sched/sched_$one/enable || exit 1; done",
      "echo 1 > tracing_on",
    ].join("\n"),
  );
  const recording = await startRecording({
    output: `${output}/host.${door === "perf" ? "data" : "tracefs"}`,
    door,
    ...passing,
  });
  let ended;
  let done: T;
  const before = await guest.agent.clock({ samples: 200, ...passing });
  try {
    done = await work(signal);
  } finally {
    ended = await recording.stop();
  }
  await shell("The end of tracing", `echo 0 > ${AT}/tracing_on`);
  const after = await guest.agent.clock({ samples: 200, ...passing });
  const [tsc, mono] = [between(before.tsc, after.tsc), between(before.mono, after.mono)];
  const tscHz = 1e9 / tsc.rate;
  const pulled = await guest.agent.pullTrace(`${output}/guest.tracefs`, {
    instance: INSTANCE,
    tscHz,
    ...passing,
  });
  await shell("Removing the tracer's instance", `rmdir ${AT}`);
  const [hostTrace, guestTrace] = await Promise.all([openTrace(ended.path), openTrace(pulled.path)]);
  const merged = mergeHostGuest({
    ...merging,
    host: hostTrace,
    guest: guestTrace,
    clock: { tsc, mono },
    vcpus: guest.vcpus,
  });
  return { ...merged, work: done, hostTrace, guestTrace, clocks: { ...after, tsc, mono, tscHz } };
}

/** A fit through two that were measured some time apart: their distance gives the rate better than either has it. */
function between(before: ClockFit, after: ClockFit): ClockFit {
  const guest = Number(after.guest - before.guest);
  if (!(guest > 0)) return after;
  const rate = Number(after.host - before.host) / guest;
  const { host, guest: at } = before;
  return {
    ...before,
    rate,
    rateSd: Math.hypot(before.sd, after.sd) / guest,
    sd: Math.max(before.sd, after.sd),
    max: Math.max(before.max, after.max),
    toHost: (reading) => host + BigInt(Math.round(Number(reading - at) * rate)),
  };
}
