import assert from "node:assert/strict";
import { allowedCpus } from "../../../lib/bench/allowed_cpus.ts";
import { coreAudit } from "../../../lib/sched/core_audit/core_audit.ts";
import { gang } from "../../../lib/sched/core_audit/gang.ts";
import { stealMismatch } from "../../../lib/sched/core_audit/steal_mismatch.ts";
import { threadGroups } from "../../../lib/sched/thread_groups.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { attempts } from "../../attempts.ts";
import { recordWithPerf } from "../../trace/perf_data/record_with_perf.ts";

type Interval = readonly [from: number, to: number];

/** What a tenant wrote down of itself, ns of CLOCK_MONOTONIC less `epoch`. */
interface Tenant {
  readonly pid: number;
  readonly ran: readonly Interval[];
  readonly wall: readonly Interval[];
}

function tenantOf(text: string, epoch: bigint): Tenant {
  const [pid, ...lines] = text.trim().split("\n");
  const of = (kind: string) =>
    lines.map((line) => line.split(" ")).filter(([first]) => first === kind).map(([, from, to]): Interval => [
      Number(BigInt(from!) - epoch),
      Number(BigInt(to!) - epoch),
    ]);
  return { pid: Number(pid), ran: of("ran"), wall: of("wall") };
}

/** Time that lies in an interval of either list. */
function overlap(a: readonly Interval[], b: readonly Interval[]): number {
  let time = 0;
  for (const [from, to] of a) {
    for (const [start, end] of b) time += Math.max(0, Math.min(to, end) - Math.max(from, start));
  }
  return time;
}

function total(intervals: readonly Interval[]): number {
  return intervals.reduce((sum, [from, to]) => sum + to - from, 0);
}

Deno.test("two tenants of a real machine are exposed for as long as they say themselves", () =>
  attempts(3, async () => {
    const cpus = allowedCpus();
    assert.ok(cpus.length > 1, "the test needs two CPUs");
    const [first, second] = cpus as [number, number];
    const script = new URL("./tenants.py", import.meta.url).pathname;
    const dir = await Deno.makeTempDir();
    try {
      const file = `${dir}/perf.data`;
      // Before the machine's other work. Duty cycles of 3/5 and 3/7, which are beside one another for all phases.
      const tenant = `chrt -f 20 python3 ${script}`;
      const workload = `${tenant} ${first} 30 20 1.5 > ${dir}/a & ` +
        `${tenant} ${second} 15 20 1.5 > ${dir}/b; wait`;
      await recordWithPerf(file, ["sh", "-c", workload]);
      const trace = await openTrace(file);
      const a = tenantOf(await Deno.readTextFile(`${dir}/a`), trace.epoch);
      const b = tenantOf(await Deno.readTextFile(`${dir}/b`), trace.epoch);
      const groups = new Map([[a.pid, "a"], [b.pid, "b"]]);
      const cores = [[first, second]];
      const audit = coreAudit(trace, { groups, cores, others: "trusted" });
      const pairs = [...audit.exposure.pairs.rows()];
      const pair = pairs.find(({ attacker, victim }) => attacker === "a" && victim === "b");
      const message = JSON.stringify({ pair, coverage: audit.coverage });
      assert.ok(pair !== undefined, message);
      // Both had their CPUs for all of `ran`: the audit finds it, or has it in its upper bound where switches are missing.
      const sure = overlap(a.ran, b.ran);
      assert.ok(sure > 20e6, `${sure} ns of ${total(a.ran)} and ${total(b.ran)}`);
      assert.ok(pair.upper > 0.98 * sure - 1e6, `${sure} ns ${message}`);
      // Outside of `wall` they slept, but for their start and end, and the moments around the sleeps.
      const begin = Math.min(a.wall[0]![0], b.wall[0]![0]);
      const end = Math.max(a.wall.at(-1)![1], b.wall.at(-1)![1]);
      const inside = coreAudit(trace.window({ from: begin, to: end }), { groups, cores, others: "trusted" });
      const within = [...inside.exposure.pairs.rows()].find(({ attacker }) => attacker === "a") ??
        { exposed: 0, upper: 0 }; // nobody beside the other within the window, as far as the trace tells
      const most = overlap(a.wall, b.wall);
      const wakeups = (a.wall.length + b.wall.length) * 300e3;
      assert.ok(within.exposed < most + wakeups, `${most} ns ${JSON.stringify(within)}`);
      assert.ok(within.exposed <= within.upper && within.upper <= end - begin + 1);

      // As one group they are not exposed at all, and the attacker is as much a victim.
      const other = pairs.find(({ attacker, victim }) => attacker === "b" && victim === "a")!;
      assert.deepEqual([other.exposed, other.episodes, other.max], [pair.exposed, pair.episodes, pair.max]);
      const same = coreAudit(trace, {
        groups: new Map([[a.pid, "ab"], [b.pid, "ab"]]),
        cores,
        others: "trusted",
      });
      assert.equal(same.exposure.pairs.length, 0);
      // The gang of both: no more time together than either had.
      const gang = same.gangs.gangs.row(0);
      assert.deepEqual([gang.group, gang.members], ["ab", 2]);
      assert.ok(gang.run <= audit.span * 2 && gang.together <= gang.active, JSON.stringify(gang));
      // What two groups may run beside one another is not forced idle: their own CPUs wait for nobody but themselves.
      for (const row of audit.forcedIdle.cpus.rows()) {
        assert.ok(row.forced + row.unknown <= row.idle + 1, JSON.stringify(row));
      }
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  }));

Deno.test("a machine is found by the names of its threads, and its CPUs are a gang that ran for what they say", async () => {
  const script = new URL("./machine.py", import.meta.url).pathname;
  const dir = await Deno.makeTempDir();
  try {
    const file = `${dir}/perf.data`;
    await recordWithPerf(file, ["sh", "-c", `python3 ${script} 0.8 > ${dir}/out`]);
    const [pid, ...lines] = (await Deno.readTextFile(`${dir}/out`)).trim().split("\n");
    const vcpus = lines.map((line) => line.split(" ").map(Number) as [tid: number, used: number]);
    assert.equal(vcpus.length, 2);
    const trace = await openTrace(file);
    const groups = threadGroups(trace, "vm");
    assert.deepEqual(groups.names, [`qemu-system-x86 [${pid}]`]);
    for (const [tid] of vcpus) assert.equal(groups.of(tid), 0);
    assert.equal(groups.of(Number(pid)), 0);
    assert.equal(groups.of(1), -1);

    const { gangs, histogram } = gang(trace);
    assert.equal(gangs.length, 1);
    const row = gangs.row(0);
    assert.deepEqual([row.group, row.members], [groups.names[0], 2]);
    const used = vcpus.reduce((sum, [, ns]) => sum + ns, 0);
    const message = JSON.stringify({ row, used });
    // What the trace does not tell of a virtual CPU is in no other figure; before and after its work each ran for a moment,
    // and what the hypervisor below took counts as run here and not there.
    assert.ok(row.run < 1.15 * used + 50e6, message);
    assert.ok(row.run + 2 * row.unknown > 0.95 * used, message);
    const apart = row.together + row.apart + row.stalled;
    assert.ok(Math.abs(apart - row.active) < 10, message);
    const spread = [...histogram.rows()];
    assert.ok(
      Math.abs(spread.reduce((sum, { running, dur }) => sum + running * dur, 0) - row.run) < 10,
      message,
    );
    for (const window of stealMismatch(trace).rows()) {
      assert.ok(
        window.members === 2 && window.least <= window.most && window.most <= 100e6,
        JSON.stringify(window),
      );
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
