/** Bit of prev_state by the letter of each state that a thread is seen to leave in, since Linux 4.14. */
export const STATE_BITS: Readonly<Record<string, number>> = {
  R: 0,
  S: 1,
  D: 2,
  T: 4,
  t: 8,
  X: 0x10,
  Z: 0x20,
  P: 0x40,
  I: 0x80,
};

/**
 * Bits of prev_state by the letter that the print format of sched_switch has for them since Linux 4.14
 * (include/trace/events/sched.h). `x` is what older kernels call dead; `K` (wakekill) and `N` (new) only go with D there, and
 * `W` (waking) is as good as runnable.
 */
const BITS = new Int16Array(128).fill(-1);
for (
  const [letter, bit] of Object.entries({
    ...STATE_BITS,
    x: 0x40,
    K: 2,
    N: 2,
    W: 0,
    "+": 0x100,
    "|": 0,
  })
) BITS[letter.charCodeAt(0)] = bit;

/**
 * The same for libtraceevent's spelling, whose letters are those of kernels before 4.14 for whatever bits there are
 * (plugins/plugin_sched_switch.c: SDTtZXxW); versions that print P and I mean Z and X the other way round, which cannot be told.
 */
const LIBRARY_BITS = BITS.slice();
for (const [letter, bit] of Object.entries({ Z: 0x10, X: 0x20, x: 0x40, W: 0x80 })) {
  LIBRARY_BITS[letter.charCodeAt(0)] = bit;
}

/** prev_state out of letters such as `S`, `R+`, `D|W` or a number in `bytes[from, to)`, of the kernel's or the `library`'s; -1 where it is none of these. */
export function stateBits(bytes: Uint8Array, from: number, to: number, library = false): number {
  const bitsOf = library ? LIBRARY_BITS : BITS;
  if (from >= to || to - from > 24) return -1;
  const first = bytes[from]!;
  if (first >= 0x30 && first <= 0x39) {
    const value = Number(String.fromCharCode(...bytes.subarray(from, to)));
    return Number.isInteger(value) && value < 2 ** 31 ? value : -1;
  }
  let bits = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!;
    const bit = byte < 128 ? bitsOf[byte]! : -1;
    if (bit < 0) return -1;
    bits |= bit;
  }
  return bits;
}
