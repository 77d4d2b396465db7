/** Linux's signals on x86-64 and arm64, from 1 on. */
const NAMES =
  ("HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU " +
    "URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS").split(" ");

/** `SIGKILL` for 9; `SIG40` for those without a name. */
export function signalName(number: number): string {
  return `SIG${NAMES[number - 1] ?? number}`;
}

/** 9 for `SIGKILL`; throws `RangeError` for what is none. */
export function signalNumber(name: string): number {
  const number = NAMES.indexOf(name.replace(/^SIG/, "")) + 1;
  if (number === 0) {
    throw new RangeError(`Expected a signal such as SIGTERM but found ${JSON.stringify(name)}`);
  }
  return number;
}
