import assert from "node:assert/strict";
import { cpio } from "../../../lib/vm/initrd/cpio.ts";
import type { CpioEntry } from "../../../lib/vm/initrd/cpio_entry.ts";
import { ensurePackages } from "../../../lib/tools/apt.ts";

const text = (s: string) => new TextEncoder().encode(s);

const longName = `/deep/${"n".repeat(255)}/${"m".repeat(255)}/${"ä".repeat(100)}`;

const entries: readonly CpioEntry[] = [
  { kind: "file", path: "/init", mode: 0o755, data: text("#!/bin/sh\n") },
  { kind: "directory", path: "/proc", mode: 0o555 },
  { kind: "file", path: "/etc/empty", data: text("") },
  ...[1, 2, 3, 4, 5].map((n): CpioEntry => ({
    kind: "file",
    path: `/etc/size${n}`,
    data: text("x".repeat(n)),
  })),
  { kind: "file", path: "/a b\nc", mode: 0o4711, data: text("odd name") },
  { kind: "symlink", path: "/bin/sh", target: "busybox" },
  { kind: "symlink", path: "/long", target: "t/".repeat(2000) },
  { kind: "node", path: "/dev/null", type: "char", major: 1, minor: 3, mode: 0o666 },
  { kind: "node", path: "/dev/vda", type: "block", major: 254, minor: 0 },
  { kind: "node", path: "/dev/big", type: "char", major: 4095, minor: 1048575 },
  { kind: "file", path: longName, data: text("long") },
  { kind: "file", path: "/etc-passwd", data: text("sorts between /etc and /etc/x") },
];

async function gnu(args: string[], archive: Uint8Array, cwd?: string): Promise<string> {
  await ensurePackages([{ program: "cpio", package: "cpio" }]);
  const child = new Deno.Command("cpio", {
    args,
    ...cwd === undefined ? {} : { cwd },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { TZ: "UTC", LC_ALL: "C" },
  }).spawn();
  const writer = child.stdin.getWriter();
  const [output] = await Promise.all([
    child.output(),
    writer.write(archive as Uint8Array<ArrayBuffer>).then(() => writer.close()),
  ]);
  const said = new TextDecoder().decode(output.stderr);
  assert.ok(output.success, said);
  assert.match(said, /^\d+ blocks?\n$/, "a word of warning");
  return new TextDecoder().decode(output.stdout);
}

Deno.test("GNU cpio lists what was put in, parents first and in the order of their bytes", async () => {
  const shown = entries.filter(({ path }) => !path.includes("\n"));
  const names = (await gnu(["-t"], cpio(shown))).trimEnd().split("\n");
  for (const { path } of shown) assert.ok(names.includes(path.slice(1)), path);
  for (const name of names) {
    const parent = name.slice(0, Math.max(0, name.lastIndexOf("/")));
    assert.ok(
      parent === "" || names.indexOf(parent) >= 0 && names.indexOf(parent) < names.indexOf(name),
      name,
    );
  }
  assert.ok(names.indexOf("etc-passwd") < names.indexOf("etc/empty"), "- sorts before /");
  const listed = (await gnu(["-itv"], cpio(entries))).trimEnd().split("\n");
  assert.ok(listed.some((line) => /^brw-------.* 254,\s*0 .* dev\/vda$/.test(line)), listed.join("\n"));
  assert.ok(listed.some((line) => /^crw-rw-rw-.* 1,\s*3 .* dev\/null$/.test(line)));
  assert.ok(listed.some((line) => /^lrwxrwxrwx.* bin\/sh -> busybox$/.test(line)));
  assert.ok(listed.some((line) => /^drwxr-xr-x.* deep$/.test(line)), "made on the way");
});

