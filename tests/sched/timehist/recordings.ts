/** What perf is made to record. */
export interface RecordingPlan {
  /** Shown in the test's name. */
  readonly name: string;
  /** Options of `perf` before the program. */
  readonly perf: readonly string[];
  /** The program that is recorded. */
  readonly program: readonly string[];
}

const EVENTS = [
  "switch",
  "waking",
  "wakeup_new",
  "migrate_task",
  "process_fork",
  "process_exit",
  "process_exec",
]
  .map((name) => `sched:sched_${name}`).join(",");
const RECORD = ["record", "-q", "-a", "-e", EVENTS];

/** Names that are no UTF-8, that hold controls, that are markup, and that use all of their 15 bytes. */
const NAMES = String.raw`
  for name in '\xff\xfe\x80z' '\x1b[31mred\x07' '<img src=x>' 'é-ü-ß-é-ü' '123456789012345' 'a b\tc'; do
    bash -c "printf '$name' > /proc/self/comm; printf '$name' > /proc/\$\$/comm; for i in 1 2 3; do read -t 0.002 < <(:); done"
  done`;

/** The same tid again and again for different processes. */
const REUSE = `
  for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
    echo 21000 > /proc/sys/kernel/ns_last_pid; (read -t 0.003 < <(:))
    echo 21000 > /proc/sys/kernel/ns_last_pid; /bin/sleep 0.001
  done; true`;

/** Thread ids of seven digits, so that names reach the 31 bytes at which perf cuts them. The sysctl is put back. */
const LONG_IDS = `
  old=$(cat /proc/sys/kernel/pid_max); trap 'echo $old > /proc/sys/kernel/pid_max' EXIT
  echo 4194304 > /proc/sys/kernel/pid_max; echo 4001000 > /proc/sys/kernel/ns_last_pid
  for i in 1 2 3; do
    bash -c 'printf 123456789012345 > /proc/$$/comm; read -t 0.002 < <(:)'
    perf bench -f simple sched messaging -g 1 -l 20 -t >/dev/null
  done`;

export const recordings: readonly RecordingPlan[] = [
  {
    name: "perf bench sched messaging (by perf sched record)",
    perf: ["sched", "record"],
    program: ["perf", "bench", "sched", "messaging", "-g", "4", "-l", "100"],
  },
  {
    name: "perf bench sched messaging with threads",
    perf: [...RECORD, "-m", "2048"],
    program: ["perf", "bench", "sched", "messaging", "-t", "-g", "2", "-l", "100"],
  },
  {
    name: "perf bench sched pipe",
    perf: RECORD,
    program: ["perf", "bench", "sched", "pipe", "-l", "20000"],
  },
  {
    name: "stress-ng that forks and exits",
    perf: [...RECORD, "-m", "2048"],
    program: ["stress-ng", "-q", "--fork", "2", "--switch", "2", "--clone", "1", "-t", "1s"],
  },
  {
    name: "stress-ng with a buffer so small that events are lost",
    perf: [...RECORD, "-m", "1"],
    program: ["stress-ng", "-q", "--switch", "4", "--fork", "2", "--yield", "2", "-t", "1s"],
  },
  { name: "a tid that is used again", perf: RECORD, program: ["bash", "-c", REUSE] },
  { name: "hostile and long names", perf: RECORD, program: ["bash", "-c", NAMES] },
  { name: "thread ids of seven digits", perf: RECORD, program: ["bash", "-c", LONG_IDS] },
  {
    name: "only sched_wakeup, no sched_waking, no migrations",
    perf: ["record", "-q", "-a", "-e", "sched:sched_switch,sched:sched_wakeup,sched:sched_wakeup_new"],
    program: ["perf", "bench", "sched", "pipe", "-l", "2000"],
  },
  {
    name: "one CPU, with a chosen clock",
    perf: ["record", "-q", "-C", "0", "-k", "mono", "-e", EVENTS],
    program: ["perf", "bench", "sched", "messaging", "-g", "1", "-l", "50"],
  },
];

/** Makes a fresh recording at `path`. */
export async function record(plan: RecordingPlan, path: string): Promise<void> {
  const command = new Deno.Command("perf", {
    args: [...plan.perf, "-o", path, "--", ...plan.program],
    stdout: "null",
    stderr: "piped",
  });
  const { code, stderr } = await command.output();
  // What is recorded may fail (a fork bomb that hits a limit); what counts is that there is a recording.
  const { size } = await Deno.stat(path).catch(() => ({ size: 0 }));
  if (size < 1000) {
    throw new Error(
      `perf recorded nothing (exit code ${code}); this test needs root, perf and stress-ng:\n` +
        new TextDecoder().decode(stderr),
    );
  }
}
