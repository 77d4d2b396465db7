/** Softirqs by number (include/linux/interrupt.h). */
export const SOFTIRQ_NAMES: readonly string[] = [
  "HI",
  "TIMER",
  "NET_TX",
  "NET_RX",
  "BLOCK",
  "IRQ_POLL",
  "TASKLET",
  "SCHED",
  "HRTIMER",
  "RCU",
];
