import assert from "node:assert/strict";
import { parseAccounts, vcpuFrame } from "../../../lib/vm/kvm/vcpu_accounts.ts";

const text = (run: number, forced: string) =>
  `thread 71
${run} 300 17
/proc/71/status:Cpus_allowed_list:	2-3
/proc/71/sched:core_forceidle_sum                           :       ${forced}
thread 72
${run + 1} 400 18
/proc/72/status:Cpus_allowed_list:	2-3
`;

Deno.test("the accounts of vCPU threads are what was added between two readings", () => {
  const before = parseAccounts(text(1000, "10.000001"));
  const after = parseAccounts(text(5000, "1012.500000") + "thread 73\n");
  assert.deepEqual([...after.keys()], [71, 72]);
  assert.equal(after.get(71)!.forceidle, 1_012_500_000);
  const frame = vcpuFrame(
    [{ vm: 0, vcpu: 0, tid: 71 }, { vm: 0, vcpu: 1, tid: 72 }, { vm: 1, vcpu: 0, tid: 73 }],
    before,
    after,
    new Map([[71, "0xab"]]),
  );
  assert.equal(frame.length, 2);
  assert.deepEqual([...frame.column("run")], [4000, 4000]);
  assert.deepEqual([...frame.column("forceidle")], [1_002_499_999, NaN]);
  assert.deepEqual([...frame.column("cookie")], ["0xab", ""]);
  assert.deepEqual([...frame.column("cpus")], ["2-3", "2-3"]);
});
