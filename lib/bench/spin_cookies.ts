import { DictColumn } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import type { RegionThread } from "./spin_region.ts";

/** Columns of the cookies of a spin run: a row for each thread. */
export type SpinCookieColumns = {
  /** Number of the thread. */
  thread: Int32Array;
  /** Its pair. */
  pair: Int32Array;
  /** Kernel id. */
  tid: Int32Array;
  /** Its core-scheduling cookie in hexadecimal, to be compared for equality only; empty for none. */
  cookie: DictColumn<string>;
  /** `has`, or `unsupported`: neither this kernel nor this machine can, or `refused`. */
  state: DictColumn<"has" | "unsupported" | "refused">;
  /** Why there is none; empty where there is one. */
  reason: DictColumn<string>;
};

const REASONS: Readonly<Record<number, string>> = {
  1: "EPERM: not permitted",
  3: "ESRCH: the partner is gone",
  12: "ENOMEM: no memory",
  19: "ENODEV: the machine has no SMT, or it is off",
  22: "EINVAL: the kernel was built without core scheduling (CONFIG_SCHED_CORE)",
};

/** What became of the cookies of `threads`; no rows where none were asked for. */
export function spinCookies(threads: readonly RegionThread[]): Frame<SpinCookieColumns> {
  const rows = [...threads.entries()].map(([thread, block]) => ({ thread, tid: block.tid, ...block.cookie }))
    .filter(({ asked }) => asked);
  return new Frame<SpinCookieColumns>({
    thread: Int32Array.from(rows, ({ thread }) => thread),
    pair: Int32Array.from(rows, ({ thread }) => thread >> 1),
    tid: Int32Array.from(rows, ({ tid }) => tid),
    cookie: DictColumn.from(rows.map(({ value }) => value === 0n ? "" : `0x${value.toString(16)}`)),
    state: DictColumn.from(
      rows.map(({ errno }) => errno === 0 ? "has" : errno === 19 || errno === 22 ? "unsupported" : "refused"),
    ),
    reason: DictColumn.from(rows.map(({ errno }) => errno === 0 ? "" : REASONS[errno] ?? `errno ${errno}`)),
  });
}
