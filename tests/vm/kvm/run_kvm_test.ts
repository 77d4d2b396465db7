import assert from "node:assert/strict";
import { LackingError, runKvm, VmError } from "../../../lib/vm/mod.ts";
import { testKernel } from "../test_kernel.ts";

/** How long they are measured. */
const SECONDS = 6;

Deno.test("two inner guests are copied from one, isolated, let go and measured", async () => {
  const { path } = await testKernel();
  const lines: string[] = [];
  const live: number[] = [];
  const result = await runKvm({
    kernel: path,
    vms: 2,
    seconds: SECONDS,
    onSample: (vm) => live.push(vm),
    onProgress: (text) => lines.push(text),
    // Nothing may keep the tests for ever; a busy neighbour makes an emulated guest ten times slower.
    signal: AbortSignal.timeout(400_000),
  });
  const said = `${lines.join("\n")}\n${result}`;
  assert.equal(result.interrupted, false, said);
  assert.deepEqual(result.vms.map(({ state }) => state), ["measured", "measured"], said);
  // What was told live is what the consoles hold; the last lines may still have been on their way.
  assert.ok(live.length >= result.samples.length && result.samples.length >= 2, said);
  const { cpu, inner, outer, seq, count } = Object.fromEntries(
    (["cpu", "inner", "outer", "seq", "count"] as const).map((name) => [name, result.samples.column(name)]),
  ) as Record<string, Float64Array>;
  for (let row = 0; row < result.samples.length; row++) {
    assert.ok(cpu![row] === 0 || cpu![row] === 1);
    assert.ok(Math.max(inner![row]!, outer![row]!) > 10_000, "the kernel's own threshold is 10 us");
    assert.ok(seq![row]! >= 1 && count![row]! >= 1);
  }
  assert.deepEqual([...result.summary.column("vm")], ["0", "1"]);
  // Two vCPUs of each, pinned to the two CPUs, and accounted for.
  assert.equal(result.vcpus.length, 4, said);
  assert.deepEqual(new Set(result.vcpus.column("cpus")), new Set(["2-3"]), said);
  assert.ok(result.vcpus.column("run").every((run) => run > 0), said);
  // An emulated guest of 6.12 shows hardware threads, and the kernel has core scheduling: each inner guest has its own cookie.
  assert.equal(result.isolation.kind, "cookies", said);
  const cookies = [...result.vcpus.column("cookie")];
  assert.ok(cookies[0] !== "" && cookies[0] === cookies[1] && cookies[2] === cookies[3], said);
  assert.notEqual(cookies[0], cookies[2], said);
  assert.ok(result.vcpus.column("forceidle").some((forced) => forced > 0), said);
  assert.ok(result.allTracing > 0, said);
  const { samples, schema } = JSON.parse(JSON.stringify(result));
  assert.equal(schema, "schedscope-vm-kvm/1");
  assert.equal(samples.length, result.samples.length);
});

Deno.test("what makes no run is said in a sentence", async () => {
  await assert.rejects(runKvm({ kernel: "k", vms: 0 }), (error) => {
    assert.ok(error instanceof VmError && !(error instanceof LackingError));
    assert.match(error.message, /Expected vms to be from 1 to 64 but found 0/);
    return true;
  });
  await assert.rejects(runKvm({ kernel: "k", width: 2e9 }), /Expected width to be from 1000 to 1000000000/);
  await assert.rejects(
    runKvm({ kernel: "k", signal: AbortSignal.abort(new DOMException("no", "AbortError")) }),
    /no/,
  );
});
