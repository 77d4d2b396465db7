import assert from "node:assert/strict";
import { ensurePackages, findProgram } from "../../../lib/tools/apt.ts";
import { buildInitrd } from "../../../lib/vm/initrd/build_initrd.ts";
import { compress } from "../../../lib/vm/initrd/compress.ts";
import { cpio } from "../../../lib/vm/initrd/cpio.ts";
import type { CpioEntry } from "../../../lib/vm/initrd/cpio_entry.ts";
import type { InitrdCompression } from "../../../lib/vm/initrd/initrd.ts";
import { bootable } from "../../../lib/vm/kernel/bootable.ts";
import { testKernel } from "../test_kernel.ts";
import { boot } from "./boot.ts";

await ensurePackages([
  { program: "qemu-system-x86_64", package: "qemu-system-x86" },
  { program: "busybox", package: "busybox-static" },
  { program: "setpriv", package: "util-linux" },
]);

async function kernel(): Promise<string> {
  return await bootable((await testKernel()).path);
}

const text = (s: string) => new TextEncoder().encode(s);

/** What is easily unpacked wrong, and a first process that tells what became of it. */
function hardCases(): CpioEntry[] {
  const busybox = Deno.readFileSync(findProgram("busybox")!);
  const noise = new Uint8Array(100_003).map((_, i) => (i * 2654435761) >>> 13);
  const long = `${"n".repeat(255)}/${"m".repeat(255)}/${"o".repeat(200)}`;
  const init = `#!/bin/busybox sh
echo "schedscope: init"
cd /
stat -c 'STAT %A %u:%g %s %t:%T %n' dev/vda dev/null dev/big private sticky sub/e sub/1 sub/2 sub/3
echo "LINK $(readlink deep)"
md5sum noise "a b" ${long} | sed 's/^/MD5 /'
cat link/1
poweroff -f
`;
  return [
    { kind: "file", path: "/init", mode: 0o755, data: text(init) },
    { kind: "file", path: "/bin/busybox", mode: 0o755, data: busybox },
    ...["sh", "stat", "echo", "readlink", "md5sum", "sed", "cat", "poweroff"].map((name): CpioEntry => ({
      kind: "symlink",
      path: `/bin/${name}`,
      target: "busybox",
    })),
    { kind: "node", path: "/dev/console", type: "char", major: 5, minor: 1 },
    { kind: "node", path: "/dev/null", type: "char", major: 1, minor: 3, mode: 0o666 },
    { kind: "node", path: "/dev/vda", type: "block", major: 254, minor: 17 },
    { kind: "node", path: "/dev/big", type: "char", major: 4095, minor: 1048575 },
    { kind: "directory", path: "/sticky", mode: 0o1777 },
    { kind: "file", path: "/private", mode: 0o4700, data: text("12345") },
    { kind: "file", path: "/sub/e", data: text("") },
    ...[1, 2, 3].map((n): CpioEntry => ({ kind: "file", path: `/sub/${n}`, data: text("CAT".slice(0, n)) })),
    { kind: "symlink", path: "/link", target: "sub" },
    { kind: "symlink", path: "/deep", target: "t/".repeat(1000) },
    { kind: "file", path: "/noise", data: noise },
    { kind: "file", path: "/a b", data: noise.subarray(1) },
    { kind: "file", path: `/${long}`, data: noise.subarray(2) },
  ];
}

async function md5(data: Uint8Array): Promise<string> {
  const { createHash } = await import("node:crypto");
  return createHash("md5").update(data).digest("hex");
}

