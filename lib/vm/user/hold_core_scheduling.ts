import { type GuestShell, shellText } from "./guest_shell.ts";

const PID_FILE = "/tmp/schedscope-core-scheduling.pid";

/**
 * Keeps core scheduling on in the guest until it ends, by a process that sleeps with a cookie of its own. Does nothing where the kernel
 * has none.
 *
 * With the last cookie the kernel turns it off again, which patches its code on all CPUs (a static key, by way of int3). Under TCG a CPU may
 * run the int3 out of a translation that is no longer true; then there is nobody left to handle it, and the guest panics ("Oops: int3" in
 * raw_spin_rq_lock_nested; 4 of some 25 runs on a busy host). Turned on once while the guest idles, it was not seen to.
 */
export async function holdCoreScheduling(shell: GuestShell, signal?: AbortSignal): Promise<void> {
  await shellText(
    shell,
    "Holding a cookie",
    `[ -e ${PID_FILE} ] && exit 0
setsid sleep 1000000 </dev/null >/dev/null 2>&1 &
echo $! > ${PID_FILE}
schedscope-cookie new $! >/dev/null 2>&1 || kill $!
true`,
    signal === undefined ? {} : { signal },
  );
}
