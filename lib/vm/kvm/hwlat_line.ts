// What the kernel's trace_print_context and trace_hwlat_print write; in front of it may stand whatever the console said before.
const SAMPLE = new RegExp(
  String.raw`^(.*?)-(\d+) +` + // name, thread
    String.raw`(?:\((?: *\d+|-+)\) +)?` + // its process (option record-tgid)
    String.raw`(?:\[(\d{3,})\] +(?:([^ \d][^ ]{3,7}) +)?(\d+)(?:\.(\d{6}|\d{9}))?: ` + // CPU, flags, seconds
    String.raw`|(\d+)([^ \d][^ ]{3,7}) +(\d+)us[^:]?: )` + // the same in latency format
    String.raw`#(\d+) +inner/outer\(us\): +(\d+)/(\d+) +ts:(\d+)\.(\d{9})` +
    String.raw`(?: count:(\d+))?(?: nmi-total:(\d+))?(?: nmi-count:(\d+))?(.*)$`,
);

/** One sample of the hwlat tracer; times in ns, unknown numbers NaN. See the columns of {@linkcode parseHwlat} for what each is. */
export interface HwlatSample {
  /** Name of the thread. */
  readonly comm: string;
  /** Its kernel id. */
  readonly tid: number;
  /** CPU that was sampled. */
  readonly cpu: number;
  /** End of the sample by the trace's clock. */
  readonly ts: number;
  /** Its number. */
  readonly seq: number;
  /** Longest time between the two readings of a round. */
  readonly inner: number;
  /** Longest time between two rounds. */
  readonly outer: number;
  /** Wall clock of the guest, ns since 1970. */
  readonly time: bigint;
  /** How often the threshold was passed. */
  readonly count: number;
  /** Time in non-maskable interrupts. */
  readonly nmiTotal: number;
  /** Non-maskable interrupts. */
  readonly nmiCount: number;
}

/**
 * The sample that `line` (without its end) tells, or undefined if it tells none, or not the whole of one. `isCut` says that the text
 * ended with it, so that its last number may have more digits.
 */
export function readHwlatLine(line: string, isCut: boolean): HwlatSample | undefined {
  if (!line.includes(" inner/outer(us): ")) return undefined;
  const found = SAMPLE.exec(line);
  if (found === null) return undefined;
  const rest = found[18]!;
  // Another letter behind it: two lines became one, and it is not known which number was the last.
  if (rest.trim() !== "" && !(isCut && /^ [a-z-]*:?$/.test(rest))) return undefined;
  const fields = [found[15], found[16], found[17]];
  // Numbers before this one are whole, and what is absent there the kernel did not write.
  const whole = !isCut
    ? fields.length
    : fields.findLastIndex((field) => field !== undefined) + (rest === "" ? 0 : 1);
  const told = (at: number, absent: number) =>
    at >= whole ? NaN : fields[at] === undefined ? absent : Number(fields[at]);
  const nmiCount = told(2, 0);
  return {
    // Names have 15 bytes, right in 16 columns.
    comm: found[1]!.slice(-16).trimStart(),
    tid: Number(found[2]),
    cpu: Number(found[3] ?? found[7]),
    ts: found[9] !== undefined ? Number(found[9]) * 1e3 : seconds(found[5]!, found[6]),
    seq: Number(found[10]),
    inner: Number(found[11]) * 1e3,
    outer: Number(found[12]) * 1e3,
    time: BigInt(found[13]!) * 1_000_000_000n + BigInt(found[14]!),
    count: told(0, NaN),
    nmiTotal: told(1, nmiCount === 0 ? 0 : NaN) * 1e3,
    nmiCount,
  };
}

function seconds(whole: string, fraction: string | undefined): number {
  if (fraction === undefined) return NaN;
  return Number(whole) * 1e9 + Number(fraction.padEnd(9, "0"));
}
