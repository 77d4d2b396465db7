import { LackingError } from "../errors.ts";

/** Whether `error` says that a disk is full (ENOSPC). */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && /ENOSPC|No space left on device/.test(error.message);
}

/** The error of a full disk: `directory` has no room, of `needed` bytes where that is known. */
export function noSpace(directory: string, needed?: number): LackingError {
  const much = needed === undefined ? "" : ` for the ${size(needed)} that are needed there`;
  return new LackingError(
    `No space is left in ${directory}${much}`,
    "free some, or set SCHEDSCOPE_CACHE to a directory on another disk",
  );
}

function size(bytes: number): string {
  return bytes < 1e9 ? `${Math.ceil(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
