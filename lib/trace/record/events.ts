/** What the analyses of the scheduler need. */
export const SCHED_EVENTS: readonly string[] = [
  "sched:sched_switch",
  "sched:sched_waking",
  "sched:sched_wakeup_new",
  "sched:sched_migrate_task",
  "sched:sched_process_fork",
  "sched:sched_process_exit",
  "sched:sched_process_exec",
];

/** Vectors of x86 that the irq system does not see: the tick among them. Not irq_work: the kernel refuses to let perf sample it. */
const VECTORS = ["local_timer", "reschedule", "call_function", "call_function_single"];

/** What tells interrupts apart from other thieves of time. */
export const IRQ_EVENTS: readonly string[] = [
  "irq:irq_handler_entry",
  "irq:irq_handler_exit",
  "irq:softirq_entry",
  "irq:softirq_exit",
  ...VECTORS.flatMap((vector) => [`irq_vectors:${vector}_entry`, `irq_vectors:${vector}_exit`]),
];
