import assert from "node:assert/strict";
import { parseCookies } from "../../../lib/sched/core_audit/parse_cookies.ts";

Deno.test("cookies are read line by line; none is no group", () => {
  const groups = parseCookies("# host\n1 0xffff8881\r\n\n 2\t0xffff8881 # qemu\n3 0\n4 0x0\n5 red");
  assert.deepEqual([...groups], [[1, "0xffff8881"], [2, "0xffff8881"], [5, "red"]]);
  for (const line of ["x 1", "1", "1 2 3", "-1 2", "12345678901 2"]) {
    assert.throws(() => parseCookies(`1 a\n${line}`), /^RangeError: Line 2: expected the number/);
  }
});
