import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { ensurePackages, findProgram } from "../../../lib/tools/apt.ts";
import { LackingError, VmError } from "../../../lib/vm/errors.ts";
import { buildInitrd } from "../../../lib/vm/initrd/build_initrd.ts";
import { writeInitrd } from "../../../lib/vm/initrd/write_initrd.ts";
import { fakeVmlinux } from "../kernel/fake_kernel.ts";

const chroot = findProgram("chroot") ?? "/usr/sbin/chroot";

await ensurePackages([
  { program: "qemu-system-x86_64", package: "qemu-system-x86" },
  { program: "busybox", package: "busybox-static" },
  { program: "cpio", package: "cpio" },
]);

/** Runs `work` with an empty cache of its own and other variables of the environment, and puts back what was. */
async function withEnvironment(
  variables: Readonly<Record<string, string>>,
  work: (cache: string) => Promise<void>,
): Promise<void> {
  const cache = await Deno.makeTempDir();
  const set: Record<string, string> = { SCHEDSCOPE_CACHE: cache, PATH: Deno.env.get("PATH")!, ...variables };
  const before = Object.keys(set).map((name) => [name, Deno.env.get(name)] as const);
  try {
    for (const [name, value] of Object.entries(set)) Deno.env.set(name, value);
    await work(cache);
  } finally {
    for (const [name, value] of before) {
      value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
    }
    await Deno.remove(cache, { recursive: true });
  }
}

async function names(directory: string): Promise<string[]> {
  const found = await Array.fromAsync(Deno.readDir(directory)).catch(() => []);
  return found.map((entry) => entry.name).sort();
}

Deno.test("the same contents are the same file, named after them; compressed it is the same archive", async () => {
  await withEnvironment({}, async (cache) => {
    const first = await buildInitrd("l1");
    assert.equal(first.cached, false);
    assert.equal(first.sha256, createHash("sha256").update(await Deno.readFile(first.path)).digest("hex"));
    const again = await buildInitrd("l1");
    assert.deepEqual(again, { ...first, cached: true });
    const archive = await Deno.readFile(first.path);
    const gzip = await buildInitrd("l1", { compression: "gzip" });
    assert.deepEqual(new Uint8Array(gunzipSync(await Deno.readFile(gzip.path))), archive);
    assert.ok(gzip.bytes < first.bytes && gzip.archiveBytes === first.bytes);
    const zstd = await buildInitrd("l1", { compression: "zstd" });
    assert.deepEqual(new Uint8Array(zstdDecompressSync(await Deno.readFile(zstd.path))), archive);
    assert.equal((await names(`${cache}/initrd`)).length, 3);
    // Built anew in another place it has the same bytes.
    await withEnvironment({}, async () => assert.equal((await buildInitrd("l1")).sha256, first.sha256));
  });
});

Deno.test("what the list says is what GNU cpio finds in it", async () => {
  await withEnvironment({}, async () => {
    for (const name of ["l1", "l2"] as const) {
      const { path, entries, bytes } = await buildInitrd(name);
      const { stdout } = await new Deno.Command("sh", { args: ["-c", 'cpio -it < "$0" 2>/dev/null', path] })
        .output();
      const found = new TextDecoder().decode(stdout).trimEnd().split("\n");
      assert.deepEqual(found.map((line) => `/${line}`).sort(), entries.map((entry) => entry.path).sort());
      assert.ok(entries.reduce((sum, entry) => sum + entry.bytes, 0) < bytes);
      for (const wanted of ["/init", "/bin/busybox", "/bin/sh", "/dev/null", "/dev/console"]) {
        assert.ok(entries.some((entry) => entry.path === wanted), wanted);
      }
    }
    assert.ok((await buildInitrd("l1")).bytes < 12e6, "small without QEMU");
  });
});

