import assert from "node:assert/strict";
import { VmError } from "../../../lib/vm/errors.ts";
import { collectEntries } from "../../../lib/vm/initrd/collect_entries.ts";
import { readManifest } from "../../../lib/vm/initrd/manifest.ts";
import { mirroredPath } from "../../../lib/vm/initrd/mirrored_path.ts";

Deno.test("the manifests that come with schedscope are as they should be", async () => {
  for (const name of ["l1", "l2"]) {
    assert.ok(readManifest(await Deno.readTextFile(`initrd/${name}.json`), name).length > 10);
  }
});

Deno.test("a manifest that is wrong is told at which entry and why", () => {
  const cases: readonly [unknown, RegExp][] = [
    [{ fil: "/x" }, /entry 1: expected one of directory, node, symlink, file, closure/],
    [null, /entry 1: expected one of/],
    [{ file: "/x" }, /to have one of from, program, native, given/],
    [{ file: "/x", from: "a", native: "b" }, /to have one of from/],
    [{ file: "x", from: "a" }, /expected "file" to be an absolute path/],
    [{ file: "/x", from: "a", mode: "755" }, /expected "mode" to be permission bits such as "0755"/],
    [{ file: "/x", from: "a", mode: "0888" }, /permission bits/],
    [{ file: "/x", given: "l3" }, /"kernel" or "l2"/],
    [{ file: "/x", from: "a", moed: "0755" }, /a file has no "moed"; it has file, mode, from/],
    [{ directory: "/x", when: "sometimes" }, /"nested"/],
    [{ node: "/x", type: "char", major: 1 }, /a node needs "minor"/],
    [{ node: "/x", type: "c", major: 1, minor: 3 }, /"char" or "block"/],
    [{ node: "/x", type: "char", major: 1.5, minor: 3 }, /whole number/],
    [{ symlink: "/x" }, /a symlink needs "target"/],
    [{ closure: "a", package: "b", opens: [{ files: ["x"] }] }, /expected "opens" to be a list/],
    [{ directory: "/x", constructor: "y" }, /a directory has no "constructor"/],
  ];
  for (const [entry, message] of cases) {
    assert.throws(() => readManifest(JSON.stringify({ entries: [entry] }), "m.json"), (error: VmError) => {
      assert.ok(error instanceof VmError);
      assert.match(error.message, message);
      assert.match(error.message, /^m\.json: entry 1: .*, found /);
      return true;
    });
  }
  assert.throws(() => readManifest("{", "m.json"), { name: "VmError", message: /^m\.json is no JSON/ });
  assert.throws(() => readManifest("[]", "m.json"), {
    name: "VmError",
    message: /expected \{"entries": \[\.\.\.\]\}/,
  });
  assert.throws(() => readManifest("null", "m.json"), { name: "VmError" });
});

Deno.test("what contradicts itself is refused; what is nested only counts where it is", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/script`, "#!/bin/sh\n", { mode: 0o755 });
    const from = { directory, nested: false, given: {} };
    const twice = [{ directory: "/x" }, { symlink: "/x", target: "y" }];
    await assert.rejects(collectEntries(twice, from), {
      name: "VmError",
      message: /\/x twice: as a directory/,
    });
    const files = [{ file: "/x", from: "script" }, { file: "/l2", given: "l2", when: "nested" }] as const;
    const { entries, sources } = await collectEntries(files, from);
    assert.deepEqual(entries.map(({ path }) => path), ["/x"]);
    const script = entries[0]!;
    assert.equal(script.kind === "file" && script.mode, 0o755);
    assert.deepEqual([...sources], [["/x", `${directory}/script`]]);
    await assert.rejects(collectEntries(files, { ...from, nested: true }), {
      message: /\/l2 .* needs a l2 that was not given/,
    });
    await assert.rejects(collectEntries([{ file: "/x", from: "gone" }], from), Deno.errors.NotFound);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the way to a file is walked as the kernel walks it", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir());
  try {
    await Deno.mkdir(`${root}/usr/lib/deep`, { recursive: true });
    await Deno.writeTextFile(`${root}/usr/lib/libz.so.1.2`, "z");
    await Deno.symlink("usr/lib", `${root}/lib`);
    await Deno.symlink("libz.so.1.2", `${root}/usr/lib/libz.so.1`);
    await Deno.symlink(`${root}/lib/deep/../libz.so.1`, `${root}/absolute`);
    await Deno.symlink("loop", `${root}/loop`);
    const walked = mirroredPath(`${root}/absolute`);
    assert.equal(walked.file, `${root}/usr/lib/libz.so.1.2`);
    assert.equal(walked.file, await Deno.realPath(`${root}/absolute`));
    assert.deepEqual([...walked.links], [
      [`${root}/absolute`, `${root}/lib/deep/../libz.so.1`],
      [`${root}/lib`, "usr/lib"],
      [`${root}/usr/lib/libz.so.1`, "libz.so.1.2"],
    ]);
    for (const directory of [root, `${root}/usr`, `${root}/usr/lib`, `${root}/usr/lib/deep`]) {
      assert.ok(walked.directories.has(directory), directory);
    }
    assert.throws(() => mirroredPath(`${root}/loop`), Deno.errors.FilesystemLoop);
    assert.throws(() => mirroredPath(`${root}/no`), Deno.errors.NotFound);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
