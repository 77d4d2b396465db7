/**
 * Boots a guest, lets four threads compete for its two CPUs, and says whose fault their waiting was: the guest's scheduler's or the host's.
 *
 *     deno run -A examples/vm_whose_fault.ts [BZIMAGE]
 */
import { formatNs } from "@schedscope/schedscope";
import { bootable, buildInitrd, buildKernel, recordHostGuest, startGuest } from "@schedscope/schedscope/vm";

const kernel = await bootable(Deno.args[0] ?? (await buildKernel()).path);
const initrd = await buildInitrd("l1");
const output = await Deno.makeTempDir();
try {
  await using guest = await startGuest({ kernel, initrd: initrd.path, cores: 1, threads: 2, memory: 256 });
  const work = ["schedscope-spin", "-n", "4", "--duration", "1s", "--max-gap", "0"];
  const merged = await recordHostGuest(guest, () => guest.agent.exec(work, { timeout: 60_000 }), { output });
  await guest.shutdown();

  console.log(
    `${formatNs(merged.span.to - merged.span.from)} on one clock, known within ${formatNs(merged.clock.max)}`,
  );
  for (const { part, dur, share } of merged.causes.head(5).rows()) {
    console.log(`${part}: ${formatNs(dur)}, ${(share * 100).toFixed(1)} % of all waiting in the guest`);
  }
  for (const { culprit, culprit_tid, vcpu_wait, stolen } of merged.culprits.head(3).rows()) {
    console.log(
      `${culprit}[${culprit_tid}] kept vCPUs waiting for ${formatNs(vcpu_wait)}: ` +
        `running threads of the guest lost ${formatNs(stolen)} of it`,
    );
  }
} finally {
  await Deno.remove(output, { recursive: true });
}
