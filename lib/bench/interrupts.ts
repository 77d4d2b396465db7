import { DictColumn } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import { type Count, count as counted } from "../frame/units.ts";

/** Columns of {@linkcode interruptsBetween}. */
export type InterruptColumns = {
  /** The line of /proc/interrupts: `"TLB"`, `"CAL"`, `"RES"`, `"LOC"`, `"34"`. */
  irq: DictColumn<string>;
  /** What the kernel says of it: `"TLB shootdowns"`. */
  name: DictColumn<string>;
  /** The CPU. */
  cpu: Uint16Array;
  /** How many it took in between. */
  count: Count;
};

/** The counters of /proc/interrupts at one moment. */
export interface InterruptCounters {
  /** The CPUs of the columns. */
  readonly cpus: readonly number[];
  /** Each line's counts in the order of `cpus`, by the line's label. */
  readonly lines: ReadonlyMap<string, { readonly name: string; readonly counts: readonly number[] }>;
}

/** Reads what /proc/interrupts says; `text` is for one taken elsewhere. Lines without a count for each CPU (ERR, MIS) are left out. */
export function readInterrupts(text: string = Deno.readTextFileSync("/proc/interrupts")): InterruptCounters {
  const [head = "", ...rows] = text.split("\n");
  const cpus = [...head.matchAll(/CPU(\d+)/g)].map((match) => Number(match[1]));
  const lines = new Map<string, { name: string; counts: number[] }>();
  for (const row of rows) {
    const fields = row.trim().split(/\s+/);
    const label = fields[0]?.replace(/:$/, "");
    const counts = fields.slice(1, 1 + cpus.length).map(Number);
    if (!label || counts.length < cpus.length || counts.some(Number.isNaN)) continue;
    lines.set(label, { name: fields.slice(1 + cpus.length).join(" "), counts });
  }
  return { cpus, lines };
}

/**
 * What the CPUs `cpus` (default all) took between two readings, without the lines and CPUs that took nothing.
 *
 * TLB, CAL and RES are those by which a program disturbs itself: memory unmapped by another thread, functions called on other CPUs,
 * and wake-ups of other CPUs.
 */
export function interruptsBetween(
  before: InterruptCounters,
  after: InterruptCounters,
  cpus: readonly number[] = after.cpus,
): Frame<InterruptColumns> {
  const irq: string[] = [], name: string[] = [], cpu: number[] = [], count: number[] = [];
  for (const [label, line] of after.lines) {
    for (const [i, id] of after.cpus.entries()) {
      const was = before.lines.get(label)?.counts[before.cpus.indexOf(id)] ?? 0;
      const delta = line.counts[i]! - was;
      if (!delta || !cpus.includes(id)) continue;
      irq.push(label);
      name.push(line.name);
      cpu.push(id);
      count.push(delta);
    }
  }
  return new Frame<InterruptColumns>({
    irq: DictColumn.from(irq),
    name: DictColumn.from(name),
    cpu: Uint16Array.from(cpu),
    count: counted(Float64Array.from(count)),
  });
}
