import { VmError } from "../errors.ts";
import { HERE, type InnerGuest, READY, type StepOptions } from "./inner_guest.ts";
import { type GuestShell, shellText } from "../user/guest_shell.ts";

/** A thread of a vCPU in the outer guest. */
export interface VcpuThread {
  /** Number of the vCPU in the inner guest. */
  readonly vcpu: number;
  /** Its thread in the outer guest. */
  readonly tid: number;
}

/** An inner guest's QEMU in the outer guest. */
export interface InnerProcess {
  /** The process. */
  readonly pid: number;
  /** Its two vCPUs. */
  readonly vcpus: readonly VcpuThread[];
}

/** How often a copy is asked whether it lives, ms. What is asked while it still reads its state is lost. */
const ASK_EVERY = 500;

/** Waits until an inner guest that boots is up. Throws a `VmError` where it ends or does not in time. */
export async function whenReady(inner: InnerGuest, options: StepOptions): Promise<void> {
  await inner.says(READY, "boot", options);
}

/** Asks a copy whether it lives until it says so. Throws a `VmError` where it ends or does not in time. */
export async function whenHere(inner: InnerGuest, options: StepOptions): Promise<void> {
  inner.send("ping");
  const timer = setInterval(() => inner.send("ping"), ASK_EVERY);
  try {
    await inner.says(HERE, "come up from the state of the first", options);
  } finally {
    clearInterval(timer);
  }
}

/** Writes the state of `inner` to `file` of the outer guest. It is to be ended then: a guest that wrote its state is halted. */
export async function writeState(
  agent: GuestShell,
  inner: InnerGuest,
  file: string,
  options: StepOptions,
): Promise<void> {
  const commands = [
    { execute: "qmp_capabilities" },
    // Its progress comes as events, instead of answers to questions that would fill the pipe.
    {
      execute: "migrate-set-capabilities",
      arguments: { capabilities: [{ capability: "events", state: true }] },
    },
    { execute: "migrate-set-parameters", arguments: { "max-bandwidth": 10 ** 10 } },
    { execute: "migrate", arguments: { uri: `exec:cat > ${file}` } },
  ];
  const script = `cd ${inner.directory} || exit 1\n` +
    commands.map((command) => `echo '${JSON.stringify(command)}' > control.in\n`).join("") +
    `until grep -q '"status": "completed"' control.log; do
  if grep -q '"status": "failed"\\|"error"' control.log; then tail -n 1 control.log >&2; exit 1; fi
  usleep 100000
done`;
  const what = "write its state";
  await inner.alive(
    shellText(agent, "Writing the state of an inner guest", script, steps(options)),
    what,
    options,
  );
}

/**
 * Waits for the threads of the vCPUs of `inner`, and lets them run on `cpus` of the outer guest only. Other threads of its QEMU stay where
 * they are.
 */
export async function pinVcpus(
  agent: GuestShell,
  inner: InnerGuest,
  cpus: readonly number[],
  options: StepOptions,
): Promise<InnerProcess> {
  // No program is run while waiting: with many guests at once that would keep the outer guest busy.
  const script = `until [ -s ${inner.directory}/pid ]; do usleep 50000; done
read -r pid < ${inner.directory}/pid
while :; do
  found=
  for thread in /proc/$pid/task/*; do
    { read -r name number < $thread/comm; } 2> /dev/null || continue
    [ "$name" != CPU ] || found="$found \${number%%/*}:\${thread##*/}"
  done
  case $found in
  *:*:*) break ;;
  esac
  usleep 200000
done
echo $pid
for one in $found; do
  taskset -pc ${cpus.join(",")} \${one#*:} > /dev/null || exit 1
  echo \${one%:*} \${one#*:}
done`;
  const what = "start its vCPUs";
  const text = await inner.alive(
    shellText(agent, "Pinning the vCPUs of an inner guest", script, steps(options)),
    what,
    options,
  );
  const [pid, ...vcpus] = text.trim().split("\n");
  if (vcpus.length !== 2) {
    throw new VmError(`Inner guest ${inner.name} has ${vcpus.length} vCPU threads instead of 2`);
  }
  return {
    pid: Number(pid),
    vcpus: vcpus.map((line) => {
      const [vcpu, tid] = line.split(" ").map(Number);
      return { vcpu: vcpu!, tid: tid! };
    }).sort((a, b) => a.vcpu - b.vcpu),
  };
}

function steps({ seconds, signal }: StepOptions): { timeout: number; signal?: AbortSignal } {
  // The wait around it ends first, and says what was waited for.
  return { timeout: seconds * 1000 + 5000, ...signal === undefined ? {} : { signal } };
}
