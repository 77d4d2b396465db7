import type { EventField, EventFormat } from "../event_format.ts";
import { Kind, type KindCode } from "../stream.ts";

/** An event of a text whose fields are known: its kind, and where {@linkcode EventLine} puts each field. */
export interface KnownEvent {
  /** What its rows are. */
  readonly kind: KindCode;
  /** Fields by name: `a` or `b` for the names, 0 to 4 for the numbers. */
  readonly fields: Readonly<Record<string, "a" | "b" | 0 | 1 | 2 | 3 | 4>>;
}

const WAKEUP = { comm: "a", pid: 0, prio: 1, target_cpu: 2 } as const;

/** Events by `system:name` whose lines are taken apart by their form; all others are `name=value` as they come. */
export const KNOWN_EVENTS: Readonly<Record<string, KnownEvent>> = {
  "sched:sched_switch": {
    kind: Kind.Switch,
    fields: {
      prev_comm: "a",
      prev_pid: 0,
      prev_prio: 1,
      prev_state: 2,
      next_comm: "b",
      next_pid: 3,
      next_prio: 4,
    },
  },
  "sched:sched_waking": { kind: Kind.Waking, fields: WAKEUP },
  "sched:sched_wakeup": { kind: Kind.Wakeup, fields: WAKEUP },
  "sched:sched_wakeup_new": { kind: Kind.WakeupNew, fields: WAKEUP },
  "sched:sched_migrate_task": {
    kind: Kind.Migrate,
    fields: { comm: "a", pid: 0, prio: 1, orig_cpu: 2, dest_cpu: 3 },
  },
  "sched:sched_process_fork": {
    kind: Kind.ProcessFork,
    fields: { parent_comm: "a", parent_pid: 0, child_comm: "b", child_pid: 1 },
  },
  "sched:sched_process_exit": { kind: Kind.ProcessExit, fields: { comm: "a", pid: 0, prio: 1 } },
  "sched:sched_process_exec": { kind: Kind.ProcessExec, fields: { filename: "a", pid: 0, old_pid: 1 } },
};

/** Systems of events whose names do not begin with their system's; the ftrace text has names only. */
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/^sched_/, "sched"],
  [/^(irq_handler|softirq|tasklet)_/, "irq"],
  [/^(hr)?timer_|^itimer_|^tick_stop$/, "timer"],
  [/^cpu_(idle|frequency)/, "power"],
  [/^sys_(enter|exit)$/, "raw_syscalls"],
  [/^sys_/, "syscalls"],
  [/^task_(newtask|rename)$/, "task"],
  [/^workqueue_/, "workqueue"],
  [/^kvm_/, "kvm"],
  [/^ipi_/, "ipi"],
  [
    /^(local_timer|reschedule|call_function|call_function_single|irq_work|spurious_apic|error_apic)_/,
    "irq_vectors",
  ],
];

/** `system:name` of the event that a line calls `name`; `ftrace:function` for a line without one. */
export function fullName(name: string): string {
  if (name.includes(":")) return name;
  if (name === "") return "ftrace:function";
  if (name === "tracing_mark_write" || name === "bprint" || name === "bputs") return "ftrace:print";
  return `${SYSTEMS.find(([pattern]) => pattern.test(name))?.[1] ?? "unknown"}:${name}`;
}

/** The `name=` that stand in `text`, each once, without those that a frame has of its own. */
export function fieldNames(text: string): string[] {
  const names = new Set<string>();
  for (const match of text.matchAll(/(?:^|[\s[(,])([A-Za-z_]\w{0,63})=/g)) names.add(match[1]!);
  for (const own of ["ts", "cpu", "common_pid"]) names.delete(own);
  return names.size === 0 ? ["text"] : [...names].slice(0, 64);
}

/** A format for an event of a text: the fields' names and whether they are numbers, without a layout in bytes. */
export function textFormat(name: string, id: number, fields: readonly string[]): EventFormat {
  const known = KNOWN_EVENTS[name]?.fields;
  return {
    name,
    id,
    fields: fields.map((field): EventField => {
      const number = known !== undefined && typeof known[field] === "number";
      const content = number ? "integer" : "string";
      return {
        name: field,
        type: number ? "int" : "char[]",
        offset: 0,
        size: 0,
        signed: true,
        count: 1,
        content,
      };
    }),
    printFormat: "",
  };
}