Deno.test("a nested L1 has QEMU with all that it opens, and it runs from there", async () => {
  await withEnvironment({}, async (cache) => {
    const kernel = `${cache}/vmlinux`;
    await Deno.writeFile(kernel, fakeVmlinux());
    const initrd = await buildInitrd("l1", { nested: true, kernel });
    const paths = new Set(initrd.entries.map((entry) => entry.path));
    for (const wanted of ["/l2/kernel", "/l2/initrd", "/dev/kvm", "/usr/bin/qemu-system-x86_64"]) {
      assert.ok(paths.has(wanted), wanted);
    }
    for (const name of ["bios-256k.bin", "kvmvapic.bin", "linuxboot_dma.bin", "pvh.bin"]) {
      assert.ok([...paths].some((path) => path.endsWith(`/${name}`)), name);
    }
    const root = `${cache}/root`;
    await Deno.mkdir(root);
    const unpack = await new Deno.Command("sh", {
      args: ["-c", 'cd "$1" && cpio -id --quiet < "$0"', initrd.path, root],
    }).output();
    assert.ok(unpack.success, new TextDecoder().decode(unpack.stderr));
    // Nothing of this machine is there: machine, firmware, both accelerators' code and the loader come from the archive.
    const machine =
      "-M q35 -accel tcg -m 64 -nodefaults -display none -S -kernel /l2/initrd -device virtio-serial-pci";
    const { code, stdout, stderr } = await new Deno.Command(chroot, {
      args: [
        root,
        "/bin/sh",
        "-c",
        `echo quit | qemu-system-x86_64 ${machine} -monitor stdio; echo "CODE $?"; qemu-system-x86_64 -accel help`,
      ],
      env: { PATH: "/bin:/usr/bin" },
      clearEnv: true,
    }).output();
    const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assert.equal(code, 0, said);
    assert.ok(!/could not load|No such file|cannot open shared/.test(said), said);
    assert.match(said, /^tcg$/m);
    assert.match(said, /^kvm$/m);
  });
});

Deno.test("options that do not belong together, and a kernel that is none, are refused before anything is built", async () => {
  const wrong = (options: Parameters<typeof buildInitrd>[1], name: "l1" | "l2" = "l1") =>
    buildInitrd(name, options);
  await withEnvironment({}, async (cache) => {
    await assert.rejects(wrong({ nested: true }), { name: "TypeError", message: /give it as kernel/ });
    await assert.rejects(wrong({ kernel: "/x" }), { name: "TypeError", message: /give nested as well/ });
    await assert.rejects(wrong({ nested: true, kernel: "/x" }, "l2"), {
      name: "TypeError",
      message: /Only an L1/,
    });
    await assert.rejects(wrong({ compression: "lz4" as "gzip" }), {
      name: "TypeError",
      message: /none, gzip, zstd but found "lz4"/,
    });
    await assert.rejects(wrong({ nested: true, kernel: "/etc/passwd" }), VmError);
    await assert.rejects(wrong({ nested: true, kernel: "/nonexistent" }), VmError);
    await assert.rejects(wrong({ signal: AbortSignal.abort(new Error("enough")) }), /enough/);
    assert.deepEqual(await names(cache), []);
  });
});

Deno.test("without busybox or QEMU it says what to install", async () => {
  const lacking = (pattern: RegExp) => (error: unknown) => {
    assert.ok(error instanceof LackingError, String(error));
    assert.match(error.message, pattern);
    assert.match(error.remedy, /apt-get install/);
    return true;
  };
  await withEnvironment({ PATH: "/nonexistent" }, async (cache) => {
    await assert.rejects(
      buildInitrd("l2"),
      lacking(/^busybox is not installed, and the initrd needs it; .*busybox-static$/),
    );
    assert.deepEqual(await names(cache), []);
  });
  await withEnvironment({}, async (cache) => {
    // A PATH that has busybox and a compiler but no QEMU.
    await Deno.mkdir(`${cache}/bin`);
    for (const name of ["busybox", "cc", "as", "ld"]) {
      await Deno.symlink(`/usr/bin/${name}`, `${cache}/bin/${name}`);
    }
    await Deno.writeFile(`${cache}/vmlinux`, fakeVmlinux());
    Deno.env.set("PATH", `${cache}/bin`);
    const options = { nested: true, kernel: `${cache}/vmlinux` };
    await assert.rejects(
      buildInitrd("l1", options),
      lacking(/^qemu-system-x86_64 is not installed.*qemu-system-x86$/),
    );
  });
});

