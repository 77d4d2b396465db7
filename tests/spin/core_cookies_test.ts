import assert from "node:assert/strict";
import { formatCookies, readCookies } from "../../lib/bench/core_cookies.ts";
import { NativeError } from "../../lib/native/mod.ts";
import { parseCookies } from "../../lib/sched/core_audit/parse_cookies.ts";

Deno.test("cookies are read from the kernel, or it is said why there are none", () => {
  let cookies: Map<number, string>;
  try {
    cookies = readCookies();
  } catch (error) {
    assert.ok(error instanceof NativeError, String(error));
    const reasons = { EINVAL: /without core scheduling \(CONFIG_SCHED_CORE\)/, ENODEV: /no SMT/ };
    const reason = reasons[error.code as keyof typeof reasons];
    assert.match(error.message, reason ?? /never/);
    assert.match(error.message, /^the core-scheduling cookie of thread \d+: /);
    return;
  }
  for (const [tid, cookie] of cookies) assert.match(`${tid} ${cookie}`, /^\d+ 0x[0-9a-f]+$/);
});

Deno.test("what formatCookies() writes, parseCookies() reads; of no threads there are no cookies", () => {
  const cookies = new Map([[7, "0xffff8881"], [12, "0x1"]]);
  assert.equal(formatCookies(cookies), "7 0xffff8881\n12 0x1\n");
  assert.deepEqual(parseCookies(formatCookies(cookies)), cookies);
  assert.equal(readCookies({ tids: [] }).size, 0);
  // A thread that there is not is no error, on a kernel that would have told.
  assert.equal(formatCookies(new Map()), "");
});
