import { concatSamples } from "./concat_samples.ts";
import { parseCpuList } from "../../trace/cpu_list.ts";
import { LackingError, VmError } from "../errors.ts";
import type { PulledTrace } from "../agent/mod.ts";
import { type GuestShell, shellText } from "../user/guest_shell.ts";
import { INSTANCE, INSTANCE_PATH, startTracing, traceBuffer } from "../user/guest_trace.ts";
import { chooseIsolation } from "../user/isolation.ts";
import { readTuning, tuningScript } from "../user/tuning.ts";
import { abortable } from "./abortable.ts";
import { InnerFleet } from "./inner_fleet.ts";
import type { InnerSettings } from "./inner_guest.ts";
import { isolateInner } from "./isolate_inner.ts";
import type { RunKvmOptions } from "./kvm_options.ts";
import type { KvmPhases } from "./kvm_phases.ts";
import type { KvmMeasurement } from "./kvm_result.ts";
import { summarizeHwlat } from "./summarize_hwlat.ts";
import { readAccounts, type VcpuAccount, vcpuFrame } from "./vcpu_accounts.ts";

/** The kernel and the initrd of inner guests within the outer guest's initrd (initrd/l1.json). */
const KERNEL = "/l2/kernel", INITRD = "/l2/initrd";

/** A CPU of the core that the inner guests share: on a guest of two cores with two threads each, the second core. */
const CPU_OF_CORE = 2;

/** Most seconds to wait until an inner guest is up: booted by KVM (an emulated one included), or by translation within translation. */
const WATCHDOG = { kvm: 40, tcg: 150 } as const;

/** A boot to init that takes this long is an idle machine's, ns; where it takes longer, that watchdog has longer as well. */
const IDLE_BOOT = 1.5e9;
/** But not much: what hangs does not come up for having longer, and each further attempt has longer anyway. */
const MOST_LONGER = 2;

/** What is known of the outer guest before anything is asked of it. */
export interface OuterKnowledge {
  /** Its memory in MiB. */
  readonly memory: number;
  /** From its first instruction to its init, ns. */
  readonly bootTime: number | undefined;
}

/**
 * Starts inner guests in an outer guest that is up: one boots, and all others are copies of its state; each becomes a trust group, then
 * they are let go together, and their samples are collected for `seconds`.
 *
 * An aborted signal ends it: with what was measured so far, where they had been let go.
 */
