/** Makes at least `rounds` * 2 switches and wakeups (perf's ping-pong over a pipe), and some forks, execs and exits. */
export async function makeSwitches(rounds: number): Promise<void> {
  const shell = "j=0; while [ $j -lt 10 ]; do /bin/true; j=$((j+1)); done";
  await Promise.all([
    new Deno.Command("perf", { args: ["bench", "sched", "pipe", "-l", String(rounds)], stdout: "null" })
      .output(),
    new Deno.Command("sh", { args: ["-c", shell] }).output(),
  ]);
}

/** Names of the tracefs instances that this process owns. */
export function ownInstances(): string[] {
  return instances().filter((name) => name.startsWith(`schedscope-${Deno.pid}-`));
}

/** Names of all tracefs instances. */
export function instances(): string[] {
  return [...Deno.readDirSync("/sys/kernel/tracing/instances")].map(({ name }) => name);
}
