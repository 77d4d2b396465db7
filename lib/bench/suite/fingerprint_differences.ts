import type { Fingerprint } from "../fingerprint.ts";

/** A field in which two machines differ. */
export interface FingerprintDifference {
  /** Its name. */
  readonly field: string;
  /** What the first has, as text. */
  readonly a: string;
  /** What the second has. */
  readonly b: string;
}

/** What one field's being tried lets differ besides: they name the same thing. */
const ALSO: Readonly<Record<string, readonly string[]>> = { kernel: ["kernel_version"] };

/**
 * The fields in which two machines differ besides those that are the experiment: what makes results of them no answer to it.
 *
 * `kernel` stands for its version and for the image's name on the command line too. What neither machine tells does not differ; what only
 * one of them tells does.
 */
export function fingerprintDifferences(
  a: Fingerprint,
  b: Fingerprint,
  experiment: readonly string[] = [],
): FingerprintDifference[] {
  const tried = new Set(experiment.flatMap((field) => [field, ...ALSO[field] ?? []]));
  const [first, second] = [a, b].map((machine) => machine as unknown as Record<string, unknown>) as [
    Record<string, unknown>,
    Record<string, unknown>,
  ];
  const fields = new Set([...Object.keys(first), ...Object.keys(second)]);
  return [...fields].filter((field) => !tried.has(field)).flatMap((field) => {
    const text = (value: unknown) =>
      shown(field === "cmdline" && tried.has("kernel") ? noImage(value) : value);
    const [ofA, ofB] = [text(first[field]), text(second[field])];
    return ofA === ofB ? [] : [{ field, ...shortened(first[field], second[field], ofA, ofB) }];
  });
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return "unknown";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function noImage(value: unknown): unknown {
  return typeof value === "string" ? value.replace(/(^|\s)(BOOT_IMAGE|initrd)=\S*/g, "").trim() : value;
}

/** Of two lists, or two tables, what is in one of them only. */
function shortened(a: unknown, b: unknown, textA: string, textB: string): { a: string; b: string } {
  if (!isTable(a) || !isTable(b)) return { a: textA, b: textB };
  const entries = (value: object) =>
    Array.isArray(value)
      ? value.map(String)
      : Object.entries(value).map(([name, each]) => `${name}: ${shown(each)}`);
  const [ofA, ofB] = [entries(a), entries(b)];
  const only = (own: string[], other: string[]) =>
    own.filter((each) => !other.includes(each)).join(", ") || "without";
  return { a: only(ofA, ofB), b: only(ofB, ofA) };
}

function isTable(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
