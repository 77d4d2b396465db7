import { openTrace } from "../../lib/trace/open.ts";
import { writePerfetto } from "../../lib/trace/perfetto/mod.ts";
import { startTracefs } from "../../lib/trace/record/tracefs.ts";
import { toBigEndian } from "../trace/perf_data/to_big_endian.ts";
import { makeSwitches } from "../trace/record/busy.ts";
import { makeTraceDat, piecesOf, type TraceDatPieces } from "../trace/trace_dat/make_trace_dat.ts";

const EVENTS = "sched:sched_switch,sched:sched_waking,sched:sched_process_exit";
const MANY =
  `${EVENTS},sched:sched_migrate_task,sched:sched_process_exec,sched:sched_process_fork,irq:*,signal:*,` +
  "task:task_rename,timer:timer_start";

/** Ways of perf to record: its arguments by the name of the file, or of the directory, that is made. */
const PERF: Readonly<Record<string, readonly string[]>> = {
  "plain": ["-e", EVENTS],
  "zstd": ["-z", "-e", EVENTS],
  "pipe": ["-e", EVENTS, "-o", "-"],
  "zstd-pipe": ["-z", "-e", EVENTS, "-o", "-"],
  "call-chains": ["-g", "-e", EVENTS],
  "stacks": ["--call-graph", "dwarf,512", "-d", "-P", "-e", EVENTS],
  "many-events": ["-e", MANY],
  "one-event": ["-e", "sched:sched_switch"],
  "group": ["-e", "{sched:sched_switch,sched:sched_waking}:S"],
  "other-records": ["--switch-events", "--namespaces", "--all-cgroups", "-e", `${EVENTS},dummy:u`],
  "threads": ["--threads", "-e", EVENTS],
  "zstd-threads": ["-z", "--threads", "-e", EVENTS],
};

/** Records this machine in every way that there is, small, into `directory`. */
export async function makeIngredients(directory: string): Promise<void> {
  for (const [name, args] of Object.entries(PERF)) await recordWithPerf(`${directory}/${name}.perf`, args);
  const plain = await Deno.readFile(`${directory}/plain.perf`);
  await Deno.writeFile(`${directory}/big-endian.perf`, toBigEndian(plain));
  await recordTracefs(`${directory}/capture.tracefs`);
  const dat = makeTraceDat({ ...smallPieces(`${directory}/capture.tracefs`, 20), version: 6 });
  await Deno.writeFile(`${directory}/whole.dat`, dat);
  await writeText(`${directory}/trace-cmd.txt`, 250, "trace-cmd", "report", "-i", `${directory}/whole.dat`);
  await writeText(
    `${directory}/trace-cmd-raw.txt`,
    250,
    "trace-cmd",
    "report",
    "-R",
    "-t",
    "-i",
    `${directory}/whole.dat`,
  );
  await Deno.remove(`${directory}/whole.dat`);
  const many = `${directory}/many-events.perf`;
  await writeText(`${directory}/perf-script.txt`, 250, "perf", "script", "--header", "-i", many);
  await writeText(`${directory}/perf-script-ns.txt`, 250, "perf", "script", "--ns", "-F", "+pid", "-i", many);
  const one = `${directory}/plain.perf`;
  await writePerfetto(await openTrace(one), `${directory}/plain.perfetto`);
  await writePerfetto(await openTrace(many), `${directory}/many-events.perfetto`);
  await openTrace(one, { cache: `${directory}/cache` });
  await writeText(
    `${directory}/timehist.txt`,
    250,
    "perf",
    "sched",
    "timehist",
    "-wMV",
    "--state",
    "-i",
    one,
  );
  await writeText(`${directory}/timehist-short.txt`, 250, "perf", "sched", "timehist", "-i", one);
}

async function recordWithPerf(path: string, args: readonly string[]): Promise<void> {
  const toPipe = args.includes("-");
  const workload = "for i in 1 2 3; do /bin/true; done; exec perf bench sched pipe -l 60 >&2";
  const { success, stdout, stderr } = await new Deno.Command("perf", {
    args: [
      ...["record", "-a", "-m", "64K", "-k", "CLOCK_MONOTONIC", ...(toPipe ? [] : ["-o", path])],
      ...args,
      ...["--", "sh", "-c", workload],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`perf record ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  if (toPipe) await Deno.writeFile(path, stdout);
}

async function recordTracefs(output: string): Promise<void> {
  await using recorder = await startTracefs({ output, irq: true, drainEvery: 0, bufferKb: 64 });
  await makeSwitches(150);
  await recorder.stop();
}

/** The first `most` lines that a program prints. */
async function writeText(path: string, most: number, program: string, ...args: string[]): Promise<void> {
  const { stdout } = await new Deno.Command(program, { args, stdin: "null", stderr: "null" }).output();
  let end = 0;
  for (let line = 0; line < most && end >= 0; line++) end = stdout.indexOf(10, end) + 1 || -1;
  await Deno.writeFile(path, end < 0 ? stdout : stdout.subarray(0, end));
}

/** Some events of the capture at `path`, and the first `pages` pages of each CPU. */
export function smallPieces(path: string, pages = 5): TraceDatPieces {
  const pieces = piecesOf(path);
  const keep =
    /^name: (sched_switch|sched_waking|sched_migrate_task|sched_process_exec|irq_handler_entry|print)$/m;
  const decoder = new TextDecoder();
  return {
    ...pieces,
    formats: new Map(
      [...pieces.formats].map((
        [system, texts],
      ) => [system, texts.filter((text) => keep.test(decoder.decode(text)))]),
    ),
    savedNames: pieces.savedNames.subarray(0, 400),
    buffers: [{
      name: "",
      clock: "mono",
      cpus: pieces.buffers[0]!.cpus.map((cpu) => cpu.subarray(0, 4096 * pages)),
    }],
    chunk: 8192,
  };
}
