import assert from "node:assert/strict";
import { coreAudit } from "../../lib/sched/core_audit/core_audit.ts";
import { openTrace } from "../../lib/trace/open.ts";
import { recordWithPerf } from "../trace/perf_data/record_with_perf.ts";
import { schedscope } from "./schedscope.ts";

const audited = (...args: string[]) => schedscope(["audit", ...args]);

interface Json {
  span: number;
  coverage: number;
  cores: number[][];
  groups: { group: string; trust: string; run: number }[];
  exposure: { pairs: { attacker: string; victim: string; exposed: number }[]; cores: { exposed: number }[] };
  forced_idle: { cpus: { cpu: number; forced: number }[] };
  gangs: { group: string; members: number }[];
  steal: unknown[];
}

Deno.test("schedscope audit prints what coreAudit() finds, with groups of every kind", async (t) => {
  const dir = await Deno.makeTempDir();
  const file = `${dir}/perf.data`;
  try {
    await recordWithPerf(file, ["perf", "bench", "sched", "messaging", "-g", "2", "-l", "100"]);
    const trace = await openTrace(file);
    const cores = ["--cores", "0,1"];
    const json = async (...args: string[]): Promise<Json> => {
      const { code, out, err } = await audited(file, ...cores, "--json", ...args);
      assert.equal(code, 0, err);
      return JSON.parse(out) as Json;
    };

    await t.step("processes, as the library has them", async () => {
      const found = await json();
      const audit = coreAudit(trace, { cores: [[0, 1]] });
      assert.deepEqual(found.cores, [[0, 1]]);
      assert.deepEqual(found.exposure.pairs, audit.exposure.pairs.toJSON());
      assert.deepEqual(found.forced_idle.cpus, audit.forcedIdle.cpus.toJSON());
      assert.deepEqual(found.gangs, audit.gangs.gangs.toJSON());
      assert.ok(found.exposure.pairs.length > 10 && found.coverage > 0 && found.span > 0);
    });

    await t.step("names, and what is told to be trusted", async () => {
      const found = await json(
        "--group",
        "bench=sched-mess*",
        "--group",
        "perf=perf?,perf",
        "--others",
        "trusted",
      );
      const pairs = new Set(found.exposure.pairs.flatMap(({ attacker, victim }) => [attacker, victim]));
      assert.ok([...pairs].every((name) => name === "bench" || name === "perf"), [...pairs].join());
      const trusted = await json("--group", "bench=sched-*", "--trust", "bench", "-n", "3");
      assert.deepEqual(trusted.exposure.pairs, []);
      assert.equal(trusted.groups.find(({ group }) => group === "bench")?.trust, "trusted");
      assert.ok(trusted.groups.length <= 3);
    });

    await t.step("a part of the recording", async () => {
      const middle = (trace.span.from + trace.span.to) / 2;
      const found = await json("--window", `${Math.round(middle)}ns,`, "--steal-window", "1ms");
      const part = trace.window({ from: Math.round(middle) });
      assert.deepEqual(
        found.exposure,
        JSON.parse(JSON.stringify(coreAudit(part, { cores: [[0, 1]] }).exposure)),
      );
      assert.ok(found.span < trace.span.to - middle + 1);
    });

    await t.step("cookies from a file", async () => {
      const tids = [...new Set(trace.switches.column("next_pid"))].filter((tid) => tid > 0);
      const lines = tids.map((tid, i) => `${tid} ${["0", "0xa1", "0xb2"][i % 3]}`);
      await Deno.writeTextFile(`${dir}/cookies`, `# a snapshot\n${lines.join("\n")}\n`);
      const { code, out, err } = await audited(file, ...cores, "--cookies", `${dir}/cookies`);
      assert.equal(code, 0, err);
      assert.match(out, /^1 core \(0,1\), .*\n\nExposure/);
      assert.match(out, /0xa1 +0xb2/);
      assert.match(out, /Forced idle[^]*Changes of a core[^]*Gangs/);
    });

    await t.step("the cookies of this machine, or why it has none", async () => {
      const { code, out, err } = await audited("--list-cookies");
      assert.ok(code === 0 || (code === 3 && /CONFIG_SCHED_CORE|no SMT/.test(err)), err);
      assert.match(out, /^(?:\d+ 0x[0-9a-f]+\n)*$/);
      assert.equal((await audited("--list-cookies", file)).code, 2);
    });

    await t.step("a host without machines says so", async () => {
      const { code, err } = await audited(file, ...cores, "--by", "vm");
      assert.equal(code, 0);
      assert.match(err, /No virtual machine.*debug-threads=on/);
    });

    await t.step("wrong usage is told with 2, a trace that tells no siblings with 1", async () => {
      const wrong: [string[], RegExp][] = [
        [[], /one FILE but found 0/],
        [[file, "--cores", "0,x"], /--cores.*"0,x"/],
        [[file, ...cores, "--by", "user"], /--by is process, .*"user"/],
        [[file, ...cores, "--by", "vm", "--group", "a=1"], /exclude one another/],
        [[file, ...cores, "--group", "a"], /--group NAME=WHO/],
        [[file, ...cores, "--group", "a=no-such-name"], /"a" fits no thread/],
        [[file, ...cores, "--kthreads", "good"], /--kthreads is trusted, victim, untrusted/],
        [[file, ...cores, "--epsilon", "soon"], /--epsilon/],
        [[file, ...cores, "--window", "1s"], /--window to be FROM,TO/],
      ];
      for (const [args, message] of wrong) {
        const { code, err } = await audited(...args);
        assert.deepEqual([code, message.test(err)], [2, true], err);
      }
      const { code, err } = await audited(file, "--cores", "0");
      assert.deepEqual([code, /at least two CPUs in a core/.test(err)], [1, true], err);
      await Deno.writeTextFile(`${dir}/bad`, "12 0xa 0xb\n");
      const bad = await audited(file, ...cores, "--cookies", `${dir}/bad`);
      assert.deepEqual(
        [bad.code, /Line 1: expected the number of a thread/.test(bad.err)],
        [1, true],
        bad.err,
      );
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
