/**
 * A clock's tick count as nanoseconds, rounded down, by integer arithmetic.
 *
 * `hz` counts to a thousandth, which is how captures keep it; `ticksToNs(t, hz) - trace.epoch` is the `ts`
 * of a time-stamp counter reading `t` in a trace whose clock is `x86-tsc`, to within a nanosecond.
 */
export function ticksToNs(ticks: bigint, hz: number): bigint {
  return ticks * 1_000_000_000_000n / BigInt(Math.round(hz * 1000));
}
