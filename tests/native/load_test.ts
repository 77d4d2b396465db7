import assert from "node:assert/strict";
import {
  buildNative,
  loadNative,
  NativeError,
  NativeLoadError,
  nativeProgram,
  unwrap,
} from "../../lib/native/mod.ts";

/** Runs `body` with environment variables set, and sets them back. */
function withEnv<T>(values: Record<string, string>, body: () => T): T {
  const before = Object.keys(values).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(values)) Deno.env.set(name, value);
  try {
    return body();
  } finally {
    for (const [name, value] of before) {
      value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
    }
  }
}

function thrown(body: () => unknown): Error {
  try {
    body();
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
  throw new assert.AssertionError({ message: "nothing was thrown" });
}

Deno.test("the library opens, and its functions tell what Deno and the kernel tell", () => {
  using native = loadNative();
  const tid = native.symbols.schedscope_gettid();
  assert.ok(Deno.statSync(`/proc/self/task/${tid}`).isDirectory);
  const mask = new Uint8Array(128);
  const size = unwrap(native.symbols.schedscope_affinity_get(0, mask, mask.length), "affinity");
  const bits = mask.subarray(0, size).reduce((n, byte) => n + byte.toString(2).replaceAll("0", "").length, 0);
  const status = Deno.readTextFileSync(`/proc/self/task/${tid}/status`);
  const list = status.match(/^Cpus_allowed_list:\s*(\S+)/m)![1]!;
  const allowed = list.split(",").reduce((n, part) => {
    const [from, to] = part.split("-").map(Number);
    return n + (to ?? from!) - from! + 1;
  }, 0);
  assert.equal(bits, allowed);
  const error = thrown(() =>
    unwrap(native.symbols.schedscope_affinity_set(0, new Uint8Array(8), 8), "set the affinity")
  );
  assert.ok(error instanceof NativeError);
  assert.equal(error.code, "EINVAL");
  assert.equal(error.errno, 22);
  assert.match(error.message, /^set the affinity: .*\(EINVAL\)$/);
});

Deno.test("the counter calibrates to what a second look says", async () => {
  using native = loadNative();
  const info = new Float64Array(5), source = new Uint8Array(32);
  unwrap(await native.symbols.schedscope_tsc_info(2, 50, info, source, source.length), "calibrate");
  const a = new BigUint64Array(2), b = new BigUint64Array(2);
  native.symbols.schedscope_tsc_pair(a);
  const start = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 200));
  native.symbols.schedscope_tsc_pair(b);
  const elapsed = performance.now() - start;
  assert.ok(Math.abs(Number(b[1]! - a[1]!) / 1e6 - elapsed) < 5);
  const hz = Number(b[0]! - a[0]!) / (Number(b[1]! - a[1]!) / 1e9);
  assert.ok(Math.abs(hz / info[0]! - 1) < 2e-4, `${hz} against ${info[0]}`); // CLOCK_MONOTONIC may be slewed by up to 500 ppm
  assert.match(
    Deno.readTextFileSync("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
    new RegExp(new TextDecoder().decode(source.subarray(0, source.indexOf(0)))),
  );
});

Deno.test("a wrong SCHEDSCOPE_LIB is named, with the reason as cause", () => {
  const missing = withEnv({ SCHEDSCOPE_LIB: "/nowhere/lib.so" }, () => thrown(() => loadNative()));
  assert.ok(missing instanceof NativeLoadError);
  assert.match(missing.message, /SCHEDSCOPE_LIB is "\/nowhere\/lib\.so".*Unset it/);
  assert.match((missing.cause as Error).message, /nowhere/);
  const text = new URL(import.meta.url).pathname;
  const notALibrary = withEnv({ SCHEDSCOPE_LIB: text }, () => thrown(() => loadNative()));
  assert.ok(notALibrary instanceof NativeLoadError && notALibrary.cause instanceof Error);
  const program = withEnv(
    { SCHEDSCOPE_SPIN: "/nowhere/spin" },
    () => thrown(() => nativeProgram("schedscope-spin")),
  );
  assert.ok(program instanceof NativeLoadError);
  assert.match(program.message, /SCHEDSCOPE_SPIN is "\/nowhere\/spin"/);
  assert.equal(withEnv({ SCHEDSCOPE_SPIN: text }, () => nativeProgram("schedscope-spin")), text);
});

Deno.test("no compiler, or one that fails: the remedy, and nothing left in the cache", () => {
  const cache = Deno.makeTempDirSync();
  try {
    const none = thrown(() => buildNative("libschedscope.so", { cc: "no-such-cc", cache }));
    assert.ok(none instanceof NativeLoadError);
    assert.match(
      none.message,
      /the C compiler "no-such-cc" does not run.*apt-get install gcc.*SCHEDSCOPE_LIB/,
    );
    assert.ok(none.cause instanceof Deno.errors.NotFound);
    const failing = thrown(() => buildNative("schedscope-spin", { cc: "false", cache }));
    assert.match(failing.message, /"false" failed.*SCHEDSCOPE_SPIN/);
    const script = `${cache}/cc`;
    Deno.writeTextFileSync(
      script,
      "#!/bin/sh\necho '/usr/bin/ld: cannot find -lc: No such file' >&2; exit 1\n",
    );
    Deno.chmodSync(script, 0o755);
    const noLibc = thrown(() => buildNative("schedscope-spin", { cc: script, cache }));
    assert.match(noLibc.message, /static C library is missing.*libc6-dev/);
    assert.match((noLibc.cause as Error).message, /cannot find -lc/);
    for (const { name, isDirectory } of Deno.readDirSync(cache)) {
      if (isDirectory) assert.deepEqual([...Deno.readDirSync(`${cache}/${name}`)], []);
    }
  } finally {
    Deno.removeSync(cache, { recursive: true });
  }
});

Deno.test("two processes that build at once both get a whole library; the second look builds nothing", async () => {
  const cache = Deno.makeTempDirSync();
  try {
    const module = new URL("../../lib/native/build.ts", import.meta.url).href;
    const script = `import { buildNative } from ${JSON.stringify(module)};
      console.log(buildNative("libschedscope.so", { cache: ${JSON.stringify(cache)} }));`;
    const both = await Promise.all([1, 2].map(() =>
      new Deno.Command(Deno.execPath(), {
        args: ["eval", "--no-lock", script],
        stdout: "piped",
        stderr: "piped",
      }).output()
    ));
    const paths = both.map(({ success, stdout, stderr }) => {
      assert.ok(success, new TextDecoder().decode(stderr));
      return new TextDecoder().decode(stdout).trim();
    });
    assert.equal(paths[0], paths[1]);
    const directory = paths[0]!.slice(0, paths[0]!.lastIndexOf("/"));
    assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["libschedscope.so"]);
    using native = withEnv({ SCHEDSCOPE_LIB: paths[0]! }, () => loadNative());
    assert.equal(native.symbols.schedscope_abi(), 1);
    const made = Deno.statSync(paths[0]!).mtime!.getTime();
    assert.equal(buildNative("libschedscope.so", { cache }), paths[0]);
    assert.equal(Deno.statSync(paths[0]!).mtime!.getTime(), made);
  } finally {
    Deno.removeSync(cache, { recursive: true });
  }
});
