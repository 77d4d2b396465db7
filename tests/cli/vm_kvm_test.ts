import assert from "node:assert/strict";
import { run } from "../../lib/cli/vm_kvm.ts";
import { UsageError } from "../../lib/cli/exit_code.ts";

Deno.test("vm kvm: wrong usage is said before anything is started", async () => {
  const cases: [string[], RegExp][] = [
    [[], /Expected one KERNEL but found 0/],
    [["a", "b"], /Expected one KERNEL but found 2/],
    [["--vms", "0", "k"], /Expected --vms to be from 1 to 64 but found 0/],
    [["--vms", "x", "k"], /Expected --vms to be a whole number/],
    [["--show", "8", "k"], /Expected --show to be from 0 to 7 but found 8/],
    [["--isolation", "magic", "k"], /Expected --isolation to be one of auto, cookies/],
    [["--inner", "xen", "k"], /Expected --inner to be one of auto, kvm, tcg/],
    [["--seconds", "0", "k"], /Expected --seconds to be from 1 s/],
    [["--width", "2s", "k"], /Expected --width to be from/],
    [["--cores", "k"], /no option --cores/],
  ];
  for (const [args, message] of cases) {
    await assert.rejects(run(args), (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("vm kvm: a file that is no kernel is said to be none, before anything is started", async () => {
  await assert.rejects(run(["/nonexistent/bzImage"]), /\/nonexistent\/bzImage/);
  await assert.rejects(run([new URL("vm_kvm_test.ts", import.meta.url).pathname]), /vm_kvm_test\.ts/);
});
