import { AgentChannel } from "../agent/agent_channel.ts";
import { LackingError, VmError } from "../errors.ts";
import { consoleText } from "./classify_end.ts";
import { connectWhenUp } from "./connect.ts";
import type { QemuProgram } from "./find_qemu.ts";
import type { Accelerator } from "./guest.ts";
import { GuestError } from "./guest_end.ts";
import { cpuModelOf, hostVendor, machineOf } from "./machine.ts";
import { migrateIn } from "./migrate.ts";
import type { GuestOptions } from "./options.ts";
import { QemuProcess } from "./qemu_process.ts";
import { Qmp } from "./qmp.ts";
import { QmpError } from "./qmp_error.ts";
import { RunDirectory } from "./run_directory.ts";
import { RunningGuest } from "./running_guest.ts";
import { describeGuest, type OpenSnapshot, openSnapshot } from "./snapshot.ts";
import { pinVcpus } from "./vcpus.ts";

/** Milliseconds in which QEMU must answer. */
const QEMU_DEADLINE = 30_000;

/** Milliseconds in which the agent must answer after /init was started. */
const AGENT_DEADLINE = 30_000;

/** Milliseconds in which QEMU must have taken a snapshot. */
const RESTORE_DEADLINE = 120_000;

/** What /init in the initial RAM disks of schedscope prints first. */
export const INIT_LINE = /schedscope: init/;

/** Starts a guest under `accelerator`; `kernel` is what QEMU's `-kernel` gets. Nothing is left where it throws. */
export async function launch(
  options: GuestOptions,
  qemu: QemuProgram,
  kernel: string,
  accelerator: Accelerator,
): Promise<RunningGuest> {
  options.signal?.throwIfAborted();
  const { onProgress = () => {} } = options;
  const cpuModel = cpuModelOf(accelerator.kind, options.nested ?? false, hostVendor());
  const directory = await RunDirectory.create();
  let snapshot: OpenSnapshot | undefined;
  let guest: RunningGuest;
  let machine: ReturnType<typeof machineOf>;
  try {
    machine = machineOf(options, kernel, accelerator, cpuModel, (name) => directory.socket(name));
    if (options.restoreFrom !== undefined) {
      const wanted = await describeGuest(qemu.version, machine.machine, { kernel, initrd: options.initrd });
      snapshot = await openSnapshot(options.restoreFrom, wanted);
    }
    const args = [
      ...machine.machine,
      ...machine.channels,
      ...(options.restoreFrom === undefined ? [] : ["-incoming", "defer"]),
    ];
    const process = new QemuProcess(qemu.path, args);
    guest = new RunningGuest({
      process,
      directory,
      accelerator,
      qemuVersion: qemu.version,
      cpuModel,
      commandLine: [qemu.path, ...args],
      writable: (options.drives ?? []).some((drive) => drive.readOnly !== true),
      onConsole: options.onConsole,
      describe: () => describeGuest(qemu.version, machine.machine, { kernel, initrd: options.initrd }),
    });
  } catch (error) {
    snapshot?.[Symbol.dispose]();
    await directory[Symbol.asyncDispose]();
    throw error;
  }
  using _snapshot = snapshot;
  const { signal } = options;
  const abort = () => guest.kill("it was aborted");
  signal?.addEventListener("abort", abort, { once: true });
  guest.ended.then(() => signal?.removeEventListener("abort", abort));
  const within = <T>(what: string, milliseconds: number, work: (signal: AbortSignal) => Promise<T>) =>
    phase(guest, signal, what, milliseconds, work);
  try {
    onProgress(`starting QEMU ${qemu.version} with ${accelerator.kind}: ${accelerator.reason}`);
    await within("QEMU did not answer", QEMU_DEADLINE, async (signal) => {
      await directory.claim(guest.pid);
      const conn = await connectWhenUp(directory.socket("qmp"), guest.process, signal);
      guest.attachQmp(await Qmp.open(conn, { signal }));
      guest.attachConsole(await Deno.connect({ transport: "unix", path: directory.socket("console") }));
      for (const port of machine.ports) {
        guest.attachPort(port.name, await Deno.connect({ transport: "unix", path: port.socket }));
      }
      const { vcpus, pinning } = await pinVcpus(guest.qmp, guest.pid, options, signal);
      guest.vcpus = vcpus;
      guest.pinning = pinning;
      onProgress(pinning.reason);
    });
    if (snapshot !== undefined) {
      onProgress(`restoring ${options.restoreFrom}`);
      await within(
        "QEMU did not take the snapshot",
        RESTORE_DEADLINE,
        (signal) => migrateIn(guest.qmp, directory.socket("in"), (conn) => snapshot.send(conn), signal),
      );
    }
    await boot(guest, options, within);
    return guest;
  } catch (error) {
    guest.kill("it did not start");
    await guest.ended;
    throw error;
  }
}

type Within = <T>(
  what: string,
  milliseconds: number,
  work: (signal: AbortSignal) => Promise<T>,
) => Promise<T>;

