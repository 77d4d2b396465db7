/**
 * `value` as C's `%.2f` prints it. Differs from `toFixed` in ties, which C rounds to even (0.125 is 0.12), in numbers of
 * 21 digits and more, and in what is no number.
 */
export function fixed2(value: number): string {
  if (Number.isNaN(value)) return "-nan"; // what 0/0 gives on x86
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  if (Math.abs(value) >= 1e21) return `${BigInt(value)}.00`;
  const eighths = value * 8;
  if (Number.isInteger(eighths) && eighths % 2 !== 0) {
    const below = Math.floor(value * 100);
    const even = below % 2 === 0 ? below : below + 1;
    return (even / 100).toFixed(2);
  }
  return value.toFixed(2);
}
