import { TRACEFS, tracefsState } from "./tracefs_root.ts";

/** The ways to record. */
export type Door = "tracefs" | "perf";

/** Whether a door is open on this machine. */
export interface DoorState {
  /** Which. */
  readonly door: Door;
  /** Whether this process may record by it now. */
  readonly usable: boolean;
  /** What was found, in a few words. */
  readonly found: string;
  /** What would open it; absent where it is open. */
  readonly remedy?: string;
}

/** Tries both doors without recording. The better one comes first. */
export async function probeDoors(): Promise<readonly [DoorState, DoorState]> {
  return [probeTracefs(), await probePerf()];
}

function probeTracefs(): DoorState {
  const door = "tracefs";
  if (Deno.build.os !== "linux") {
    return { door, usable: false, found: `${Deno.build.os} has none`, remedy: "record on Linux" };
  }
  const state = tracefsState();
  if (state === "usable") return { door, usable: true, found: `mounted at ${TRACEFS}` };
  if (state === "denied") {
    return {
      door,
      usable: false,
      found: `uid ${Deno.uid()} may not use ${TRACEFS}`,
      remedy: "run the same command with sudo",
    };
  }
  const remedy = `sudo mount -t tracefs nodev ${TRACEFS}`;
  if (Deno.uid() !== 0) return { door, usable: false, found: "not mounted", remedy };
  const known = text("/proc/filesystems").includes("\ttracefs");
  if (known) return { door, usable: true, found: "not mounted; recording mounts it" };
  return {
    door,
    usable: false,
    found: "this kernel has no tracefs",
    remedy: "run a kernel with CONFIG_FTRACE",
  };
}

async function probePerf(): Promise<DoorState> {
  const door = "perf";
  const version = await perfVersion();
  if (version === undefined) {
    return { door, usable: false, found: "not installed", remedy: "sudo apt-get install linux-perf" };
  }
  if (Deno.uid() === 0) return { door, usable: true, found: version };
  const paranoid = Number(text("/proc/sys/kernel/perf_event_paranoid"));
  let readable = true;
  try {
    Deno.statSync(`${TRACEFS}/events/sched/sched_switch/id`);
  } catch {
    readable = false;
  }
  if (paranoid <= -1 && readable) return { door, usable: true, found: version };
  return {
    door,
    usable: false,
    found: `${version}, kernel.perf_event_paranoid is ${paranoid}${
      readable ? "" : " and tracefs cannot be read"
    }`,
    remedy: "run the same command with sudo, or allow it: sudo sysctl kernel.perf_event_paranoid=-1 && " +
      `sudo mount -o remount,mode=755 ${TRACEFS}`,
  };
}

/** What `perf --version` says, such as `perf version 6.1.192`; undefined where there is no perf that runs. */
export async function perfVersion(program: string = "perf"): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(program, { args: ["--version"], stderr: "null" })
      .output();
    return success ? new TextDecoder().decode(stdout).trim().split("\n")[0] : undefined;
  } catch {
    return undefined;
  }
}

function text(path: string): string {
  try {
    return Deno.readTextFileSync(path).trimEnd();
  } catch {
    return "";
  }
}
