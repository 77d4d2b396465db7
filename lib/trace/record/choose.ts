import { IRQ_EVENTS, SCHED_EVENTS } from "./events.ts";
import type { Machine } from "./machine.ts";
import { TRACEFS } from "./tracefs_root.ts";

/** What to record, as the options of a recorder have it. */
export interface EventChoice {
  /** Default: those of the scheduler that the kernel has. */
  events?: readonly string[];
  /** Default: none. */
  extraEvents?: readonly string[];
  /** Default: false. */
  irq?: boolean;
}

/** The events of a choice as `system:name`; {@linkcode RangeError} for one that the kernel does not have. */
export function chooseEvents(options: EventChoice): string[] {
  const chosen = new Set<string>();
  const isThere = (event: string) => {
    try {
      return Deno.statSync(`${TRACEFS}/events/${event.replace(":", "/")}/enable`).isFile;
    } catch {
      return false;
    }
  };
  for (const event of options.events ?? SCHED_EVENTS.filter(isThere)) addEvent(chosen, event, isThere);
  for (const event of options.extraEvents ?? []) addEvent(chosen, event, isThere);
  if (options.irq === true) { for (const event of IRQ_EVENTS.filter(isThere)) chosen.add(event); }
  if (chosen.size === 0) throw new RangeError("Expected at least one event to record but found none");
  return [...chosen];
}

function addEvent(chosen: Set<string>, event: string, isThere: (event: string) => boolean): void {
  const match = /^([\w-]+):([\w-]+|\*)$/.exec(event);
  if (match === null) {
    throw new RangeError(`Expected an event as system:name but found ${JSON.stringify(event)}`);
  }
  if (match[2] === "*") {
    const names = systemEvents(match[1]!).map((name) => `${match[1]}:${name}`).filter(isThere);
    if (names.length === 0) throw new RangeError(`This kernel has no events of the system ${match[1]}`);
    for (const name of names) chosen.add(name);
    return;
  }
  if (!isThere(event)) {
    const near = systemEvents(match[1]!).slice(0, 20).join(", ");
    throw new RangeError(
      `This kernel has no event ${event}; ${
        near === "" ? "see available_events" : `${match[1]} has: ${near}`
      }`,
    );
  }
  chosen.add(event);
}

function systemEvents(system: string): string[] {
  try {
    return [...Deno.readDirSync(`${TRACEFS}/events/${system}`)].filter((entry) => entry.isDirectory)
      .map((entry) => entry.name).sort();
  } catch {
    return [];
  }
}

/** The CPUs of `wanted`, or all that the ring buffer has; {@linkcode RangeError} for one it does not have. */
export function chooseCpus(wanted: readonly number[] | undefined, machine: Machine): number[] {
  const there = [...Deno.readDirSync(`${TRACEFS}/per_cpu`)].map(({ name }) => Number(name.slice(3)))
    .filter((cpu) => machine.possible.length === 0 || machine.possible.includes(cpu)).sort((x, y) => x - y);
  if (wanted === undefined) return there;
  for (const cpu of wanted) {
    if (!there.includes(cpu)) throw new RangeError(`Expected CPUs of ${there.join(", ")} but found ${cpu}`);
  }
  if (wanted.length === 0) throw new RangeError("Expected at least one CPU to record on but found none");
  return [...new Set(wanted)].sort((x, y) => x - y);
}

/** A CPU mask as tracefs takes it: groups of 32 bits in hex, the highest first. */
export function cpuMask(cpus: readonly number[]): string {
  const words = new Uint32Array(Math.floor(Math.max(0, ...cpus) / 32) + 1);
  for (const cpu of cpus) words[cpu >>> 5]! |= 1 << (cpu & 31);
  return [...words].reverse().map((word) => word.toString(16).padStart(8, "0")).join(",");
}
