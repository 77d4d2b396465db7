import { openTrace } from "../../lib/trace/open.ts";

const EVENTS = ["switch", "waking", "wakeup_new", "migrate_task"].map((name) => `sched:sched_${name}`).join(
  ",",
);
const SAMPLES = 1_500_000;

/** Records `perf bench sched messaging` to `path` until it has 1.5 M samples. */
export async function makeMessagingRecording(path: string): Promise<void> {
  for (let loops = 4000;; loops *= 2) {
    const program = ["perf", "bench", "sched", "messaging", "-g", "10", "-l", String(loops)];
    const args = ["record", "-q", "-a", "-m", "16384", "-e", EVENTS, "-o", path, "--", ...program];
    await new Deno.Command("perf", { args, stdout: "null", stderr: "null" }).output();
    if ((await openTrace(path)).stream.length >= SAMPLES) return;
  }
}
