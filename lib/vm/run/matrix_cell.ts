import type { VmFingerprint, VmIsolation, VmTarget } from "./vm_run.ts";

/** One of the things that a matrix compares. */
export interface MatrixSetting {
  /** The kernel's name in the matrix. */
  readonly kernel: string;
  /** Path of the kernel. */
  readonly path: string;
  /** What is measured in it. */
  readonly target: VmTarget;
  /** How the groups are kept apart. */
  readonly isolation: VmIsolation;
}

/** One run of a setting, the `repeat`th. */
export interface MatrixCell extends MatrixSetting {
  /** From 0 on. */
  readonly repeat: number;
}

/** What became of a cell. */
export interface FinishedCell extends MatrixCell {
  /** When it began, as ISO 8601. */
  readonly started: string;
  /** How long it took, ns. */
  readonly took: number;
  /** Whether it comes from the journal. */
  readonly resumed: boolean;
  /** What went wrong, a sentence; null where nothing did. */
  readonly failure: string | null;
  /** The isolation that it had in truth; empty where it failed. */
  readonly actual: string;
  /** Its numbers; none where it failed. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Null where it failed. */
  readonly fingerprint: VmFingerprint | null;
  /** What must be known to read the numbers, in sentences. */
  readonly notes: readonly string[];
}

/**
 * The cells of `settings` in the order in which they are run: A B C, C B A, A B C, ...: what changes steadily on the machine meanwhile adds the
 * same to all over every two repeats.
 */
export function cellOrder(settings: readonly MatrixSetting[], repeats: number): MatrixCell[] {
  return Array.from({ length: repeats }, (_, repeat) => {
    const round = settings.map((setting) => ({ ...setting, repeat }));
    return repeat % 2 === 0 ? round : round.reverse();
  }).flat();
}
