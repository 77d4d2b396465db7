import assert from "node:assert/strict";
import { nativeProgram } from "../../lib/native/mod.ts";

Deno.test("the sampling loop takes at most 1.3 times the period of a bare one", () => {
  const ratios = Array.from({ length: 5 }, () => {
    const { stdout } = new Deno.Command(nativeProgram("schedscope-spin"), { args: ["--bench-loop"] })
      .outputSync();
    return JSON.parse(new TextDecoder().decode(stdout)).ratio as number;
  }).sort((a, b) => a - b);
  console.log(`  ratios ${ratios.map((ratio) => ratio.toFixed(3)).join(" ")}`);
  assert.ok(ratios[2]! > 0.8 && ratios[2]! <= 1.3, `median ratio ${ratios[2]}`);
});
