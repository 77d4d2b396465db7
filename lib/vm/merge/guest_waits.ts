import { firstAbove } from "../../trace/time_order.ts";
import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { ns } from "../../frame/units.ts";
import { GAP_CAUSES } from "../../sched/gap_cause.ts";
import { GapExplainer, type GapExplanation } from "../../sched/gap_explainer.ts";
import { Doing } from "../../sched/thread_segments.ts";
import type { FoundWait } from "./guest_book.ts";
import type { GuestWaitColumns, GuestWaitParts, HostGuest } from "./host_guest.ts";
import { GUEST_WAIT_PARTS, isVcpuWait, PART, PARTS } from "./merged_parts.ts";
import type { MergedTime } from "./merged_time.ts";

/** A wait that has been split. */
interface SplitWait {
  readonly parts: Float64Array;
  readonly cause: number;
  /** Index of who took the most of the vCPU's time; -1 nobody. */
  readonly culprit: number;
  readonly culpritCpu: number;
  readonly error: number;
  readonly censored: boolean;
  readonly inGuest: GapExplanation;
}

/** The longest `limit` of `found` that last at least `threshold`, each split. */
export function guestWaits(
  time: MergedTime,
  found: readonly FoundWait[],
  options: { threshold: number; limit: number; max: number },
): Pick<HostGuest, "waits" | "total"> {
  const { threshold, limit, max } = options;
  const lengths = Float64Array.from(found, ({ from, to }) => to - from).filter((dur) => dur >= threshold)
    .sort();
  const total = lengths.length;
  // Of those as long as the shortest that is kept, the first ones.
  const shortest = total > limit ? lengths[total - limit] ?? Infinity : threshold;
  const spare = limit - (total - firstAbove(lengths, 0, total, shortest));
  let same = 0;
  const long = found.filter(({ from, to }) =>
    to - from > shortest || (to - from === shortest && (total <= limit || same++ < spare))
  );
  long.sort((x, y) => x.from - y.from);
  const { table } = time;
  const tid = (wait: FoundWait) => table.tids[wait.k]!;
  const explainer = new GapExplainer(time.guest, new Set(long.map(tid)));
  const split = long.map((wait) => splitWait(time, wait, max, explainer));
  const { culprits } = time.vcpuTimes;
  const names = time.names[1];
  const parts = Object.fromEntries(
    GUEST_WAIT_PARTS.map((name, i) => [name, ns(Float64Array.from(split, (one) => one.parts[i]!))]),
  ) as GuestWaitParts;
  const waits = new Frame<GuestWaitColumns>({
    ts: ns(Float64Array.from(long, ({ from }) => from)),
    dur: ns(Float64Array.from(long, ({ from, to }) => to - from)),
    tid: Int32Array.from(long, tid),
    comm: DictColumn.from(long.map((wait) => names.get(tid(wait)) ?? "")),
    kind: DictColumn.from(
      long.map(({ first }) => table.doing[first] === Doing.Preempted ? "preempted" : "woken"),
    ),
    vcpu: Int32Array.from(long, ({ last }) => table.cpu[last]!),
    cause: new DictColumn(Uint8Array.from(split, ({ cause }) => cause), GUEST_WAIT_PARTS),
    culprit: DictColumn.from(split.map(({ culprit }) => culprits[culprit]?.comm ?? "")),
    culprit_tid: Int32Array.from(split, ({ culprit }) => culprits[culprit]?.tid ?? -1),
    culprit_class: DictColumn.from(split.map(({ culprit }) => culprits[culprit]?.class ?? "")),
    culprit_cpu: Int32Array.from(split, ({ culpritCpu }) => culpritCpu),
    guest_cause: new DictColumn(Uint8Array.from(split, ({ inGuest }) => inGuest.cause), GAP_CAUSES),
    guest_culprit: DictColumn.from(split.map(({ inGuest }) => inGuest.culprit)),
    guest_culprit_tid: Int32Array.from(split, ({ inGuest }) => inGuest.culpritTid),
    ...parts,
    error: ns(Float64Array.from(split, ({ error }) => error)),
    censored: Uint8Array.from(split, ({ censored }) => censored ? 1 : 0),
  });
  return { waits, total };
}

function splitWait(time: MergedTime, wait: FoundWait, max: number, explainer: GapExplainer): SplitWait {
  const { k, first, last, from, to } = wait;
  const { table, mapping } = time;
  const parts = new Float64Array(PARTS);
  const blame = new Map<number, { ns: number; cpu: number }>();
  let cpus = 1;
  for (let i = first, a = from; i <= last; i++) {
    const b = i === last ? to : mapping.toHost(table.from[i + 1]!);
    if (i > first && table.cpu[i] !== table.cpu[i - 1]) cpus++;
    if (b <= a) continue;
    time.split(table.cpu[i]!, a, b, (part, dur, culprit, _a, _b, cpu) => {
      parts[part]! += dur;
      if (culprit < 0 || !isVcpuWait(part)) return;
      const known = blame.get(culprit);
      if (known === undefined) blame.set(culprit, { ns: dur, cpu });
      else known.ns += dur;
    });
    a = b;
  }
  let cause = 0;
  for (let part = 1; part < PARTS; part++) if (parts[part]! > parts[cause]!) cause = part;
  let culprit = -1;
  for (const [who, { ns }] of blame) if (culprit < 0 || ns > blame.get(culprit)!.ns) culprit = who;
  const begun = mapping.toHost(table.from[first]!);
  const next = last + 1 < table.start[k + 1]! ? last + 1 : -1;
  const end = next < 0 ? Infinity : mapping.toHost(table.from[next]!);
  // Of a wait that the span does not cut, exactly what the guest recorded.
  const guestFrom = begun >= from ? table.from[first]! : mapping.toGuest(from);
  const guestTo = end <= to ? table.from[next]! : Math.max(guestFrom, mapping.toGuest(to));
  return {
    parts,
    cause,
    culprit,
    culpritCpu: blame.get(culprit)?.cpu ?? -1,
    error: Math.min(to - from, max * cpus),
    censored: parts[PART.unknown]! > 0 || begun < from || end > to ||
      (first === table.start[k]! && table.from[first]! <= 0) ||
      next < 0 || table.doing[next] !== Doing.Running || table.hidden[next] === 1,
    inGuest: explainer.explain(table.tids[k]!, guestFrom, guestTo),
  };
}
