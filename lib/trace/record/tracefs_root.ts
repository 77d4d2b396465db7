import { MachineLacksError } from "./errors.ts";

/** Where the kernel's documentation has tracefs mounted. */
export const TRACEFS = "/sys/kernel/tracing";

/** The mounted tracefs. */
export interface TracefsRoot {
  readonly path: string;
  /** Whether it was mounted by this call. */
  readonly mounted: boolean;
}

/**
 * Finds tracefs, and as root mounts it where it is not mounted (it then stays mounted).
 *
 * Throws {@linkcode MachineLacksError} where this process may not use it or the kernel has none.
 */
export async function tracefsRoot(): Promise<TracefsRoot> {
  if (Deno.build.os !== "linux") {
    throw new MachineLacksError("tracefs", `${Deno.build.os} has no tracefs`, "record on Linux");
  }
  const state = tracefsState();
  if (state === "usable") return { path: TRACEFS, mounted: false };
  if (state === "denied") throw denied();
  if (Deno.uid() !== 0) {
    throw new MachineLacksError(
      "tracefs",
      `tracefs is not mounted at ${TRACEFS}`,
      `sudo mount -t tracefs nodev ${TRACEFS}`,
    );
  }
  const { success, stderr } = await new Deno.Command("mount", { args: ["-t", "tracefs", "nodev", TRACEFS] })
    .output();
  if (!success || tracefsState() !== "usable") {
    throw new MachineLacksError(
      "tracefs",
      `tracefs cannot be mounted at ${TRACEFS}: ${
        new TextDecoder().decode(stderr).trim() || "it has no instances"
      }`,
      "run a kernel with CONFIG_FTRACE and CONFIG_EVENT_TRACING, outside of a container that hides it",
    );
  }
  return { path: TRACEFS, mounted: true };
}

/** Whether tracefs can be used by this process as it stands. */
export function tracefsState(): "usable" | "denied" | "absent" {
  try {
    const { mode, uid, gid } = Deno.statSync(`${TRACEFS}/instances`);
    const me = Deno.uid();
    const bits = mode ?? 0;
    const writable = me === 0 || (uid === me && (bits & 0o200) !== 0) ||
      (gid === Deno.gid() && (bits & 0o020) !== 0) || (bits & 0o002) !== 0;
    return writable ? "usable" : "denied";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "absent";
    return "denied";
  }
}

/** The error of a process that may not use tracefs. */
export function denied(cause?: unknown): MachineLacksError {
  return new MachineLacksError(
    "root",
    `this process (uid ${Deno.uid()}) may not use ${TRACEFS}`,
    "run the same command with sudo",
    { cause },
  );
}
