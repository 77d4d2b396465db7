import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { ns } from "../../frame/units.ts";
import type { GuestWaitParts, VcpuColumns } from "./host_guest.ts";
import { GUEST_WAIT_PARTS, PART, PARTS } from "./merged_parts.ts";
import type { MergedTime } from "./merged_time.ts";

/** Where each vCPU's time went on the host. */
export function vcpuFrame(time: MergedTime): Frame<VcpuColumns> {
  const { vcpus, from, to } = time;
  const wall = to - from;
  const sums = vcpus.map(() => new Float64Array(PARTS));
  const pcpus = vcpus.map(() => new Set<number>());
  const moves = new Int32Array(vcpus.length);
  vcpus.forEach(({ index }, row) => {
    let ran = -1;
    time.split(index, from, to, (part, dur, _culprit, _a, _b, cpu) => {
      sums[row]![part]! += dur;
      if (part !== PART.guest_queued || cpu < 0) return;
      if (ran >= 0 && ran !== cpu) moves[row]!++;
      ran = cpu;
      pcpus[row]!.add(cpu);
    });
  });
  const column = (part: number) => ns(Float64Array.from(sums, (of) => of[part]!));
  const [names] = time.names;
  return new Frame<VcpuColumns>({
    vcpu: Int32Array.from(vcpus, ({ index }) => index),
    tid: Int32Array.from(vcpus, ({ tid }) => tid),
    comm: DictColumn.from(vcpus.map(({ tid }) => names.get(tid) ?? "")),
    wall: ns(new Float64Array(vcpus.length).fill(wall)),
    coverage: Float64Array.from(sums, (of) => 1 - of[PART.unknown]! / wall),
    run: column(PART.guest_queued),
    ...Object.fromEntries(
      GUEST_WAIT_PARTS.flatMap((name, part) => part === PART.guest_queued ? [] : [[name, column(part)]]),
    ) as Omit<GuestWaitParts, "guest_queued">,
    pcpus: Int32Array.from(pcpus, (of) => of.size),
    migrations: moves,
  });
}
