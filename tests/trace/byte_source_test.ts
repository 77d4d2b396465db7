import assert from "node:assert/strict";
import { fileSource, memorySource } from "../../lib/trace/byte_source.ts";

Deno.test("a source has nothing behind its end, wherever that is asked for", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, Uint8Array.of(1, 2, 3));
  for (const source of [fileSource(path), memorySource(Uint8Array.of(1, 2, 3))]) {
    using reader = source.open();
    const into = new Uint8Array(2);
    assert.deepEqual([reader.read(into, 2), into[0]], [1, 3]);
    for (const position of [3, 4, 2 ** 31, 2 ** 43, Number.MAX_SAFE_INTEGER]) {
      assert.equal(reader.read(into, position), 0);
    }
    assert.deepEqual([reader.read(into, 0), ...into], [2, 1, 2]);
  }
  await Deno.remove(path);
});
