/** A process that owns something outside of itself; a pid alone may belong to another process later. */
export interface Owner {
  readonly pid: number;
  /** Start time in clock ticks after boot: field 22 of `/proc/PID/stat`; undefined where it is not known. */
  readonly startTime: string | undefined;
  /** Inode of its pid namespace; undefined where it is not known. */
  readonly namespace: string | undefined;
}

/** Inode of the pid namespace that a machine starts with (the kernel's PROC_PID_INIT_INO). */
const INITIAL_NAMESPACE = "4026531836";

/** This process as an {@linkcode Owner}. Throws where `/proc` is not there. */
export function thisOwner(): Owner {
  const startTime = startTimeOf(Deno.pid);
  if (startTime === undefined) {
    throw new Error(`Expected /proc/${Deno.pid}/stat to tell the start time of this process`);
  }
  return { pid: Deno.pid, startTime, namespace: ownNamespace() };
}

/**
 * Whether the process that `owner` means is still there (and is no zombie and no other process of the same pid). An owner in
 * another pid namespace, a container's, cannot be looked up by its pid: it counts as alive while that namespace has processes, or
 * where this process cannot see them all.
 */
export function isAlive(owner: Owner): boolean {
  const here = ownNamespace();
  if (owner.namespace !== undefined && owner.namespace !== here) {
    return here !== INITIAL_NAMESPACE || namespaceLives(owner.namespace);
  }
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

/** A name that tells its owner: `schedscope-PID-STARTTIME-N`, another N at each call; inside a container `-nsINODE` follows. */
export function ownedName(): string {
  const { pid, startTime, namespace } = thisOwner();
  const inside = namespace === INITIAL_NAMESPACE || namespace === undefined ? "" : `-ns${namespace}`;
  return `schedscope-${pid}-${startTime}-${count++}${inside}`;
}

/**
 * The owner in a name of {@linkcode ownedName}, whatever follows it, or of `schedscope-spin-PID-...`, the name of the memory
 * that a spin run shares; undefined for other names.
 */
export function ownerOf(name: string): Owner | undefined {
  const match = /^schedscope-(\d+)-(\d+)-\d+(?!\d)(?:-ns(\d+))?/.exec(name);
  if (match !== null) {
    return { pid: Number(match[1]), startTime: match[2]!, namespace: match[3] ?? INITIAL_NAMESPACE };
  }
  const spin = /^schedscope-spin-(\d+)-/.exec(name);
  return spin === null ? undefined : { pid: Number(spin[1]), startTime: undefined, namespace: undefined };
}

/** Inode of this process's pid namespace; undefined where `/proc` does not tell it. */
function ownNamespace(): string | undefined {
  try {
    return /^pid:\[(\d+)\]$/.exec(Deno.readLinkSync("/proc/self/ns/pid"))?.[1];
  } catch {
    return undefined;
  }
}

/** Whether some process is in the pid namespace with this inode; all of them are seen from the initial one only. */
function namespaceLives(namespace: string): boolean {
  for (const { name } of Deno.readDirSync("/proc")) {
    // Process 1 is in this namespace; some machines let no one look at it.
    if (!/^\d+$/.test(name) || name === "1") continue;
    try {
      if (Deno.readLinkSync(`/proc/${name}/ns/pid`) === `pid:[${namespace}]`) return true;
    } catch (error) {
      if (error instanceof Deno.errors.PermissionDenied) return true;
    }
  }
  return false;
}