Deno.test("GNU cpio extracts every content, mode, link and device", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await gnu(["-idm"], cpio(entries), directory);
    for (const entry of entries) {
      const path = directory + entry.path;
      const info = await Deno.lstat(path);
      if (entry.kind === "file") {
        assert.deepEqual(await Deno.readFile(path), entry.data);
        assert.equal(info.mode! & 0o7777, entry.mode ?? 0o644);
        assert.equal(info.nlink, 1);
      } else if (entry.kind === "symlink") assert.equal(await Deno.readLink(path), entry.target);
      else if (entry.kind === "directory") assert.ok(info.isDirectory);
      else {
        assert.ok(entry.type === "char" ? info.isCharDevice : info.isBlockDevice);
        // As the C library's makedev() lays a device number out.
        const { major, minor } = entry;
        assert.equal(info.rdev, major * 256 + minor % 256 + Math.floor(minor / 256) * 2 ** 20);
      }
      assert.equal(info.uid, 0);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the bytes depend on the entries alone, not on their order", () => {
  const bytes = cpio(entries);
  assert.deepEqual(cpio(entries.toReversed()), bytes);
  assert.deepEqual(cpio(entries.toSorted((a, b) => a.path.length - b.path.length)), bytes);
  assert.equal(bytes.length % 512, 0);
  assert.notDeepEqual(cpio(entries.slice(1)), bytes);
});

Deno.test("an empty archive is its trailer, as GNU cpio writes it", async () => {
  const bytes = cpio([]);
  assert.equal(bytes.length, 512);
  assert.equal(await gnu(["-t"], bytes), "");
  await ensurePackages([{ program: "cpio", package: "cpio" }]);
  const { stdout } = await new Deno.Command("cpio", { args: ["-o", "-H", "newc"], stdin: "null" }).output();
  assert.deepEqual(bytes, new Uint8Array(stdout));
});

Deno.test("what a kernel would skip without a word is refused", () => {
  const file = (path: string): CpioEntry => ({ kind: "file", path, data: text("") });
  const huge = { byteLength: 2 ** 32 } as Uint8Array;
  const cases: readonly [CpioEntry[], RegExp][] = [
    [[file("etc/x")], /absolute path/],
    [[file("/")], /absolute path/],
    [[file("/a/../b")], /absolute path/],
    [[file("/a/./b")], /absolute path/],
    [[file("/a//b")], /absolute path/],
    [[file("/a/")], /absolute path/],
    [[file("/a\0b")], /absolute path/],
    [[file("/\ud800")], /absolute path/],
    [[file("/TRAILER!!!")], /ends an archive/],
    [[file("/x"), file("/x")], /"\/x" is in the archive twice/],
    [[file("/x"), file("/x/y")], /"\/x\/y" lies below "\/x", which is a file/],
    [
      [{ kind: "symlink", path: "/lib", target: "usr/lib" }, file("/lib/a/b")],
      /lies below "\/lib", which is a symlink/,
    ],
    [[file(`/${"a/".repeat(2048)}x`)], /the kernel takes 4095/],
    [[{ kind: "symlink", path: "/s", target: "" }], /link target/],
    [[{ kind: "symlink", path: "/s", target: "x".repeat(4096) }], /link target/],
    [[{ kind: "symlink", path: "/s", target: "a\0b" }], /link target/],
    [[{ kind: "file", path: "/x", data: text(""), mode: 0o10000 }], /permission bits/],
    [[{ kind: "file", path: "/x", data: text(""), mode: NaN }], /permission bits/],
    [[{ kind: "node", path: "/n", type: "char", major: 4096, minor: 0 }], /4095:1048575/],
    [[{ kind: "node", path: "/n", type: "char", major: 1, minor: -1 }], /4095:1048575/],
    [
      [{ kind: "file", path: "/huge", data: huge }],
      /\/huge has 4294967296 bytes; the format takes 4 GiB - 1/,
    ],
    [
      [1, 2].map((n) => ({ kind: "file", path: `/${n}`, data: { byteLength: 2 ** 31 } as Uint8Array })),
      /4 GiB - 1/,
    ],
  ];
  for (const [wrong, message] of cases) {
    assert.throws(
      () => cpio(wrong),
      { message },
      JSON.stringify(wrong.map((e) => e.path.slice(0, 20))),
    );
  }
});
