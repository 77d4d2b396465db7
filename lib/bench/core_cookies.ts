import { loadNative, unwrap } from "../native/mod.ts";

/** PR_SCHED_CORE_GET of prctl(PR_SCHED_CORE), and its scope of one thread. */
const GET = 0;
const ONE_THREAD = 0;
const ESRCH = 3;

/** Options of {@linkcode readCookies}. */
export interface ReadCookiesOptions {
  /** Threads to ask for. Default: all that /proc has. */
  tids?: Iterable<number>;
}

/**
 * The core-scheduling cookie of each thread of this machine that has one, now, in hexadecimal: trust groups for `coreAudit`. Equal
 * cookies mean that threads may share a core; the number says nothing else. Threads that end meanwhile are left out.
 *
 * Take it while the recording runs, or right before it: a recording has no cookies. `formatCookies` makes text of them that can be
 * kept, and read by `parseCookies`.
 *
 * Throws `NativeError` where the kernel has no core scheduling (CONFIG_SCHED_CORE), the machine no SMT, or the caller may not
 * look at a thread (root may), and `NativeLoadError` where the native library cannot be opened.
 */
export function readCookies(options: ReadCookiesOptions = {}): Map<number, string> {
  using native = loadNative();
  const cookie = new BigUint64Array(1);
  const cookies = new Map<number, string>();
  for (const tid of options.tids ?? allThreads()) {
    const rc = native.symbols.schedscope_core_sched(GET, tid, ONE_THREAD, cookie);
    if (rc === -ESRCH) continue;
    unwrap(rc, `the core-scheduling cookie of thread ${tid}`, why(-rc));
    if (cookie[0] !== 0n) cookies.set(tid, `0x${cookie[0]!.toString(16)}`);
  }
  return cookies;
}

/** Text of `cookies`, a line `TID COOKIE` for each, which `parseCookies` reads. */
export function formatCookies(cookies: ReadonlyMap<number, string>): string {
  return [...cookies].map(([tid, cookie]) => `${tid} ${cookie}\n`).join("");
}

function why(errno: number): string | undefined {
  if (errno === 22) return "the kernel was built without core scheduling (CONFIG_SCHED_CORE)";
  if (errno === 19) return "the machine has no SMT, so the kernel has no core scheduling";
  return undefined;
}

function* allThreads(): Generator<number> {
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    let threads: Deno.DirEntry[];
    try {
      threads = [...Deno.readDirSync(`/proc/${name}/task`)];
    } catch (error) {
      // A process that ends while it is looked at says that it is not there, or (ESRCH) something else.
      if (error instanceof Deno.errors.PermissionDenied) throw error;
      continue;
    }
    for (const thread of threads) yield Number(thread.name);
  }
}