async function boot(guest: RunningGuest, options: GuestOptions, within: Within): Promise<void> {
  const { ready = "agent", bootTimeout = 60_000, onProgress = () => {} } = options;
  const init = guest.log.line(INIT_LINE);
  guest.log.start();
  const started = performance.now();
  const seen = init.then((line) => {
    guest.bootTime = line.ts;
    guest.startTime = line.ts + Math.round((started - guest.spawned) * 1e6);
  });
  await within(
    "QEMU did not start the guest",
    QEMU_DEADLINE,
    (signal) => guest.qmp.execute("cont", {}, { signal }),
  );
  if (ready === "running") return;
  if (options.restoreFrom === undefined) {
    onProgress("booting");
    const agent = ready === "agent" ? new AgentChannel(guest.takeAgentPort()) : undefined;
    try {
      await within(
        "The guest did not reach its init",
        bootTimeout,
        () => agent === undefined ? seen : Promise.race([seen, heard(guest, agent, seen)]),
      );
    } catch (error) {
      await agent?.[Symbol.asyncDispose]();
      throw error;
    }
    onProgress(`init after ${(guest.bootTime! / 1e9).toFixed(2)} s`);
    if (agent !== undefined) guest.attachAgent(agent);
  }
  if (ready === "init") return;
  await within("The agent in the guest did not answer", AGENT_DEADLINE, async () => {
    if (options.restoreFrom !== undefined) guest.attachAgent(new AgentChannel(guest.takeAgentPort()));
    await guest.agent.hello;
  });
}

/** Milliseconds that the console may be behind the agent. */
const CONSOLE_LATE = 5000;

/**
 * Settles as `seen` does; throws a `LackingError` where the agent has answered and not one character has come over the console, which
 * therefore does not tell of anything that goes wrong.
 */
async function heard(guest: RunningGuest, agent: AgentChannel, seen: Promise<void>): Promise<void> {
  // Where the line to it breaks, the guest's end is the better reason.
  if (await agent.hello.then(() => false, () => true)) return await seen;
  await settledWithin(seen, CONSOLE_LATE);
  if (guest.console.length > 0) return await seen;
  throw new LackingError(
    "The guest came up, but not one character came over its serial console, which would tell of a panic",
    "give it a kernel with CONFIG_SERIAL_8250_CONSOLE",
  );
}

/**
 * What `work` gives. Throws a {@linkcode GuestError} when the guest ends meanwhile, or after `milliseconds`, and then ends it; and
 * the reason of `signal` where that aborts.
 */
async function phase<T>(
  guest: RunningGuest,
  signal: AbortSignal | undefined,
  what: string,
  milliseconds: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const stop = new AbortController();
  const late = `${what} within ${milliseconds / 1000} s`;
  const timer = setTimeout(() => {
    guest.kill(late);
    stop.abort(new VmError(late));
  }, milliseconds);
  const over = new VmError("The guest ended");
  const ended = guest.ended.then(() => {
    throw over;
  });
  const working = work(stop.signal);
  try {
    return await Promise.race([working, ended]);
  } catch (error) {
    const timedOut = stop.signal.aborted;
    stop.abort(error);
    // A channel closes a moment before the process that closed it ends, and that has the better reason.
    if (error instanceof QmpError && error.class === "Closed") await settledWithin(guest.ended, 1000);
    guest.kill("it did not start");
    working.catch(() => {});
    const end = await guest.ended;
    signal?.throwIfAborted();
    // Whatever else failed first: where the guest ended by itself, that is why.
    if (end.reason === "killed" && !timedOut && error !== over) throw error;
    throw failure(timedOut ? late : "The guest did not come up", end);
  } finally {
    clearTimeout(timer);
    ended.catch(() => {});
  }
}

/** Resolves when `promise` does, and after `milliseconds` in any case. */
async function settledWithin(promise: Promise<unknown>, milliseconds: number): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, milliseconds);
  await Promise.race([promise, late.promise]).finally(() => clearTimeout(timer));
}

/** The error for a guest that ended as `end` says. */
function failure(problem: string, end: GuestError["end"]): VmError {
  if (end.reason === "died") {
    if (/could not access KVM|failed to initialize kvm|No accelerator found/i.test(end.detail)) {
      return new LackingError(`QEMU cannot use KVM here: ${end.detail}`, "take the accelerator tcg or auto");
    }
    if (
      /could not load module|invalid accelerator|No machine specified|unsupported machine type/i.test(
        end.detail,
      )
    ) {
      return new LackingError(
        `This QEMU is unfit for guests: ${end.detail}`,
        "install a whole one: apt-get install qemu-system-x86",
      );
    }
    return new GuestError(`${problem}: ${end.detail}`, end);
  }
  // Before its first instruction a guest has nothing to say.
  const silent = problem.startsWith("QEMU ")
    ? ""
    : end.console.length === 0
    ? " Not one character came over the serial console: the kernel may be without CONFIG_SERIAL_8250_CONSOLE, or hung early."
    : consoleText(end.console);
  return new GuestError(`${problem}${problem === end.detail ? "" : `: ${end.detail}`}.${silent}`, end);
}
