import assert from "node:assert/strict";
import { collectiveSwitches } from "../../../lib/sched/core_audit/collective_switch.ts";
import { coreAudit } from "../../../lib/sched/core_audit/core_audit.ts";
import { exposure } from "../../../lib/sched/core_audit/exposure.ts";
import { forcedIdle } from "../../../lib/sched/core_audit/forced_idle.ts";
import { gang } from "../../../lib/sched/core_audit/gang.ts";
import { stealMismatch } from "../../../lib/sched/core_audit/steal_mismatch.ts";
import { coresOf, makeSchedule } from "./make_schedule.ts";

Deno.test("the audit is what its parts are, and its groups ran for as long as their CPUs were theirs", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { trace, groups, known, from, to } = makeSchedule(seed, {
      cpus: 4,
      tasks: 9,
      dropped: seed % 2 * 8,
    });
    const options = { groups, cores: coresOf(4, 2), epsilon: 7 };
    const audit = coreAudit(trace, { ...options, stealWindow: 50 });
    assert.deepEqual(
      [audit.exposure.pairs, audit.exposure.cores].map(String),
      [exposure(trace, options).pairs, exposure(trace, options).cores].map(String),
    );
    const forced = forcedIdle(trace, options);
    assert.deepEqual(
      [audit.forcedIdle.cpus, audit.forcedIdle.groups, audit.forcedIdle.threads].map(String),
      [forced.cpus, forced.groups, forced.threads].map(String),
    );
    assert.equal(String(audit.collective.switches), String(collectiveSwitches(trace, options).switches));
    assert.equal(String(audit.gangs.gangs), String(gang(trace, { groups }).gangs));
    assert.equal(String(audit.steal), String(stealMismatch(trace, { groups, window: 50 })));

    const ran = new Map<string, number>();
    let covered = 0;
    for (let cpu = 0; cpu < 4; cpu++) {
      for (let t = from; t < to; t++) {
        const tid = known(cpu, t);
        if (tid >= 0) covered++;
        if (tid > 0) ran.set(groups.get(tid)!, (ran.get(groups.get(tid)!) ?? 0) + 1);
      }
    }
    assert.deepEqual(new Map([...audit.groups.rows()].map(({ group, run }) => [group, run])), ran);
    assert.ok(Math.abs(audit.coverage - covered / 4 / (to - from)) < 1e-12);
    assert.deepEqual([audit.span, audit.epsilon, audit.cores], [to - from, 7, options.cores]);
    assert.deepEqual(
      [...coreAudit(trace, { ...options, trusted: ["g1"] }).groups.rows()].map(({ group, trust }) =>
        `${group} ${trust}`
      ).sort(),
      [...ran.keys()].map((group) => `${group} ${group === "g1" ? "trusted" : "untrusted"}`).sort(),
    );
  }
});