export async function measureKvm(
  shell: GuestShell,
  outer: OuterKnowledge,
  options: RunKvmOptions,
  phases: KvmPhases,
): Promise<KvmMeasurement> {
  const { isolation: asked = "auto", seconds = 30, vms = 8, signal } = options;
  const passing = signal === undefined ? {} : { signal };
  const notes: string[] = [];
  phases.begin("setting up the outer guest");
  const facts = await outerFacts(shell, signal);
  const innerAccelerator = chooseInner(options.innerAccelerator ?? "auto", facts.hasKvm, notes);
  const { cpus, siblings } = facts;
  if (!siblings) {
    notes.push(
      `the outer guest sees no hardware threads that share a core, so core scheduling cannot be tested: CPUs ${
        cpus.join(" and ")
      } are cores of their own`,
    );
  }
  const isolation = await chooseIsolation(shell, asked, cpus, vms, signal);
  const settings: InnerSettings = {
    kernel: KERNEL,
    initrd: INITRD,
    accelerator: innerAccelerator,
    memory: options.vmMemory ?? 96,
    window: options.window ?? 1e9,
    width: options.width ?? 0.5e9,
  };
  const slow = Math.min(MOST_LONGER, Math.max(1, (outer.bootTime ?? 0) / IDLE_BOOT));
  await using fleet = new InnerFleet(shell, settings, {
    vms,
    cpus,
    watchdog: options.watchdog ?? WATCHDOG[innerAccelerator] * slow,
    onSample: (vm, sample, line) => {
      options.onSample?.(vm, sample, line);
    },
    onConsole: (vm, line) => options.onConsole?.(vm, line),
    onProgress: (text) => options.onProgress?.(text),
    ...passing,
  });
  phases.begin("booting the first inner guest");
  await fleet.bootFirst();
  phases.begin(`copying it to ${vms}`);
  await fleet.copy();
  phases.begin("isolating them");
  const tuning = readTuning(await shellText(shell, "Tuning the scheduler", tuningScript(), passing));
  const vcpus = fleet.vcpus;
  const cookies = await isolateInner(shell, isolation.kind, fleet.pids, signal);
  const tracing = options.trace === undefined
    ? undefined
    : await startTracing(shell, traceBuffer(outer.memory, 4), signal);
  const tids = vcpus.map(({ tid }) => tid);
  const before = await readAccounts(shell, tids, signal);
  phases.begin(`measuring for ${seconds} s`);
  const began = phases.now;
  fleet.letGo();
  let interrupted = false;
  try {
    await abortable(fleet.measured(seconds), signal);
  } catch (error) {
    // What was measured until then is the result.
    if (signal?.aborted !== true) throw error;
    interrupted = true;
  }
  const elapsed = phases.now - began;
  const samples = concatSamples(fleet.consoles());
  const firstSamples = fleet.firstSamples;
  phases.begin("collecting");
  const after = await readAccounts(shell, tids).catch((error): Map<number, VcpuAccount> => {
    notes.push(`the accounts of the vCPUs are missing: ${error instanceof Error ? error.message : error}`);
    return new Map();
  });
  const states = fleet.states();
  await fleet[Symbol.asyncDispose]();
  let trace: PulledTrace | undefined;
  if (tracing !== undefined) {
    await shellText(shell, "Stopping the trace", `echo 0 > ${INSTANCE_PATH}/tracing_on`);
    trace = await shell.pullTrace(options.trace!, { instance: INSTANCE, timeout: 120_000 });
    notes.push(...trace.notes);
    if (tracing.missing.length > 0) {
      notes.push(`the trace has no events of ${tracing.missing.join(", ")}: the kernel lacks them`);
    }
  }
  phases.end();
  const names = Array.from({ length: vms }, (_, vm) => `${vm}`);
  if (samples.length === 0) {
    if (interrupted) throw signal!.reason;
    throw new VmError(
      `None of ${vms} inner guests told a sample within ${seconds} s; give them longer (--seconds), or take fewer (--vms)`,
    );
  }
  return {
    innerAccelerator,
    isolation,
    tuning,
    cpus,
    siblings,
    elapsed,
    interrupted,
    allTracing: firstSamples.length < vms ? NaN : began + Math.max(...firstSamples),
    samples,
    summary: summarizeHwlat(samples, { vms: names }),
    vcpus: vcpuFrame(vcpus, before, after, cookies),
    vms: states,
    trace,
    notes,
  };
}

interface OuterFacts {
  readonly hasKvm: boolean;
  readonly cpus: number[];
  readonly siblings: boolean;
}

/** Looks at the outer guest, and lets its kernel account for waits and forced idle. */
async function outerFacts(shell: GuestShell, signal: AbortSignal | undefined): Promise<OuterFacts> {
  const text = await shellText(
    shell,
    "Looking at the outer guest",
    `[ -w /proc/sys/kernel/sched_schedstats ] && echo 1 > /proc/sys/kernel/sched_schedstats
[ -e /proc/self/schedstat ] && echo schedstat
# The node may be of the initrd, with no driver behind it.
{ : <> /dev/kvm; } 2>/dev/null && echo kvm
[ -e /sys/devices/system/cpu/cpu${CPU_OF_CORE} ] && echo cpu
cat /sys/devices/system/cpu/cpu${CPU_OF_CORE}/topology/thread_siblings_list 2>/dev/null
true`,
    signal === undefined ? {} : { signal },
  );
  const lines = text.trim().split("\n");
  if (!lines.includes("cpu")) {
    throw new VmError("The outer guest did not bring up all of its 4 CPUs; see its console (--verbose)");
  }
  const siblings = parseCpuList(lines.at(-1)!);
  return {
    hasKvm: lines.includes("kvm"),
    cpus: siblings.length > 1 ? siblings : [CPU_OF_CORE, CPU_OF_CORE + 1],
    siblings: siblings.length > 1,
  };
}

function chooseInner(
  asked: "auto" | "kvm" | "tcg",
  hasKvm: boolean,
  notes: string[],
): "kvm" | "tcg" {
  if (asked === "kvm" && !hasKvm) {
    throw new LackingError(
      "the outer guest has no KVM, so inner guests cannot run under it",
      "give it a kernel with CONFIG_KVM_AMD and CONFIG_KVM_INTEL, on a host that nests, or ask for --inner tcg",
    );
  }
  if (asked !== "auto") return asked;
  if (!hasKvm) {
    notes.push(
      "the outer guest has no KVM, so the inner guests are translated: their gaps are mostly the translator's, and the vCPUs are no KVM threads",
    );
  }
  return hasKvm ? "kvm" : "tcg";
}
