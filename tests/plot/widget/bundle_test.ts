import assert from "node:assert/strict";
import { buildBundle } from "../../../lib/plot/widget/build.ts";

Deno.test("the bundle asks for nothing from anywhere, and cannot end the element it stands in", async () => {
  const { WIDGET_SCRIPT } = await import("../../../lib/plot/widget/bundle.ts");
  assert.doesNotMatch(
    WIDGET_SCRIPT,
    /<\/script|<!--|https?:|fetch\(|XMLHttpRequest|WebSocket|import\(|innerHTML|eval\(/i,
  );
  assert.ok(WIDGET_SCRIPT.length < 100_000, `${WIDGET_SCRIPT.length} bytes`);
});

Deno.test({
  name: "the bundle that is kept is what the sources make: else run deno task widget",
  // esbuild's process ends when it likes, which is why this test is also the file's last.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const kept = await Deno.readTextFile(new URL("../../../lib/plot/widget/bundle.ts", import.meta.url));
    assert.ok(kept === await buildBundle(), "lib/plot/widget/bundle.ts is not fresh: run `deno task widget`");
  },
});
