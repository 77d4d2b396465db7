import assert from "node:assert/strict";
import { parseCpuList } from "../../lib/trace/cpu_list.ts";

Deno.test("parseCpuList() reads lists as the kernel writes them", () => {
  assert.deepEqual(parseCpuList("0,2-3\n"), [0, 2, 3]);
  assert.deepEqual(parseCpuList("8,0-1,1"), [0, 1, 8]);
  assert.deepEqual(parseCpuList("\n"), []);
  for (const text of ["a", "3-1", "-1", "0-", "1;2", "0-99999999", "70000", "1,,2"]) {
    assert.throws(() => parseCpuList(text), RangeError, text);
  }
});
