import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { shellWord } from "./guest_shell.ts";

/** A setting of the scheduler, and where the kernels of the last years have it. */
export interface TuningKnob {
  /** What it is. */
  readonly name: string;
  /** What is written. */
  readonly wanted: string;
  /** Files, of which the first that is there is written: sysctl up to 5.12, debugfs since. */
  readonly places: readonly string[];
  /** A feature's file lists all of them, `NO_` before those that are off. Default: the file holds the value. */
  readonly feature?: boolean;
  /** Why a kernel has none of the files. */
  readonly absent: string;
}

const SYSCTL = "/proc/sys/kernel";
const DEBUG = "/sys/kernel/debug";

/** Aspired latency of a vCPU, ns. */
const LATENCY = 30_000_000;
/** Threads on each CPU at most, so the share of the latency that one gets is a sixteenth with all of them on one. */
const THREADS = 16;

/**
 * What the gap benchmark asks of the scheduler: no scaling of its settings by the number of CPUs, a latency of 30 ms, slices of a
 * sixteenth of that, bandwidth handed out in 100 us, and preemption by a timer of its own instead of at the tick.
 *
 * The scaling is written once more at the end: since 5.13 the files in debugfs are plain numbers, and only a write of the scaling makes
 * the kernel compute from them how many threads share the latency (kernel/sched/fair.c, sched_update_scaling).
 */
export const TUNING: readonly TuningKnob[] = [
  {
    name: "tunable_scaling",
    wanted: "0",
    places: [`${SYSCTL}/sched_tunable_scaling`, `${DEBUG}/sched/tunable_scaling`],
    absent: "no debugfs, or the kernel has no CONFIG_SCHED_DEBUG",
  },
  {
    name: "latency",
    wanted: String(LATENCY),
    places: [`${SYSCTL}/sched_latency_ns`, `${DEBUG}/sched/latency_ns`],
    absent: "EEVDF (6.6 and newer) has no latency to aim at, only the slice",
  },
  {
    name: "slice",
    wanted: String(LATENCY / THREADS),
    places: [
      `${SYSCTL}/sched_min_granularity_ns`,
      `${DEBUG}/sched/min_granularity_ns`,
      `${DEBUG}/sched/base_slice_ns`,
    ],
    absent: "no debugfs, or the kernel has no CONFIG_SCHED_DEBUG",
  },
  {
    name: "bandwidth_slice",
    wanted: "100",
    places: [`${SYSCTL}/sched_cfs_bandwidth_slice_us`],
    absent: "the kernel has no CONFIG_CFS_BANDWIDTH",
  },
  {
    name: "HRTICK",
    wanted: "HRTICK",
    places: [`${DEBUG}/sched_features`, `${DEBUG}/sched/features`],
    feature: true,
    absent: "no debugfs, or the kernel has no CONFIG_SCHED_DEBUG",
  },
  {
    name: "schedstats",
    wanted: "1",
    places: [`${SYSCTL}/sched_schedstats`],
    absent: "the kernel has no CONFIG_SCHEDSTATS",
  },
  {
    name: "tunable_scaling",
    wanted: "0",
    places: [`${SYSCTL}/sched_tunable_scaling`, `${DEBUG}/sched/tunable_scaling`],
    absent: "no debugfs, or the kernel has no CONFIG_SCHED_DEBUG",
  },
];

/** Columns of the settings of a run. */
export type TuningColumns = {
  /** The setting. */
  name: DictColumn;
  /** What was to be written. */
  wanted: DictColumn;
  /** The file; empty where the kernel has none. */
  written_where: DictColumn;
  /** What the file says after it. */
  read_back: DictColumn;
  /** `applied`; `differs`: the kernel made something else of it; `refused`: it was not allowed; `absent`: the kernel has no such setting. */
  state: DictColumn<"applied" | "differs" | "refused" | "absent">;
  /** Why it is not as wanted; empty where it is. */
  reason: DictColumn;
};

/** A script that applies `knobs` and prints a line for each: what {@linkcode readTuning} reads. */
export function tuningScript(knobs: readonly TuningKnob[] = TUNING): string {
  // Few programs are started: under emulation they cost more than all else of this.
  return [
    "set_one() {",
    "  kind=$1 wanted=$2 said= found= failed=0; shift 2",
    '  for file in "$@"; do',
    '    [ -e "$file" ] || continue',
    '    { echo "$wanted" > "$file"; } 2>/tmp/schedscope-tuning || failed=1',
    "    read -r said < /tmp/schedscope-tuning",
    // Not by read, which takes a byte at a time: a sysctl gives all it has to the first.
    '    line=$(cat "$file")',
    '    if [ "$kind" = feature ]; then',
    "      for word in $line; do",
    '        case $word in "$wanted"|"NO_$wanted") found=$word;; esac',
    "      done",
    "    else found=$line; fi",
    `    printf '%s\\t%s\\t%s\\t%s\\n' "$file" "$failed" "$found" "$said"`,
    "    return",
    "  done",
    "  echo",
    "}",
    ...knobs.map(({ wanted, places, feature }) =>
      ["set_one", feature ? "feature" : "value", wanted, ...places].map(shellWord).join(" ")
    ),
    "true",
  ].join("\n");
}

/** The table of what {@linkcode tuningScript} of the same `knobs` printed; a setting written twice has one row, that of the last. */
export function readTuning(text: string, knobs: readonly TuningKnob[] = TUNING): Frame<TuningColumns> {
  const lines = text.split("\n");
  const rows = new Map<string, { -readonly [Name in keyof TuningColumns]: string }>();
  for (const [i, { name, wanted, absent }] of knobs.entries()) {
    const [file = "", failed = "", found = "", said = ""] = (lines[i] ?? "").split("\t");
    const state = file === ""
      ? "absent"
      : failed === "1"
      ? "refused"
      : found === wanted
      ? "applied"
      : "differs";
    const reason = {
      applied: "",
      absent,
      refused: said.replace(/^.*: /, "") || "the write failed",
      differs: found === "" ? "the kernel does not know it" : "the kernel made this of it",
    }[state];
    rows.set(name, { name, wanted, written_where: file, read_back: found, state, reason });
  }
  const all = [...rows.values()];
  return new Frame<TuningColumns>({
    name: DictColumn.from(all.map((row) => row.name)),
    wanted: DictColumn.from(all.map((row) => row.wanted)),
    written_where: DictColumn.from(all.map((row) => row.written_where)),
    read_back: DictColumn.from(all.map((row) => row.read_back)),
    state: DictColumn.from(all.map((row) => row.state as "applied")),
    reason: DictColumn.from(all.map((row) => row.reason)),
  });
}
