import { LackingError } from "../errors.ts";
import { type GuestShell, shellText } from "../user/guest_shell.ts";
import type { Isolation } from "../user/isolation.ts";

/** Where `chooseIsolation` makes the groups of cgroups that isolate. */
const GROUPS = "/tmp/schedscope-cpu";

/**
 * Makes each of the processes `pids` of the outer guest a trust group: all of its threads, and no other. Returns the cookie of each thread
 * in hexadecimal; empty where it is not done by cookies.
 *
 * It is to be done when the inner guests are up: while they boot, a core that is forced idle most of the time keeps them from coming up.
 */
export async function isolateInner(
  shell: GuestShell,
  kind: Isolation,
  pids: readonly number[],
  signal?: AbortSignal,
): Promise<Map<number, string>> {
  const options = signal === undefined ? {} : { signal };
  const cookies = new Map<number, string>();
  if (kind === "none") return cookies;
  if (kind !== "cookies") {
    const lines = pids.map((pid, i) =>
      `for thread in /proc/${pid}/task/*; do echo \${thread##*/} > ${GROUPS}/cosched${i + 1}/tasks; done`
    );
    await shellText(shell, "Putting the inner guests into groups", lines.join("\n"), options);
    return cookies;
  }
  const text = await shellText(
    shell,
    "Giving the inner guests cookies",
    `schedscope-cookie new ${pids.join(" ")}`,
    options,
  );
  for (const line of text.trim().split("\n")) {
    const [, tid, cookie] = line.split(" ");
    if (Number(cookie) !== 0) cookies.set(Number(tid), cookie!);
  }
  if (cookies.size === 0) {
    throw new LackingError(
      "The cookies that the outer guest's kernel gave read back as none",
      "its random numbers were not ready (boot it with random.trust_cpu=on), or ask for --isolation none",
    );
  }
  return cookies;
}