Deno.test("a busybox that is none, and one that is not static", async () => {
  await withEnvironment({}, async (cache) => {
    const path = Deno.env.get("PATH")!;
    await Deno.mkdir(`${cache}/bin`);
    await Deno.writeTextFile(`${cache}/bin/busybox`, "#!/bin/sh\necho no applets\n", { mode: 0o755 });
    Deno.env.set("PATH", `${cache}/bin:${path}`);
    await assert.rejects(buildInitrd("l2"), (error: LackingError) => {
      assert.ok(error instanceof LackingError);
      assert.match(error.message, /bin\/busybox does not list the programs that it holds/);
      return true;
    });
    // A dynamic program with a list of its own comes with its libraries.
    await Deno.writeTextFile(
      `${cache}/b.c`,
      '#include <stdio.h>\nint main(void) { puts("sh\\nmount"); return 0; }\n',
    );
    const cc = await new Deno.Command("cc", { args: ["-o", `${cache}/bin/busybox`, `${cache}/b.c`] })
      .output();
    assert.ok(cc.success);
    const { entries } = await buildInitrd("l2");
    assert.ok(entries.some((entry) => entry.path.endsWith("/libc.so.6")));
    assert.deepEqual(entries.filter((entry) => entry.target === "/bin/busybox").map((e) => e.path), [
      "/bin/mount",
      "/bin/sh",
    ]);
  });
});

Deno.test("a full disk, a directory that cannot be written, a device: one sentence, and nothing half-written", async () => {
  await withEnvironment({}, async (cache) => {
    const initrd = await buildInitrd("l2");
    const small = `${cache}/small`;
    await Deno.mkdir(small);
    const mounted = await new Deno.Command("mount", {
      args: ["-t", "tmpfs", "-o", "size=64k", "tmpfs", small],
    }).output();
    assert.ok(mounted.success, new TextDecoder().decode(mounted.stderr));
    try {
      await assert.rejects(writeInitrd(initrd, `${small}/out`), {
        name: "VmError",
        message:
          `The initrd could not be written to ${small}/out: No space left on device; it is whole at ${initrd.path}`,
      });
      assert.deepEqual(await names(small), []);
      Deno.env.set("SCHEDSCOPE_CACHE", small);
      await assert.rejects(buildInitrd("l2"), (error: VmError) => {
        assert.ok(error instanceof LackingError);
        assert.match(
          error.message,
          /No space is left in .*small\/initrd for the \d+ MB that are needed there; free some, or set SCHEDSCOPE_CACHE/,
        );
        return true;
      });
      assert.deepEqual(await names(`${small}/initrd`), []);
    } finally {
      Deno.env.set("SCHEDSCOPE_CACHE", cache);
      await new Deno.Command("umount", { args: [small] }).output();
    }
    await assert.rejects(writeInitrd(initrd, cache), { message: /it is a directory/ });
    await assert.rejects(writeInitrd(initrd, "/dev/full"), {
      message: /\/dev\/full: No space left on device/,
    });
    await assert.rejects(writeInitrd(initrd, `${cache}/no/such`), { message: /No such file or directory/ });
    await Deno.writeTextFile(`${cache}/file`, "");
    Deno.env.set("SCHEDSCOPE_CACHE", `${cache}/file`);
    await assert.rejects(buildInitrd("l2"), {
      name: "VmError",
      message: /could not be written to .*Not a directory/,
    });
    Deno.env.set("SCHEDSCOPE_CACHE", cache);
    // Through a link the file that it names is replaced, and the link stays.
    await Deno.symlink("file", `${cache}/link`);
    await writeInitrd(initrd, `${cache}/link`);
    assert.ok((await Deno.lstat(`${cache}/link`)).isSymlink);
    assert.deepEqual(await Deno.readFile(`${cache}/file`), await Deno.readFile(initrd.path));
    assert.deepEqual((await names(cache)).filter((name) => name.includes("part")), []);
  });
});

Deno.test("an initrd that nobody asked for in two weeks makes room; others and what is no initrd stay", async () => {
  await withEnvironment({}, async (cache) => {
    const { path } = await buildInitrd("l2");
    const ago = (days: number) => new Date(Date.now() - days * 86_400_000);
    const name = (digit: string) => `l1-nested-${digit.repeat(20)}.cpio`;
    for (
      const [file, days] of [[name("a"), 15], [name("b"), 13], ["note.txt", 99], [
        `${name("c")}.zst`,
        99,
      ]] as const
    ) {
      await Deno.writeTextFile(`${cache}/initrd/${file}`, "");
      await Deno.utime(`${cache}/initrd/${file}`, ago(days), ago(days));
    }
    await Deno.utime(path, ago(99), ago(99));
    assert.equal((await buildInitrd("l2")).path, path);
    assert.deepEqual(
      await names(`${cache}/initrd`),
      [name("b"), path.slice(path.lastIndexOf("/") + 1), "note.txt"].sort(),
    );
  });
});
