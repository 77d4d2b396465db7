import { fingerprint } from "../../bench/fingerprint.ts";
import { readInterrupts } from "../../bench/interrupts.ts";
import type { SpinResult } from "../../bench/spin_result.ts";
import { readSteal } from "../../bench/steal.ts";
import { explainGaps } from "../../sched/gaps.ts";
import { parseCpuList } from "../../trace/cpu_list.ts";
import { openTrace } from "../../trace/open.ts";
import { LackingError, VmError } from "../errors.ts";
import { guestFiles, guestFilesScript } from "./guest_files.ts";
import { type GuestShell, shellText } from "./guest_shell.ts";
import { INSTANCE, INSTANCE_PATH, startTracing, traceBuffer } from "./guest_trace.ts";
import { chooseIsolation } from "./isolation.ts";
import { type PlantedStall, plantStall } from "./plant.ts";
import { type GuestCounters, readSpinRegion } from "./read_spin_region.ts";
import { readTuning, tuningScript } from "./tuning.ts";
import type { MeasureOptions } from "./user_options.ts";
import { UserMeasurement } from "./user_measurement.ts";

/** What is known of the guest besides what it says itself. */
export interface GuestKnowledge {
  /** Its memory, MiB. */
  readonly memory: number;
  /** Its kernel's configuration, where it is known. */
  readonly config?: ReadonlyMap<string, string>;
}

/** A CPU of the core that the pairs share: on a guest of two cores with two threads each, the second core. */
const CPU_OF_CORE = 2;
const REGION = "/tmp/schedscope-spin.region";
const PID_FILE = "/tmp/schedscope-spin.pid";

/**
 * Runs the gap benchmark in a guest that is up: tunes its scheduler, isolates the pairs, traces, measures until the first gap over
 * `maxGap`, and brings the trace home.
 *
 * Rejects with a {@linkcode LackingError} where the guest's kernel has not the isolation that was asked for, and with a {@linkcode VmError}
 * where something in the guest failed.
 */
export async function measureUser(
  shell: GuestShell,
  guest: GuestKnowledge,
  options: MeasureOptions = {},
): Promise<UserMeasurement> {
  const {
    isolation: asked = "auto",
    seconds = 30,
    maxGap = 100e6,
    pairs = 8,
    output = "/dev/shm/log",
    signal,
  } = options;
  const passing = signal === undefined ? {} : { signal };
  const say = options.onProgress ?? (() => {});
  signal?.throwIfAborted();

  const tuning = readTuning(await shellText(shell, "Tuning the scheduler", tuningScript(), passing));
  const files = guestFiles(
    await shellText(shell, "Looking at the guest", guestFilesScript, passing),
    guest.config,
  );
  const online = parseCpuList(files.read("/sys/devices/system/cpu/online") ?? "0");
  const core = coreOf(files.read);
  if (!core.every((cpu) => online.includes(cpu))) {
    throw new LackingError(
      `The guest has only the CPUs ${online.join(", ")}, and the pairs run on ${core.join(" and ")}`,
      "give it two cores with two threads each",
    );
  }
  const isolation = await chooseIsolation(shell, asked, core, pairs, signal);
  say(`isolation ${isolation.kind}: ${isolation.reason}`);
  const tracing = await startTracing(
    shell,
    options.bufferKb ?? traceBuffer(guest.memory, online.length),
    signal,
  );

  const args = [
    ...["--pairs", `${pairs}`, "--on", core.join(","), ...isolation.spin],
    ...["--duration", `${Math.round(seconds * 1e9)}`, "--max-gap", `${Math.round(maxGap)}`],
    ...["--threshold", "1ms", "--gaps", "256", "--trace", INSTANCE_PATH],
    // The counter's rate is refined over the whole run.
    ...["--brackets", "2", "--bracket", "50ms"],
  ];
  const before = await counters(shell);
  const run = new SpinInGuest(shell, args, online.filter((cpu) => !core.includes(cpu)), seconds, options);
  let planted: PlantedStall | undefined;
  const notes: string[] = [];
  if (options.plant !== undefined) {
    const { plant } = options;
    run.atFirstLine(async () => {
      planted = await plantStall(shell, core[0]!, plant, (reason) => notes.push(`no stall: ${reason}`));
    });
  }
  await run.ended();
  if (options.plant !== undefined && planted === undefined && notes.length === 0) {
    notes.push("no stall was planted: the run ended before");
  }
  say("measured");
  const after = await counters(shell);
  await shellText(shell, "Ending the trace", `echo 0 > ${INSTANCE_PATH}/tracing_on`);
  const print = await fingerprint(null, files);
  const spin = readSpinRegion(await shell.pull(REGION), {
    before,
    after,
    cpus: core,
    fingerprint: print,
    args,
  });
  say("bringing the trace home");
  const pulled = await shell.pullTrace(output, { instance: INSTANCE });
  const trace = await openTrace(pulled.path);
  const cookies = cookiesOf(spin);
  const knowledge = { cores: cores(files.read, online), ...(cookies === undefined ? {} : { cookies }) };
  const ledger = explainGaps(spin.gaps, spin.epoch, trace, knowledge);
  return new UserMeasurement({
    tuning,
    isolation,
    tracing,
    spin,
    trace,
    path: pulled.path,
    lost: pulled.lost,
    ledger,
    knowledge,
    planted,
    lines: run.lines,
    cpus: core,
    notes: [...notes, ...pulled.notes],
  });
}

