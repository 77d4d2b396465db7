import assert from "node:assert/strict";
import { ensurePackages } from "../../lib/tools/apt.ts";
import { schedscope } from "./schedscope.ts";

await ensurePackages([{ program: "busybox", package: "busybox-static" }, {
  program: "cpio",
  package: "cpio",
}]);

Deno.test("vm initrd prints a path that GNU cpio reads, and what is in it", async () => {
  const { code, out, err } = await schedscope(["vm", "initrd"]);
  assert.equal(code, 0, err);
  const path = out.trim();
  const cpio = await new Deno.Command("sh", { args: ["-c", 'cpio -it < "$0"', path] }).output();
  assert.ok(cpio.success);
  assert.match(new TextDecoder().decode(cpio.stdout), /^init$/m);
  const list = await schedscope(["vm", "initrd", "--list"]);
  assert.match(list.out, /^-rwxr-xr-x +\d+ \/init {2}from .*\/initrd\/l1\/init$/m);
  assert.match(list.out, /^lrwxrwxrwx +0 \/bin\/sh -> \/bin\/busybox$/m);
  assert.match(list.out, /^crw-rw-rw- +0 \/dev\/null \(c 1:3\)$/m);
  assert.match(list.out, /^drwxrwxrwt +0 \/tmp$/m);
  assert.match(list.out, /^\d+ entries, \d+ bytes$/m);
});

Deno.test("vm initrd l2 -o FILE --compress --json", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const file = `${directory}/l2.zst`;
    const { code, out, err } = await schedscope([
      "vm",
      "initrd",
      "l2",
      "-o",
      file,
      "--compress",
      "zstd",
      "--json",
    ]);
    assert.equal(code, 0, err);
    const told = JSON.parse(out);
    assert.deepEqual([told.path, told.compression, told.name], [file, "zstd", "l2"]);
    assert.equal((await Deno.stat(file)).size, told.bytes);
    assert.ok(told.archiveBytes > told.bytes);
    const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(file));
    assert.equal(new Uint8Array(digest).toHex(), told.sha256);
    assert.deepEqual([...Deno.readDirSync(directory)].map((entry) => entry.name), ["l2.zst"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("vm initrd: wrong calls and what cannot be written", async () => {
  const cases: readonly [string[], number, RegExp][] = [
    [["l3"], 2, /Expected l1 or l2 but found l3/],
    [["l1", "l2"], 2, /Expected l1 or l2 but found l1 l2/],
    [["--nested"], 2, /--nested needs --kernel/],
    [["--kernel", "x"], 2, /--kernel is for --nested/],
    [["l2", "--nested", "--kernel", "x"], 2, /an l2 guest has no guests/],
    [["--compress", "lz4"], 2, /none, gzip or zstd but found "lz4"/],
    [["-o", ""], 2, /Expected --output to name a file/],
    [["--nested", "--kernel", "/etc/passwd"], 1, /\/etc\/passwd is a text file/],
    [["-o", "/dev/full"], 1, /could not be written to \/dev\/full: No space left on device; it is whole at/],
    [["-o", "/"], 1, /could not be written to \/: it is a directory/],
  ];
  for (const [args, expected, message] of cases) {
    const { code, out, err } = await schedscope(["vm", "initrd", ...args]);
    assert.equal(code, expected, `${args.join(" ")}: ${err}`);
    assert.match(err, message);
    assert.equal(out, "");
    assert.ok(!/^ +at /m.test(err), err);
  }
  const help = await schedscope(["vm", "initrd", "--help"]);
  assert.equal(help.code, 0);
  assert.match(help.out, /Examples:/);
  assert.match((await schedscope(["vm", "--help"])).out, /^ +initrd +make the initrd/m);
});
