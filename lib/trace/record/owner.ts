/** A process that owns something outside of itself; a pid alone may belong to another process later. */
export interface Owner {
  readonly pid: number;
  /** Start time in clock ticks after boot: field 22 of `/proc/PID/stat`; undefined where it is not known. */
  readonly startTime: string | undefined;
}

/** This process as an {@linkcode Owner}. Throws where `/proc` is not there. */
export function thisOwner(): Owner {
  const startTime = startTimeOf(Deno.pid);
  if (startTime === undefined) {
    throw new Error(`Expected /proc/${Deno.pid}/stat to tell the start time of this process`);
  }
  return { pid: Deno.pid, startTime };
}

/** Whether the process that `owner` means is still there (and is no zombie and no other process of the same pid). */
export function isAlive(owner: Owner): boolean {
  const startTime = startTimeOf(owner.pid);
  return startTime !== undefined && (owner.startTime === undefined || startTime === owner.startTime);
}

/** Start time of the process `pid`; undefined where there is none, or only its zombie. */
export function startTimeOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  } catch {
    return undefined;
  }
  // The name in parentheses may itself hold parentheses and blanks: fields are counted from the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

let count = 0;

/** A name that tells its owner: `schedscope-PID-STARTTIME-N`, another N at each call. */
export function ownedName(): string {
  const { pid, startTime } = thisOwner();
  return `schedscope-${pid}-${startTime}-${count++}`;
}

/**
 * The owner in a name of {@linkcode ownedName}, whatever follows it, or of `schedscope-spin-PID-...`, the name of the memory
 * that a spin run shares; undefined for other names.
 */
export function ownerOf(name: string): Owner | undefined {
  const match = /^schedscope-(\d+)-(\d+)-\d+(?!\d)/.exec(name) ?? /^schedscope-spin-(\d+)-/.exec(name);
  return match === null ? undefined : { pid: Number(match[1]), startTime: match[2] };
}
