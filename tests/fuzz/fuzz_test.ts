import assert from "node:assert/strict";
import { damagedInput, sizeOf } from "./cases.ts";
import { makeIngredients } from "./ingredients.ts";
import { loadSubjects } from "./subjects.ts";
import { fuzz } from "./watch.ts";

/** About a minute with the recordings. `deno task fuzz` runs as long as one likes. */
const SECONDS = 40;
const SEED = 20261121;

Deno.test("recordings of this machine, damaged in every way that means something, are read or refused within bounds", async (t) => {
  const ingredients = await Deno.makeTempDir();
  try {
    await makeIngredients(ingredients);
    await t.step("the same seed makes the same cases, and others than the recordings", () => {
      const [one, other] = [loadSubjects(ingredients), loadSubjects(ingredients)];
      const formats = new Set(one.map(({ format }) => format));
      assert.deepEqual(
        [...formats].sort(),
        [
          "cache",
          "gzip",
          "perf.data",
          "perf.data directory",
          "perfetto",
          "text",
          "trace.dat",
          "tracefs",
          "zstd",
        ],
      );
      let changed = 0;
      for (let number = 0; number < 60; number++) {
        const { subject, files } = damagedInput(one, SEED, number);
        assert.deepEqual(files, damagedInput(other, SEED, number).files);
        if (sizeOf(files) !== sizeOf(subject.whole)) changed++;
        else for (const [path, bytes] of files) if (!equal(bytes, subject.whole.get(path)!)) changed++;
      }
      assert.ok(changed > 50, `${changed} of 60 were damaged`);
    });
    await t.step(`${SECONDS} s of cases`, async () => {
      const tally = await fuzz(ingredients, { seconds: SECONDS, seed: SEED, log: console.log });
      // That two passes over a damaged recording, or a part of it, differ, about one case in ten thousand, is told and not fatal here:
      // what must never be is a crash, a hang, too much memory, or another error than the format's.
      const fatal = [...tally.causes.keys()].filter((cause) =>
        !/AssertionError.*: (switch N: |Expected values to be strictly equal)/.test(cause)
      );
      assert.deepEqual(fatal, [], `${tally}`);
      assert.ok(tally.failed < 10, `${tally}`);
      // On a loaded machine there are fewer.
      assert.ok(tally.cases > 200, `${tally}`);
      assert.equal(tally.rows.size, 9, `${tally}`);
    });
  } finally {
    await Deno.remove(ingredients, { recursive: true });
  }
});

function equal(x: Uint8Array, y: Uint8Array): boolean {
  return x.length === y.length && x.every((byte, i) => byte === y[i]);
}
