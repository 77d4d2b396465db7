import assert from "node:assert/strict";
import { openTrace } from "../../../lib/trace/mod.ts";
import { vm } from "../../../lib/vm/run/mod.ts";
import { testKernel } from "../test_kernel.ts";

Deno.test("none against cookies in real guests, interrupted after the first and taken up again", async () => {
  const { path, release } = await testKernel();
  const journal = await Deno.makeTempDir();
  try {
    const controller = new AbortController();
    const done: string[] = [];
    const options = {
      kernels: { [release]: path },
      repeats: 1,
      seconds: 2,
      options: { pairs: 4, memory: 384 },
      journal,
      traces: true,
      onProgress: ({ text }: { text: string }) => console.log(`  ${text}`),
    };
    const cut = await vm.matrix({
      ...options,
      signal: controller.signal,
      onCell({ isolation, failure }) {
        assert.equal(failure, null);
        done.push(isolation);
        // In the middle of the boot of the second.
        setTimeout(() => controller.abort(new Error("enough")), 1000);
      },
    });
    assert.deepEqual([done, cut.complete, cut.cells.length], [["none"], false, 1]);
    const result = await vm.matrix({ ...options, signal: AbortSignal.timeout(240_000) });
    console.log(String(result));
    assert.ok(result.complete);
    const [none, cookies] = result.cells;
    assert.deepEqual([none!.resumed, cookies!.resumed], [true, false]);
    assert.deepEqual([none!.actual, cookies!.actual], ["none", "cookies"]);
    // 8 threads on 2 hardware threads: only cookies let one of them idle although somebody waits.
    assert.ok(!(none!.metrics["forced_idle_share"]! > 0.02), `${none!.metrics["forced_idle_share"]}`);
    assert.ok(cookies!.metrics["forced_idle_share"]! > 0.005, `${cookies!.metrics["forced_idle_share"]}`);
    for (const { metrics, fingerprint } of result.cells) {
      assert.ok(metrics["max_gap"]! >= metrics["mean_gap"]! && metrics["mean_gap"]! > 0);
      assert.ok(metrics["jain"]! > 0.5 && metrics["jain"]! <= 1);
      assert.equal(fingerprint!.release, release);
      assert.equal(fingerprint!.guest!.kernel, release);
    }
    const row = result.compare({ isolation: "none" }, { isolation: "cookies" }).row(0);
    assert.deepEqual([row.verdict, row.n_a, row.n_b], ["too few runs", 1, 1]);
    const traces = [...Deno.readDirSync(journal)].filter(({ name }) => name.endsWith(".trace"));
    assert.equal(traces.length, 2);
    for (const { name } of traces) assert.ok((await openTrace(`${journal}/${name}`)).switches.length > 20);
  } finally {
    await Deno.remove(journal, { recursive: true });
  }
});
