import assert from "node:assert/strict";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { openTrace } from "../../../lib/trace/open.ts";
import { writeTraceDat } from "../../../lib/trace/trace_dat/mod.ts";
import { perfOutput, recordWithPerf } from "../perf_data/record_with_perf.ts";
import { capture } from "../trace_dat/trace_cmd.ts";
import { assertIdentical } from "./identical.ts";

/** A recording in which tasks have names of any bytes. */
async function makeRecording(directory: string): Promise<string> {
  const path = `${directory}/perf.data`;
  const script = `
    cd "$0"
    for name in "$(printf 'ev\\377il\\001x')" 'two words' '<b>' "$(printf 'l\\nf')" 'é漢'; do
      cp /bin/true "./$name"; "./$name"
    done
    perf bench sched messaging -g 1 -l 20`;
  await recordWithPerf(path, ["bash", "-c", script, directory]);
  return path;
}

const made = await Deno.makeTempDir({ prefix: "schedscope-cache-test-" });
const perfData = await makeRecording(made);
globalThis.addEventListener("unload", () => Deno.removeSync(made, { recursive: true }));

async function withCache(work: (cache: string) => Promise<void>): Promise<void> {
  const cache = await Deno.makeTempDir();
  try {
    await work(cache);
  } finally {
    await Deno.remove(cache, { recursive: true }).catch(() => {});
  }
}

/** The directories of entries, without what is beside them. */
function entries(cache: string): string[] {
  return [...Deno.readDirSync(cache)].map(({ name }) => name).sort();
}

/** Opens `path` by the cache, which must have it. */
async function fromCache(path: string, cache: string, options = {}): ReturnType<typeof openTrace> {
  const [entry] = entries(cache);
  const before = Deno.statSync(`${cache}/${entry}/stream.arrow`).ino;
  // A trace that comes out of the cache does not read the recording.
  const trace = await openTrace(path, { cache, ...options });
  assert.equal(Deno.statSync(`${cache}/${entry}/stream.arrow`).ino, before);
  assert.ok(Object.getOwnPropertyDescriptor(trace.stream, "pid")!.get !== undefined, "not out of the cache");
  return trace;
}

