/** How Perfetto's FtraceEvent holds an event: the number of its field, and those of the event's own fields. */
export interface FtraceEventNumbers {
  /** `system:name`. */
  readonly name: string;
  /** Field of FtraceEvent. */
  readonly id: number;
  /** Fields by the kernel's name. */
  readonly fields: ReadonlyMap<string, { readonly id: number; readonly type: "int" | "uint" | "text" }>;
}

/** Field of FtraceEvent for events that have none of their own (GenericFtraceEvent). */
export const GENERIC_EVENT = 327;

/**
 * Numbers out of Perfetto's protos/perfetto/trace/ftrace (v59): field of FtraceEvent, then the event's fields as
 * `name:number` with i for signed, u for unsigned, s for text. Events whose fields there are not those of x86 are left out:
 * they go as generic events.
 */
const NUMBERS: Readonly<Record<string, readonly [number, string]>> = {
  "sched:sched_switch": [
    4,
    "prev_comm:1s prev_pid:2i prev_prio:3i prev_state:4i next_comm:5s next_pid:6i next_prio:7i",
  ],
  "sched:sched_waking": [20, "comm:1s pid:2i prio:3i success:4i target_cpu:5i"],
  "sched:sched_wakeup": [17, "comm:1s pid:2i prio:3i success:4i target_cpu:5i"],
  "sched:sched_wakeup_new": [114, "comm:1s pid:2i prio:3i success:4i target_cpu:5i"],
  "sched:sched_migrate_task": [491, "comm:1s pid:2i prio:3i orig_cpu:4i dest_cpu:5i running:6i load:7u"],
  "sched:sched_process_fork": [239, "parent_comm:1s parent_pid:2i child_comm:3s child_pid:4i"],
  "sched:sched_process_exit": [238, "comm:1s pid:2i tgid:3i prio:4i"],
  "sched:sched_process_exec": [237, "filename:1s pid:2i old_pid:3i"],
  "sched:sched_process_free": [240, "comm:1s pid:2i prio:3i"],
  "sched:sched_process_wait": [242, "comm:1s pid:2i prio:3i"],
  "sched:sched_process_hang": [241, "comm:1s pid:2i"],
  "sched:sched_pi_setprio": [353, "comm:1s newprio:2i oldprio:3i pid:4i"],
  "sched:sched_cpu_hotplug": [19, "affected_cpu:1i error:2i status:3i"],
  "sched:sched_blocked_reason": [18, "pid:1i caller:2u io_wait:3u"],
  "task:task_newtask": [235, "pid:1i comm:2s clone_flags:3u oom_score_adj:4i"],
  "task:task_rename": [236, "pid:1i oldcomm:2s newcomm:3s oom_score_adj:4i"],
  "irq:irq_handler_entry": [36, "irq:1i name:2s handler:3u"],
  "irq:irq_handler_exit": [37, "irq:1i ret:2i"],
  "irq:softirq_entry": [24, "vec:1u"],
  "irq:softirq_exit": [25, "vec:1u"],
  "irq:softirq_raise": [26, "vec:1u"],
  "ipi:ipi_entry": [21, "reason:1s"],
  "ipi:ipi_exit": [22, "reason:1s"],
  "ipi:ipi_raise": [23, "target_cpus:1u reason:2s"],
  "power:cpu_idle": [13, "state:1u cpu_id:2u"],
  "power:cpu_frequency": [11, "state:1u cpu_id:2u"],
  "timer:timer_start": [
    555,
    "timer:1u function:2u expires:3u now:4u deferrable:5u flags:6u bucket_expiry:7u",
  ],
  "timer:timer_cancel": [556, "timer:1u"],
  "timer:timer_expire_entry": [557, "timer:1u now:2u function:3u baseclk:4u"],
  "timer:timer_expire_exit": [558, "timer:1u"],
  "timer:hrtimer_start": [551, "hrtimer:1u function:2u expires:3i softexpires:4i mode:5u"],
  "timer:hrtimer_cancel": [552, "hrtimer:1u"],
  "timer:hrtimer_expire_entry": [553, "hrtimer:1u now:2i function:3u"],
  "timer:hrtimer_expire_exit": [554, "hrtimer:1u"],
  "workqueue:workqueue_queue_work": [59, "work:1u function:2u req_cpu:4i cpu:5i workqueue:6s"],
  "workqueue:workqueue_activate_work": [56, "work:1u function:2u"],
  "workqueue:workqueue_execute_start": [58, "work:1u function:2u"],
  "workqueue:workqueue_execute_end": [57, "work:1u function:2u"],
  "ftrace:print": [3, "ip:1u buf:2s"],
  "cgroup:cgroup_attach_task": [67, "dst_root:1i dst_id:2i pid:3i comm:4s cname:5s dst_level:6i dst_path:7s"],
  "irq_vectors:local_timer_entry": [559, "vector:1i"],
  "irq_vectors:local_timer_exit": [560, "vector:1i"],
};

const TYPES = { i: "int", u: "uint", s: "text" } as const;

/** Events that have a field of FtraceEvent of their own, by `system:name`. */
export const FTRACE_EVENTS: ReadonlyMap<string, FtraceEventNumbers> = new Map(
  Object.entries(NUMBERS).map(([name, [id, fields]]) => [name, {
    name,
    id,
    fields: new Map(
      fields.split(" ").map((field) => {
        const [, own, number, type] = /^(\w+):(\d+)([ius])$/.exec(field)!;
        return [own!, { id: Number(number), type: TYPES[type as keyof typeof TYPES] }] as const;
      }),
    ),
  }]),
);
