import { Trace } from "../../../lib/trace/trace.ts";
import { originOf } from "../../../lib/trace/origin_of.ts";
import type { GuestClockFit } from "../../../lib/vm/merge/guest_clock.ts";
import { partAt, type RandomSchedule } from "../../sched/random_schedule.ts";

/** What a thread of the guest did, ns, by what its vCPU did meanwhile. */
export interface TrueGuestTime {
  run: number;
  stolen: number;
  paused: number;
  queued: number;
  kept: number;
  halted: number;
  vcpuBlocked: number;
}

/**
 * `trace` as a guest would have recorded it whose clock shows 5e12 + (t - shift) / rate at the host's t: its stamps are rounded to whole ns of
 * its own.
 */
export function onClock(
  trace: Trace,
  { rate, shift, max = 0 }: { rate: number; shift: number; max?: number },
): { trace: Trace; clock: GuestClockFit } {
  const epoch = 5_000_000_000_000n;
  const { stream } = trace;
  const to = (ts: number) => Math.round(ts / rate);
  return {
    trace: new Trace({
      ...originOf(trace),
      epoch,
      stream: { ...stream, ts: stream.ts.map(to) },
      counts: trace.counts,
      holes: trace.knownHoles,
      decode: (event, fields, exact) => trace.eventColumns(event, fields, exact),
    }),
    // Ts 0 of the guest is ts `shift` of the host, whose schedules begin at 1000.
    clock: { guest: epoch, host: 1000n + BigInt(shift), rate, sd: max / 3, max },
  };
}

/** Looks at every single ns of `span` (of the host), at everybody. The guest's ts 0 is the host's `shift`. */
export function bruteForce(
  host: RandomSchedule,
  guest: RandomSchedule,
  shift: number,
  vcpus: readonly { index: number; tid: number }[],
  span: { from: number; to: number },
): {
  threads: Map<number, TrueGuestTime>;
  blame(tid: number, from: number, to: number): Map<number, number>;
} {
  const tidOf = new Map(vcpus.map(({ index, tid }) => [index, tid]));
  const runningAt = (schedule: RandomSchedule, cpu: number, at: number) =>
    schedule.running[cpu]?.findLast(({ from }) => from <= at)?.tid ?? 0;
  /** What vCPU `cpu` did at the host's ns `at`: who had its CPU, where it waited. */
  const vcpuAt = (cpu: number, at: number) => {
    const tid = tidOf.get(cpu);
    const part = tid === undefined ? undefined : partAt(host, tid, at);
    const by = part !== undefined && (part.state === "woken" || part.state === "preempted")
      ? runningAt(host, part.cpu, at)
      : -1;
    // Everybody sleeps until the schedule wakes them for the first time.
    return { state: tid === undefined ? undefined : part?.state ?? "sleeping", by };
  };
  const threads = new Map<number, TrueGuestTime>();
  for (const tid of guest.tids) {
    const time = { run: 0, stolen: 0, paused: 0, queued: 0, kept: 0, halted: 0, vcpuBlocked: 0 };
    threads.set(tid, time);
    for (let at = span.from; at < span.to; at++) {
      const part = partAt(guest, tid, at - shift);
      if (part === undefined || part.state === "sleeping" || part.state === "blocked") continue;
      const { state } = vcpuAt(part.cpu, at);
      if (state === undefined) continue;
      const runs = part.state === "running";
      if (state === "running") runs ? time.run++ : time.queued++;
      else if (state === "woken" || state === "preempted") runs ? time.stolen++ : time.kept++;
      else if (runs) time.paused++;
      else if (runningAt(guest, part.cpu, at - shift) === 0) time.halted++;
      else time.vcpuBlocked++;
    }
  }
  return {
    threads,
    blame(tid, from, to) {
      const by = new Map<number, number>();
      for (let at = from; at < to; at++) {
        const part = partAt(guest, tid, at - shift);
        const vcpu = part === undefined ? undefined : vcpuAt(part.cpu, at);
        if (vcpu !== undefined && vcpu.by > 0) by.set(vcpu.by, (by.get(vcpu.by) ?? 0) + 1);
      }
      return by;
    },
  };
}