Deno.test("what comes out of the cache is what is in the recording, bit by bit: every format", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const tracefs = await capture(directory, 300);
    const dat = `${directory}/trace.dat`;
    await writeTraceDat(tracefs, dat);
    const text = `${directory}/script.txt`;
    const latin1 = (string: string) => Uint8Array.from(string, (char) => char.charCodeAt(0));
    await Deno.writeFile(text, latin1(await perfOutput("script", "--ns", "-i", perfData)));
    const timehist = `${directory}/timehist.txt`;
    await Deno.writeFile(
      timehist,
      latin1(await perfOutput("sched", "timehist", "-w", "--state", "-i", perfData)),
    );
    const gz = `${directory}/perf.data.gz`;
    await Deno.writeFile(gz, gzipSync(await Deno.readFile(perfData)));
    const zst = `${directory}/trace.dat.zst`;
    await Deno.writeFile(zst, zstdCompressSync(await Deno.readFile(dat)));
    for (const path of [perfData, tracefs, dat, text, timehist, gz, zst]) {
      await withCache(async (cache) => {
        const plain = await openTrace(path, { cache: false });
        assertIdentical(await openTrace(path, { cache }), plain);
        assert.equal(entries(cache).length, 1, path);
        assertIdentical(await fromCache(path, cache), plain);
      });
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("what info prints needs no column of the stream", async () => {
  await withCache(async (cache) => {
    await openTrace(perfData, { cache });
    const trace = await fromCache(perfData, cache);
    const { quality, span, counts, host } = trace;
    assert.ok(
      quality.coverage.row(0).share > 0 && span.to > 0 && counts.size > 0 && host.release !== undefined,
    );
    for (const name of ["kind", "ts", "cpu", "pid", "tid", "a", "b", "c"]) {
      assert.ok(Object.getOwnPropertyDescriptor(trace.stream, name)!.get !== undefined, `${name} was read`);
    }
    assert.ok(trace.stream.ts.length > 0);
    assert.ok(Object.getOwnPropertyDescriptor(trace.stream, "ts")!.get === undefined, "kept");
  });
});

Deno.test("names of any bytes are in the recording that these tests have", async () => {
  const trace = await openTrace(perfData);
  const names = new Set(trace.exactNames("sched:sched_switch", "prev_comm").dictionary);
  assert.ok([...names].some((name) => !name.isWellFormed()), "a name that is not UTF-8");
  assert.ok(names.has("two words"));
});

Deno.test("a recording that has changed is read again, also where size and modification time are as before", async () => {
  await withCache(async (cache) => {
    const path = `${cache}.data`;
    try {
      await Deno.copyFile(perfData, path);
      await openTrace(path, { cache });
      const { mtime } = await Deno.stat(path);
      // The last record's CPU and more: other events of another machine.
      const bytes = await Deno.readFile(path);
      const at = Number(new DataView(bytes.buffer).getBigUint64(40, true)) + 4096;
      await Deno.writeFile(path, bytes.fill(0, at, at + 64));
      await Deno.utime(path, mtime!, mtime!);
      assertIdentical(await openTrace(path, { cache }), await openTrace(path));
      assert.equal(entries(cache).length, 1);
      assertIdentical(await fromCache(path, cache), await openTrace(path));
    } finally {
      await Deno.remove(path);
    }
  });
});

Deno.test("another path to the same file is the same entry, with the path that was given", async () => {
  await withCache(async (cache) => {
    const link = `${cache}.link`;
    await Deno.symlink(perfData, link);
    try {
      await openTrace(perfData, { cache });
      assert.equal((await fromCache(link, cache)).path, link);
      assert.equal((await fromCache(perfData, cache)).path, perfData);
    } finally {
      await Deno.remove(link);
    }
  });
});

Deno.test("parts of a trace come out of a full entry, and make none", async () => {
  await withCache(async (cache) => {
    const { span } = await openTrace(perfData);
    const window = { from: span.to * 0.4, to: span.to * 0.6 };
    const part = { window, events: ["sched:sched_switch"] };
    const plain = await openTrace(perfData, part);
    await openTrace(perfData, { cache, ...part });
    assert.deepEqual(entries(cache), []);
    await openTrace(perfData, { cache });
    await Deno.remove(cache, { recursive: true });
    await Deno.mkdir(cache);
    await openTrace(perfData, { cache, lazy: true });
    assert.deepEqual(entries(cache), []);
    await openTrace(perfData, { cache });
    const cached = await openTrace(perfData, { cache, ...part });
    assert.deepEqual([...cached.counts], [...plain.counts]);
    assert.deepEqual(cached.stream.ts, plain.stream.ts);
    assert.deepEqual([...cached.switches.rows()], [...plain.switches.rows()]);
  });
});

/** Damages a file of the entry, with the modification time it had. */
async function damage(file: string, change: (bytes: Uint8Array) => Uint8Array): Promise<void> {
  const reference = await Deno.makeTempFile();
  const touch = async (from: string, to: string) =>
    assert.ok((await new Deno.Command("touch", { args: ["-r", from, to] }).output()).success);
  try {
    await touch(file, reference);
    await Deno.writeFile(file, change(await Deno.readFile(file)));
    await touch(reference, file);
  } finally {
    await Deno.remove(reference);
  }
}

const flipped = (at: (length: number) => number) => (bytes: Uint8Array) => {
  bytes[at(bytes.length)]! ^= 0x10;
  return bytes;
};

Deno.test("an entry that is damaged is never believed: it is made again", async () => {
  const plain = await openTrace(perfData);
  await withCache(async (cache) => {
    await openTrace(perfData, { cache });
    const [entry] = entries(cache);
    for (const name of ["meta.json", "stream.arrow", "e0.arrow", "e0.texts.json", "coverage.arrow"]) {
      // What is not as long as it was, has another time or is not there is seen at once.
      const file = `${cache}/${entry}/${name}`;
      const seen: (() => Promise<void>)[] = [
        () => damage(file, (bytes) => bytes.slice(0, bytes.length >> 1)),
        () => Deno.readFile(file).then((bytes) => Deno.writeFile(file, flipped((n) => n >> 1)(bytes))),
        () => Deno.remove(file),
        () => Deno.writeFile(file, new Uint8Array()),
      ];
      for (const change of seen) {
        await change();
        const trace = await openTrace(perfData, { cache });
        assert.deepEqual(trace.stream.ts, plain.stream.ts);
        const kept = await fromCache(perfData, cache);
        assert.deepEqual(kept.switches.column("next_comm"), plain.switches.column("next_comm"));
      }
    }
    for (let at = 0; at < 20; at++) {
      await damage(`${cache}/${entry}/meta.json`, flipped((length) => Math.floor(length * at / 20)));
      assert.deepEqual((await openTrace(perfData, { cache })).stream.ts, plain.stream.ts);
    }
  });
});

Deno.test("bits that turn on the disk are found when they are read, and the entry is made again", async () => {
  const plain = await openTrace(perfData);
  await withCache(async (cache) => {
    await openTrace(perfData, { cache });
    const [entry] = entries(cache);
    let found = 0;
    for (const name of ["stream.arrow", "e0.arrow", "e0.texts.json"]) {
      for (const at of [1, 3, 5, 7, 9]) {
        await damage(`${cache}/${entry}/${name}`, flipped((length) => Math.floor(length * at / 10)));
        const trace = await openTrace(perfData, { cache });
        try {
          // What lies between the columns does no harm.
          assertIdentical(trace, plain);
        } catch (error) {
          found++;
          assert.match((error as Error).message, /cache of this trace, was damaged.*open the trace again/);
          assertIdentical(await openTrace(perfData, { cache }), plain);
        }
      }
    }
    assert.ok(found > 7, `${found} of 15`);
  });
});

Deno.test("where nothing can be written, or the cache is no directory, opening works", async () => {
  const plain = await openTrace(perfData);
  await withCache(async (cache) => {
    await Deno.writeTextFile(`${cache}/file`, "");
    assert.deepEqual((await openTrace(perfData, { cache: `${cache}/file` })).stream.ts, plain.stream.ts);
    const small = `${cache}/small`;
    await Deno.mkdir(small);
    const mount = await new Deno.Command("mount", { args: ["-t", "tmpfs", "-o", "size=100k", "none", small] })
      .output();
    assert.ok(mount.success);
    try {
      assert.deepEqual((await openTrace(perfData, { cache: small })).stream.ts, plain.stream.ts);
      assert.deepEqual(entries(small), []);
    } finally {
      await new Deno.Command("umount", { args: [small] }).output();
    }
    // One that may only be read is read.
    await openTrace(perfData, { cache: `${cache}/read` });
    const args = ["--bind", "-o", "ro", `${cache}/read`, small];
    assert.ok((await new Deno.Command("mount", { args }).output()).success);
    try {
      assertIdentical(await fromCache(perfData, small), plain);
    } finally {
      await new Deno.Command("umount", { args: [small] }).output();
    }
  });
});

Deno.test("what is no recording is refused as without a cache, and no entry is made", async () => {
  await withCache(async (cache) => {
    for (const path of ["/", "/proc/self/status", `${cache}/nothing`, "/dev/null"]) {
      const message = async (options: { cache: string | false }) => {
        try {
          await openTrace(path, options);
        } catch (error) {
          return (error as Error).message;
        }
        throw new Error(`${path} was opened`);
      };
      assert.equal(await message({ cache }), await message({ cache: false }));
      assert.deepEqual(entries(cache), []);
    }
  });
});

Deno.test("several processes at once: each has the trace, and one entry is left", async () => {
  await withCache(async (cache) => {
    const script = `
      const { openTrace } = await import(${
      JSON.stringify(new URL("../../../lib/trace/open.ts", import.meta.url).href)
    });
      let sum = 0;
      for (let i = 0; i < 3; i++) {
        const { ts } = (await openTrace(Deno.args[0], { cache: Deno.args[1] })).stream;
        sum += ts.reduce((x, y) => x + y, 0);
      }
      console.log(sum);`;
    const file = `${cache}.ts`;
    await Deno.writeTextFile(file, script);
    try {
      const args = ["run", "-A", "--no-check", "--config", "deno.json", file, perfData, cache];
      const all = await Promise.all(
        Array.from({ length: 4 }, () => new Deno.Command(Deno.execPath(), { args }).output()),
      );
      const texts = all.map(({ stdout, stderr }) =>
        new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr)
      );
      const { ts } = (await openTrace(perfData)).stream;
      for (const text of texts) assert.equal(text, `${3 * ts.reduce((x, y) => x + y, 0)}\n`);
      assert.equal(entries(cache).length, 1);
    } finally {
      await Deno.remove(file);
    }
  });
});

Deno.test("the cache is bounded: what was used longest ago goes, what is open stays", async () => {
  await withCache(async (cache) => {
    const paths = ["a", "b", "c"].map((name) => `${cache}.${name}`);
    try {
      for (const path of paths) await Deno.copyFile(perfData, path);
      // By processes of their own: what this one has opened it would keep.
      const open = async (path: string, size: string) => {
        const code = `await (await import(${
          JSON.stringify(new URL("../../../lib/trace/open.ts", import.meta.url).href)
        })).openTrace(Deno.args[0], { cache: Deno.args[1], cacheSize: Number(Deno.args[2]) });`;
        const args = ["eval", "--config", "deno.json", code, path, cache, size];
        const { success, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
        assert.ok(success, new TextDecoder().decode(stderr));
      };
      const used = async (name: string, hours: number) => {
        const at = new Date(Date.now() - hours * 3_600_000);
        const entry = entries(cache).find((entry) => entry.includes(name))!;
        await Deno.utime(`${cache}/${entry}/meta.json`, at, at);
      };
      await open(paths[0]!, "Infinity");
      await open(paths[1]!, "Infinity");
      await used(".a", 1);
      await used(".b", 2);
      const one = entries(cache).map((entry) =>
        [...Deno.readDirSync(`${cache}/${entry}`)].reduce(
          (sum, { name }) => sum + Deno.statSync(`${cache}/${entry}/${name}`).size,
          0,
        )
      )[0]!;
      await open(paths[2]!, String(2.5 * one));
      assert.deepEqual(entries(cache).map((name) => name.split("-")[0]!.slice(-2)), [".a", ".c"]);
      // Both were used in the last ten minutes: another process may be reading them.
      await open(paths[0]!, "0");
      await open(paths[1]!, "0");
      assert.equal(entries(cache).length, 3);
    } finally {
      for (const path of paths) await Deno.remove(path);
    }
  });
});

Deno.test("SCHEDSCOPE_CACHE and XDG_CACHE_HOME say where, cache: false that there is none", async () => {
  await withCache(async (cache) => {
    Deno.env.set("SCHEDSCOPE_CACHE", `${cache}/here`);
    Deno.env.set("XDG_CACHE_HOME", `${cache}/home`);
    try {
      await openTrace(perfData, { cache: false });
      assert.deepEqual(entries(cache), []);
      await openTrace(perfData);
      assert.deepEqual(entries(cache), ["here"]);
      await fromCache(perfData, `${cache}/here`, { cache: undefined });
      await openTrace(perfData, { cache: true });
      assert.equal(entries(`${cache}/home/schedscope/traces`).length, 1);
    } finally {
      Deno.env.delete("SCHEDSCOPE_CACHE");
      Deno.env.delete("XDG_CACHE_HOME");
    }
  });
});

Deno.test("an interrupt leaves no half entry", async () => {
  await withCache(async (cache) => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("stopped")), 5);
    await assert.rejects(async () => {
      for (;;) {
        await openTrace(perfData, { cache, signal: stop.signal });
        await Deno.remove(cache, { recursive: true });
      }
    }, /stopped/);
    const left = await Deno.stat(cache).then(() => entries(cache), () => []);
    assert.ok(left.every((name) => !name.includes("partial")), left.join());
  });
});