Deno.test("the kernel unpacks what cpio() packed, also compressed", async () => {
  const entries = hardCases();
  const archive = cpio(entries);
  const directory = await Deno.makeTempDir();
  try {
    for (const compression of ["none", "gzip", "zstd"] satisfies InitrdCompression[]) {
      const initrd = `${directory}/${compression}`;
      const packed = await compress(archive, compression);
      assert.deepEqual(await compress(archive, compression), packed, "the same bytes each time");
      await Deno.writeFile(initrd, packed);
      const { lines, ended } = await boot({ kernel: await kernel(), initrd });
      assert.ok(ended, lines.join("\n"));
      const said = (word: string) =>
        lines.filter((line) => line.startsWith(`${word} `)).map((l) => l.slice(word.length + 1));
      assert.deepEqual(said("STAT"), [
        "brw------- 0:0 0 fe:11 dev/vda",
        "crw-rw-rw- 0:0 0 1:3 dev/null",
        "crw------- 0:0 0 fff:fffff dev/big",
        "-rws------ 0:0 5 0:0 private",
        `drwxrwxrwt 0:0 ${said("STAT")[4]?.split(" ")[2]} 0:0 sticky`,
        "-rw-r--r-- 0:0 0 0:0 sub/e",
        "-rw-r--r-- 0:0 1 0:0 sub/1",
        "-rw-r--r-- 0:0 2 0:0 sub/2",
        "-rw-r--r-- 0:0 3 0:0 sub/3",
      ], compression);
      assert.deepEqual(said("LINK"), ["t/".repeat(1000)]);
      const sums = ["/noise", "/a b", entries.at(-1)!.path].map(async (path) => {
        const entry = entries.find((each) => each.path === path);
        return `${await md5(entry?.kind === "file" ? entry.data : text(""))}  ${path.slice(1)}`;
      });
      assert.deepEqual(said("MD5"), await Promise.all(sums));
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("L1 comes up with its file systems, says what is missing, and runs no word of the command line", async () => {
  const { path } = await buildInitrd("l1");
  const { lines, ended } = await boot({
    kernel: await kernel(),
    initrd: path,
    words: "schedscope.shell debugfs=off schedscope.bad=$(poweroff) schedscope.x=`poweroff` * rm=/ foo",
    onLine: (line) => {
      if (!line.startsWith("schedscope: a shell")) return;
      return "stty -echo; mount | sed 's/^/MOUNT /'; ls -l /dev/fd /dev/shm/. | head -1; echo CODE $?; which schedscope-spin; exit\n";
    },
  });
  const all = lines.join("\n");
  assert.ok(ended, all);
  assert.ok(lines.includes("schedscope: init"), all);
  const mounted = lines.filter((line) => line.startsWith("MOUNT ")).map((line) => line.split(" ")[3]);
  for (const at of ["/proc", "/sys", "/dev", "/dev/shm", "/sys/kernel/tracing", "/sys/fs/cgroup"]) {
    assert.ok(mounted.includes(at), `${at}\n${all}`);
  }
  assert.ok(!mounted.includes("/sys/kernel/debug"));
  assert.match(
    all,
    /^schedscope: no debugfs on \/sys\/kernel\/debug: the kernel has no CONFIG_DEBUG_FS, or refuses it$/m,
  );
  assert.match(all, /^schedscope: the word schedscope\.bad=\$\(poweroff\) means nothing to this guest$/m);
  assert.match(all, /^schedscope: the word schedscope\.x=`poweroff` means nothing to this guest$/m);
  assert.match(all, /^\/bin\/schedscope-spin$/m);
  assert.match(all, /Power down/, "powers off when the shell ends");
});

Deno.test("L2 waits, is let go and prints samples of the hwlat tracer; numbers that are none are said and passed over", async () => {
  const { path } = await buildInitrd("l2");
  let samples = 0;
  const { lines } = await boot({
    kernel: await kernel(),
    initrd: path,
    words: "schedscope.l2=hwlat schedscope.wait schedscope.window=400000 schedscope.width=300000 " +
      "schedscope.threshold=1 schedscope.width=-1;ls schedscope.window=x",
    onLine: (line) => {
      if (/^schedscope: inner ready cpus 0-1$/.test(line)) return "nonsense\nping\n";
      if (/^schedscope: inner here$/.test(line)) return "go\n";
      if (/inner\/outer\(us\):/.test(line) && ++samples >= 2) return false;
      return undefined;
    },
  });
  const all = lines.join("\n");
  const at = (found: RegExp) => lines.findIndex((line) => found.test(line));
  assert.ok(at(/^schedscope: init$/) >= 0, all);
  assert.ok(at(/inner ready/) > at(/^schedscope: init$/), all);
  assert.ok(at(/inner here/) > at(/inner ready/), all);
  assert.ok(samples > 0 && at(/inner\/outer/) > at(/inner here/), all);
  assert.match(all, /^schedscope: schedscope\.width=-1;ls is no number of microseconds$/m);
  assert.match(all, /^schedscope: schedscope\.window=x is no number of microseconds$/m);
});
