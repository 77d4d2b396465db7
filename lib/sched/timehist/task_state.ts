/** Letters of `prev_state`, as the kernel prints them (fs/proc/array.c and the format of sched_switch, since 4.14). */
export const STATE_LETTERS = ["R", "S", "D", "T", "t", "X", "Z", "P", "I"] as const;

/** A state letter; `+` says that the task was preempted inside the kernel's schedule and stays runnable. */
export type StateLetter = typeof STATE_LETTERS[number] | "R+" | `${typeof STATE_LETTERS[number]}+`;

/** Every {@linkcode StateLetter} by its code: 0 to 8 without, 9 to 17 with `+`. */
export const STATE_DICTIONARY: readonly StateLetter[] = [
  ...STATE_LETTERS,
  ...STATE_LETTERS.map((letter) => `${letter}+` as const),
];

/** Bits of `prev_state` that say why a task is not runnable; what lies above is the mark of preemption. */
const REPORTED = 0xff;

/** Whether a task that left its CPU with `prevState` stayed runnable: both R and R+. */
export function isRunnable(prevState: number): boolean {
  return (prevState & REPORTED) === 0;
}

/** Index of the letter for `prevState` in {@linkcode STATE_DICTIONARY}: its lowest bit, and whether it was preempted. */
export function stateCode(prevState: number): number {
  const low = prevState & REPORTED;
  const letter = low === 0 ? 0 : 32 - Math.clz32(low & -low);
  return prevState > REPORTED ? letter + STATE_LETTERS.length : letter;
}

/** Whether `prevState` is uninterruptible sleep, D. */
export function isUninterruptible(prevState: number): boolean {
  return (prevState & 3) === 2;
}