/** The hardware threads of the core that is measured on: {@linkcode CPU_OF_CORE} and its sibling, or the CPU after it where there is none. */
function coreOf(read: (path: string) => string | null): number[] {
  const text = read(`/sys/devices/system/cpu/cpu${CPU_OF_CORE}/topology/thread_siblings_list`);
  const siblings = text === null ? [] : parseCpuList(text);
  return siblings.length > 1 ? siblings : [CPU_OF_CORE, CPU_OF_CORE + 1];
}

function cores(read: (path: string) => string | null, online: readonly number[]): number[][] {
  const lists = online.map((cpu) =>
    read(`/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`) ?? `${cpu}`
  );
  return [...new Set(lists)].map(parseCpuList);
}

function cookiesOf(spin: SpinResult): Map<number, string> | undefined {
  const found = [...spin.cookies.rows()].filter(({ state }) => state === "has");
  return found.length === 0 ? undefined : new Map(found.map(({ tid, cookie }) => [tid, cookie]));
}

async function counters(shell: GuestShell): Promise<GuestCounters> {
  const text = await shellText(
    shell,
    "Reading counters",
    "cat /proc/interrupts && printf '\\036' && cat /proc/stat",
  );
  const [interrupts = "", stat = ""] = text.split("\x1e");
  return { interrupts: readInterrupts(interrupts), steal: readSteal(stat) };
}

/** schedscope-spin in the guest, its lines as they come. */
class SpinInGuest {
  readonly lines: string[] = [];
  readonly #run: Promise<void>;
  readonly #first = Promise.withResolvers<void>();
  #beside: Promise<void> | undefined;
  #over = false;

  constructor(
    shell: GuestShell,
    args: readonly string[],
    others: readonly number[],
    seconds: number,
    { signal, onLine }: MeasureOptions,
  ) {
    // What is not measured of the program, its coordinator, keeps away from the core.
    const mask = others.reduce((sum, cpu) => sum | 1n << BigInt(cpu), 0n);
    const away = mask === 0n ? [] : ["taskset", `0x${mask.toString(16)}`];
    const command = [...away, "schedscope-spin", ...args, "--shm", REGION].join(" ");
    const utf8 = new TextDecoder();
    let rest = "";
    const take = (line: string) => {
      if (line === "") return;
      this.lines.push(line);
      onLine?.(line);
      if (line.startsWith("Max latency")) this.#first.resolve();
    };
    const stop = () =>
      // What was measured until then is a result as well.
      void shell.exec(["/bin/sh", "-c", `kill -INT $(cat ${PID_FILE})`], { timeout: 10_000 }).catch(() => {});
    this.#run = (async () => {
      signal?.throwIfAborted();
      signal?.addEventListener("abort", stop, { once: true });
      try {
        const { code, signal: killed, stderr } = await shell.exec(
          ["/bin/sh", "-c", `: > ${REGION}; echo $$ > ${PID_FILE}; exec ${command}`],
          {
            timeout: seconds * 1000 + 120_000,
            onStdout(bytes) {
              const lines = (rest + utf8.decode(bytes, { stream: true })).split("\n");
              rest = lines.pop()!;
              lines.forEach(take);
            },
          },
        );
        take(rest);
        if (code === 0) return;
        const said = utf8.decode(stderr).trim().replace(/^schedscope-spin: /, "");
        throw new VmError(
          `schedscope-spin failed in the guest: ${said || `it ended with ${killed ?? `exit code ${code}`}`}`,
        );
      } finally {
        signal?.removeEventListener("abort", stop);
        this.#over = true;
        this.#first.resolve();
      }
    })();
    this.#run.catch(() => {}); // whoever awaits `ended` has the reason
  }

  /** Calls `work` when the first line was printed, and not at all where the run ended before. */
  atFirstLine(work: () => Promise<void>): void {
    this.#beside = this.#first.promise.then(() => this.#over ? undefined : work());
    this.#beside.catch(() => {});
  }

  async ended(): Promise<void> {
    await this.#run;
    await this.#beside;
  }
}
