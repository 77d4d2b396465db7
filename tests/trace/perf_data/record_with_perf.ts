/** Records `workload` system-wide with the real perf, for tests that compare with perf's own reading of the file. */
export async function recordWithPerf(
  output: string,
  workload: readonly string[],
  mmapPages = "16M",
): Promise<void> {
  const events = [
    "switch",
    "waking",
    "wakeup_new",
    "migrate_task",
    "process_fork",
    "process_exit",
    "process_exec",
  ].map((name) => `sched:sched_${name}`).join(",");
  const { success, stderr } = await new Deno.Command("perf", {
    args: [
      "record",
      "-a",
      "-m",
      mmapPages,
      "-k",
      "CLOCK_MONOTONIC",
      "-e",
      events,
      "-o",
      output,
      "--",
      ...workload,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`perf record failed: ${new TextDecoder().decode(stderr)}`);
}

/** The standard output of `perf ARGS`, as text in which each byte is one character. */
export async function perfOutput(...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command("perf", { args, stdin: "null", stderr: "null" }).output();
  return new TextDecoder("latin1").decode(stdout);
}
