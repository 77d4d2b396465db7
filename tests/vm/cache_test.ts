import assert from "node:assert/strict";
import { cachedFile, cacheDirectory, cacheKey } from "../../lib/vm/cache.ts";

async function withCache(test: (directory: string) => Promise<void>): Promise<void> {
  const names = ["SCHEDSCOPE_CACHE", "XDG_CACHE_HOME"] as const;
  const before = names.map((name) => Deno.env.get(name));
  const directory = await Deno.makeTempDir();
  Deno.env.set("SCHEDSCOPE_CACHE", directory);
  try {
    await test(directory);
  } finally {
    names.forEach((name, i) =>
      before[i] === undefined ? Deno.env.delete(name) : Deno.env.set(name, before[i])
    );
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("the cache is where its variables say", () =>
  withCache((directory) => {
    assert.equal(cacheDirectory("kernel"), `${directory}/kernel`);
    Deno.env.set("SCHEDSCOPE_CACHE", "here");
    assert.equal(cacheDirectory("kernel"), `${Deno.cwd()}/here/kernel`);
    Deno.env.delete("SCHEDSCOPE_CACHE");
    Deno.env.set("XDG_CACHE_HOME", "/somewhere");
    assert.equal(cacheDirectory("kernel"), "/somewhere/schedscope/kernel");
    Deno.env.delete("XDG_CACHE_HOME");
    assert.equal(cacheDirectory(), `${Deno.env.get("HOME")}/.cache/schedscope`);
    return Promise.resolve();
  }));

Deno.test("a key tells where one part ends and the next begins", () => {
  assert.match(cacheKey("a"), /^[0-9a-f]{64}$/);
  assert.equal(cacheKey("a", "b"), cacheKey(new Uint8Array([97]), "b"));
  assert.equal(new Set([cacheKey("ab"), cacheKey("a", "b"), cacheKey("", "ab"), cacheKey("ab", "")]).size, 4);
});

Deno.test("a file is in the cache whole or not at all, and written once", () =>
  withCache(async (directory) => {
    const files = () => [...Deno.readDirSync(`${directory}/thing`)].map(({ name }) => name);
    await assert.rejects(
      cachedFile("thing", "a", async (temporary) => {
        await Deno.writeTextFile(temporary, "half");
        throw new Error("no more");
      }),
      /no more/,
    );
    assert.deepEqual(files(), []);
    let writes = 0;
    const path = await cachedFile("thing", "a", async (temporary) => {
      writes++;
      await Deno.writeTextFile(temporary, "whole");
      assert.ok(!files().includes("a"));
    });
    assert.equal(await cachedFile("thing", "a", () => Promise.reject(new Error("again"))), path);
    assert.deepEqual([path, await Deno.readTextFile(path), writes], [`${directory}/thing/a`, "whole", 1]);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o644);
  }));

Deno.test("what a killed process left half written is gone after an hour, and not before", () =>
  withCache(async (directory) => {
    await Deno.mkdir(`${directory}/thing`);
    const old = `${directory}/thing/.writing-old`;
    await Deno.writeTextFile(old, "");
    await Deno.writeTextFile(`${directory}/thing/.writing-new`, "");
    const then = Date.now() / 1000 - 4000;
    await Deno.utime(old, then, then);
    await cachedFile("thing", "a", () => Promise.resolve());
    assert.deepEqual([...Deno.readDirSync(`${directory}/thing`)].map(({ name }) => name).sort(), [
      ...[".writing-new", "a"],
    ]);
  }));
