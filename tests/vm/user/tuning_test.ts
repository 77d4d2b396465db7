import assert from "node:assert/strict";
import { readTuning, TUNING, type TuningKnob, tuningScript } from "../../../lib/vm/user/tuning.ts";

/** Runs a script as a guest would. */
async function shell(script: string): Promise<string> {
  const { stdout, stderr, success } = await new Deno.Command("/bin/sh", { args: ["-c", script] }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** The knobs with their files below `root`. */
const below = (root: string): TuningKnob[] =>
  TUNING.map((knob) => ({ ...knob, places: knob.places.map((path) => root + path) }));

async function machine(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await Deno.makeTempDir();
  for (const [path, text] of Object.entries(files)) {
    await Deno.mkdir(`${root}${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
    await Deno.writeTextFile(`${root}${path}`, text);
  }
  return root;
}

Deno.test("a kernel up to 5.12 is tuned by sysctl, and a setting it has twice is written once", async () => {
  const root = await machine({
    "/proc/sys/kernel/sched_tunable_scaling": "1\n",
    "/proc/sys/kernel/sched_latency_ns": "18000000\n",
    "/proc/sys/kernel/sched_min_granularity_ns": "2250000\n",
    "/proc/sys/kernel/sched_cfs_bandwidth_slice_us": "5000\n",
    "/sys/kernel/debug/sched/latency_ns": "untouched\n",
  });
  const knobs = below(root);
  const table = readTuning(await shell(tuningScript(knobs)), knobs);
  const row = (name: string) => [...table.rows()].find((each) => each.name === name)!;
  assert.deepEqual([...table.column("name")], [
    "tunable_scaling",
    "latency",
    "slice",
    "bandwidth_slice",
    "HRTICK",
    "schedstats",
  ]);
  assert.deepEqual({ ...row("latency") }, {
    name: "latency",
    wanted: "30000000",
    written_where: `${root}/proc/sys/kernel/sched_latency_ns`,
    read_back: "30000000",
    state: "applied",
    reason: "",
  });
  assert.equal(row("slice").read_back, "1875000");
  assert.equal(row("bandwidth_slice").read_back, "100");
  assert.equal(row("HRTICK").state, "absent");
  assert.match(row("HRTICK").reason, /debugfs/);
  assert.equal(await Deno.readTextFile(`${root}/sys/kernel/debug/sched/latency_ns`), "untouched\n");
  await Deno.remove(root, { recursive: true });
});

Deno.test("a kernel with EEVDF has a slice and no latency", async () => {
  const root = await machine({
    "/sys/kernel/debug/sched/tunable_scaling": "1\n",
    "/sys/kernel/debug/sched/base_slice_ns": "2100000\n",
  });
  const knobs = below(root);
  const table = readTuning(await shell(tuningScript(knobs)), knobs);
  const state = Object.fromEntries([...table.rows()].map(({ name, state }) => [name, state]));
  assert.deepEqual(state, {
    tunable_scaling: "applied",
    latency: "absent",
    slice: "applied",
    bandwidth_slice: "absent",
    HRTICK: "absent",
    schedstats: "absent",
  });
  assert.equal(await Deno.readTextFile(`${root}/sys/kernel/debug/sched/base_slice_ns`), "1875000\n");
  await Deno.remove(root, { recursive: true });
});

Deno.test("what a kernel refuses, or makes something else of, is told from what it took", () => {
  const table = readTuning(
    [
      "/a/tunable_scaling\t0\t0\t",
      "/a/latency_ns\t1\t24000000\tsh: write error: Invalid argument",
      "/a/base_slice_ns\t0\t3000000\t",
      "",
      "/a/features\t0\tNO_HRTICK\t",
      "/a/schedstats\t0\t1\t",
      "/a/tunable_scaling\t0\t0\t",
    ].join("\n"),
  );
  const seen = [...table.rows()].map(({ name, state, reason }) => `${name} ${state} ${reason}`.trim());
  assert.deepEqual(seen, [
    "tunable_scaling applied",
    "latency refused Invalid argument",
    "slice differs the kernel made this of it",
    "bandwidth_slice absent the kernel has no CONFIG_CFS_BANDWIDTH",
    "HRTICK differs the kernel made this of it",
    "schedstats applied",
  ]);
});

Deno.test("a feature that is on reads back as itself", async () => {
  const root = await machine({ "/sys/kernel/debug/sched/features": "A NO_HRTICK_DL HRTICK NO_B\n" });
  const file = `${root}/sys/kernel/debug/sched/features`;
  const knobs: TuningKnob[] = [{ ...TUNING[4]!, places: [`${root}/none`, file] }];
  // A plain file takes what is written; the kernel's lists all features.
  const script = tuningScript(knobs).replace('echo "$wanted" > "$file"', ":");
  const [row] = [...readTuning(await shell(script), knobs).rows()];
  assert.deepEqual([row!.read_back, row!.state], ["HRTICK", "applied"]);
  await Deno.remove(root, { recursive: true });
});
