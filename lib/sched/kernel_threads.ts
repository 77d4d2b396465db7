import { Kind } from "../trace/stream.ts";
import type { Trace } from "../trace/trace.ts";
import { knownThreads } from "./known_threads.ts";

/** The kernel's threads are children of kthreadd, which is made second. */
const KTHREADD = 2;

/** What the kernel calls threads of its own that nearly every machine has. */
const NAMES =
  /^(?:kthreadd|(?:kworker|ksoftirqd|migration|cpuhp|idle_inject|irq|rcuo[bgps]|rcu[bc]|napi|jbd2|stopper|kvm-pit)\/.*|rcu_.*|kswapd\d+|kcompactd\d+|khugepaged|ksmd|kauditd|kblockd|kdevtmpfs|khungtaskd|oom_reaper|watchdogd|pool_workqueue_.*|writeback|kvm-.*|vhost-\d+|scsi_eh_\d+|xfsaild\/.*|hwrng|kthrotld|kdamond\.\d+|kintegrityd|psimon|khvcd|mm_percpu_wq|ext4-rsv-conver|btrfs-.*|loop\d+|nfsd|lockd|md\d+_.*|dm-.*|scsi_tmf_\d+|ata_sff|cryptd|edac-poller|nvme-.*|zswap-shrink|card\d+-crtc\d+|ttm)$/;

/**
 * The kernel's own threads among those of the trace.
 *
 * A recording that tells who made a thread (perf.data: for all that were there at its start as well) has it by that: kernel threads
 * are children of kthreadd. Of a thread whose parent it does not tell the name decides, which any program may take: a
 * thread that is no process of its own is not one of them whatever it is called, and a kernel thread of a driver with a name that
 * is not among the usual ones is taken for a process.
 */
export function kernelThreads(trace: Trace): Set<number> {
  const whole = trace.context ?? trace;
  const threads = knownThreads(whole);
  const tid = threads.column("tid");
  const pid = threads.column("pid");
  const comm = threads.column("comm");
  const parents = new Map<number, number>();
  const { stream } = whole;
  for (const i of whole.rowsOf(Kind.Fork, Kind.ProcessFork)) {
    if (stream.kind[i] === Kind.Fork) parents.set(stream.tid[i]!, stream.b[i]!);
    else parents.set(stream.b[i]!, stream.a[i]!);
  }
  const named = comm.dictionary.map((name) => NAMES.test(name));
  const kernel = new Set<number>();
  let parentIsKthreadd = false;
  for (let row = 0; row < tid.length && tid[row]! <= KTHREADD; row++) {
    parentIsKthreadd = tid[row] === KTHREADD && comm.at(row) === "kthreadd";
  }
  for (let row = 0; row < tid.length; row++) {
    const thread = tid[row]!;
    if (thread <= 0) continue;
    const alone = pid[row] === -1 || pid[row] === thread;
    const parent = parents.get(thread);
    const isKernel = parent === undefined || !parentIsKthreadd
      ? named[comm.codes[row]!]!
      : parent === KTHREADD || thread === KTHREADD;
    if (isKernel && alone) kernel.add(thread);
  }
  return kernel;
}
