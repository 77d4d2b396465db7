/** Lines that stand beside events and are none: ftrace's about its buffers, trace-cmd's about its file, perf's about itself. */
const BESIDE = [
  /^#+ CPU \d+ buffer started #+$/,
  /^cpus=\d+$/,
  /^version = \d+$/,
  /^CPU \d+ is empty$/,
  /^CPU:\d+ /,
  /^trace-cmd: /,
  /^ {2}opening '/,
  /^\s*$/,
  /^Samples do not have callchains\.$/,
  /^Samples in /,
];

const CPU = [0x43, 0x50, 0x55, 0x3a];

/** What `CPU:1 [LOST 5 EVENTS]` says (trace-cmd: `[5 EVENTS DROPPED]`); the count is 0 where it is not known. */
export function lostLine(
  bytes: Uint8Array,
  from: number,
  to: number,
): { cpu: number; count: number } | undefined {
  if (to - from > 64 || CPU.some((byte, i) => bytes[from + i] !== byte)) return undefined;
  const text = String.fromCharCode(...bytes.subarray(from, to));
  const found = /^CPU:(\d{1,5}) \[(?:LOST (?:(\d{1,9}) )?EVENTS|(?:(\d{1,9}) )?EVENTS DROPPED)\]\s*$/.exec(
    text,
  );
  if (found === null || Number(found[1]) > 0xffff) return undefined;
  return { cpu: Number(found[1]), count: Number(found[2] ?? found[3] ?? 0) };
}

/** Whether a line that is no event's is known to stand among them. */
export function isBeside(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from > 128) return false;
  const text = String.fromCharCode(...bytes.subarray(from, to));
  return BESIDE.some((pattern) => pattern.test(text));
}
