import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import assert from "node:assert/strict";
import { bootable } from "../../../lib/vm/kernel/bootable.ts";
import { examineKernel } from "../../../lib/vm/kernel/examine_kernel.ts";
import { extractVmlinux } from "../../../lib/vm/kernel/extract_vmlinux.ts";
import type { KernelCompression } from "../../../lib/vm/kernel/kernel_image.ts";
import { UnfitKernelError } from "../../../lib/vm/kernel/unfit_kernel_error.ts";
import { randomFrom } from "../../seeded.ts";
import { testKernel } from "../test_kernel.ts";
import { fakeBzImage, fakeVmlinux, pack } from "./fake_kernel.ts";

const CONFIG =
  '# Linux/x86 6.6.6-fake Kernel Configuration\nCONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_D="a \\"b\\""\nCONFIG_E=0x10\n';

async function withDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function refused(path: string, message: RegExp, config?: string): Promise<void> {
  await assert.rejects(examineKernel(path, config === undefined ? {} : { config }), (error) => {
    assert.ok(error instanceof UnfitKernelError, String(error));
    assert.match(error.message, message);
    assert.ok(!error.message.includes("\n"), "one sentence");
    return true;
  });
}

Deno.test("every packing of a kernel's payload is undone, and what is inside is found", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/bzImage`;
    const vmlinux = fakeVmlinux({ config: CONFIG });
    const relocations = new Uint8Array(1000).fill(3);
    for (const how of ["gzip", "zstd", "xz", "lzma", "bzip2", "lz4", "none"] satisfies KernelCompression[]) {
      const all = Buffer.concat([vmlinux, relocations]);
      await Deno.writeFile(path, fakeBzImage(await pack(all, how)));
      const image = await examineKernel(path);
      assert.equal(image.compression, how);
      assert.deepEqual([image.format, image.arch, image.release, image.pvh, image.serial], [
        ...["bzImage", "x86_64", "6.6.6-fake"],
        true,
        false,
      ]);
      assert.equal(image.version, "6.6.6-fake (a@b) #1 SMP");
      assert.equal(image.configSource, "embedded");
      assert.deepEqual([...image.config!], [
        ...[["A", "y"], ["B", "m"], ["C", "n"]],
        ...[["D", 'a "b"'], ["E", "0x10"]],
      ]);
      assert.deepEqual(Buffer.from(await extractVmlinux(path)), vmlinux, `${how}: without the relocations`);
    }
  }));

Deno.test("a vmlinux is read as it is, and its release from its banner", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/vmlinux`;
    await Deno.writeFile(path, fakeVmlinux({ config: CONFIG, pvh: false }));
    const image = await examineKernel(path);
    assert.deepEqual(
      [image.format, image.compression, image.release, image.pvh, image.configSource],
      ["vmlinux", "none", "6.6.6-fake", false, "embedded"],
    );
    await assert.rejects(bootable(path), /without the PVH entry \(CONFIG_PVH\), so QEMU cannot start it/);
  }));

Deno.test("a configuration that is not in the kernel is looked for beside it, and one of another release is not taken", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/bzImage`;
    await Deno.writeFile(path, fakeBzImage(await pack(fakeVmlinux(), "gzip")));
    const unknown = await examineKernel(path);
    assert.deepEqual([unknown.configSource, unknown.config, unknown.serial], [
      "unknown",
      undefined,
      undefined,
    ]);

    await Deno.writeTextFile(
      `${directory}/.config`,
      "# Linux/x86 5.4.0 Kernel Configuration\nCONFIG_OLD=y\n",
    );
    assert.equal((await examineKernel(path)).configSource, "unknown");
    await Deno.writeTextFile(`${directory}/.config`, `${CONFIG}CONFIG_SERIAL_8250_CONSOLE=y\n`);
    const beside = await examineKernel(path);
    assert.deepEqual([beside.configSource, beside.configPath, beside.serial], [
      ...["beside", `${directory}/.config`],
      true,
    ]);
    await Deno.writeTextFile(`${directory}/config-6.6.6-fake`, "CONFIG_NAMED=y\n");
    assert.equal((await examineKernel(path)).config!.get("NAMED"), "y");

    const given = `${directory}/config.gz`;
    await Deno.writeFile(given, gzipSync("CONFIG_GIVEN=m\n"));
    const image = await examineKernel(path, { config: given });
    assert.deepEqual([image.configSource, image.config!.get("GIVEN")], ["given", "m"]);
  }));

Deno.test("whatever is no x86-64 kernel is told what it is, in one sentence", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/f`;
    const at = (offset: number, text: string, length = 4096) => {
      const bytes = Buffer.alloc(length);
      bytes.write(text, offset, "latin1");
      return bytes;
    };
    const payload = await pack(fakeVmlinux(), "gzip");
    const wrong: readonly (readonly [Uint8Array | string, RegExp])[] = [
      ["", /f is empty/],
      ["#!/bin/sh\necho no kernel\n", /is a text file; give the bzImage/],
      [at(0x38, "ARMd"), /is an arm64 Image/],
      [at(0x38, "RSC\x05"), /is a RISC-V Image/],
      [at(0, "MZ\0\0zimg"), /is an EFI zboot image/],
      [at(0, "MZ"), /is a UEFI program but no kernel/],
      [at(0, "MZ" + "\0".repeat(300) + ".linux\0\0"), /unified kernel image; .*objcopy -O binary -j \.linux/],
      [gzipSync("x"), /packed with gzip as a whole/],
      [at(0, "070701"), /is a cpio archive/],
      [at(0, "!<arch>\n"), /dpkg-deb -x/],
      [at(0, "QFI\xfb"), /qcow2/],
      [at(0x1fe, "\x55\xaa"), /disk image or a boot sector/],
      [at(0x8001, "CD001", 0x9000), /is a CD image/],
      [new Uint8Array(4096).map((_, i) => i * 37), /neither the boot header of a bzImage nor that of an ELF/],
      [fakeVmlinux({ machine: 183 }), /is an ELF file for arm64/],
      [fakeVmlinux({ machine: 3, bits: 32 }), /is a 32-bit ELF file \(i386\)/],
      [fakeVmlinux({ type: 1 }), /object file or a kernel module/],
      [fakeVmlinux({ type: 3 }), /is a program or a library/],
      [fakeVmlinux({ banner: "" }), /is an ELF program but no kernel/],
      [fakeVmlinux().subarray(0, 40), /is damaged: its ELF header ends after 40 bytes/],
      [fakeVmlinux().subarray(0, 3000), /is damaged: segment 0 ends at byte \d+ and the file at 3000/],
      [fakeBzImage(payload, { xloadflags: 0x7e }), /is a 32-bit kernel \(i386\)/],
      [fakeBzImage(await pack(fakeVmlinux({ bits: 32, machine: 3 }), "gzip")), /is a 32-bit ELF file/],
      [fakeBzImage(payload, { protocol: 0x204 }), /boot protocol 2\.04, older than Linux 2\.6\.26/],
      [fakeBzImage(payload, { loadflags: 0 }), /is a zImage/],
      [fakeBzImage(payload).subarray(0, 600), /is damaged: it ends after 600 bytes, within its boot header/],
      [fakeBzImage(payload).subarray(0, 3000), /is damaged: it ends after 3000 of the \d+ bytes/],
      [
        fakeBzImage(new Uint8Array(100).fill(9)),
        /payload begins with 09 09 09 09 09 09, which is no known packing/,
      ],
      [
        fakeBzImage(Buffer.concat([payload.subarray(0, 40), Buffer.alloc(200)])),
        /payload \(gzip\) does not unpack/,
      ],
    ];
    for (const [bytes, message] of wrong) {
      await Deno.writeFile(path, typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
      await refused(path, message);
    }
    await refused(directory, /is a directory; give the bzImage, in a kernel tree arch\/x86\/boot\/bzImage/);
    await refused(`${directory}/none`, /does not exist; "schedscope vm kernel" builds a kernel/);
    await refused("/dev/zero", /is no regular file/);

    await Deno.writeFile(path, fakeBzImage(payload));
    await refused(path, /none does not exist; give the \.config/, `${directory}/none`);
    await Deno.writeTextFile(`${directory}/text`, "no configuration\n");
    await refused(
      path,
      /text is no kernel configuration: no line of it begins with CONFIG_/,
      `${directory}/text`,
    );
  }));

Deno.test("a damaged kernel is read or refused, and nothing else happens", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/bzImage`;
    const random = randomFrom(6);
    const whole = fakeBzImage(await pack(fakeVmlinux({ config: CONFIG }), "gzip"));
    let refusals = 0;
    for (let i = 0; i < 400; i++) {
      const bytes = Buffer.from(whole.subarray(0, random(3) === 0 ? random(whole.length) : undefined));
      for (let flips = 0; flips < 4 && bytes.length > 0; flips++) {
        bytes[random(random(2) === 0 ? Math.min(bytes.length, 0x300) : bytes.length)] = random(256);
      }
      await Deno.writeFile(path, bytes);
      await examineKernel(path).catch((error) => {
        assert.ok(error instanceof UnfitKernelError, error.stack);
        refusals++;
      });
    }
    assert.ok(refusals > 100 && refusals < 400, `${refusals}`);
  }));

Deno.test("what is in a path or a version does nothing to the terminal", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/bz\x1b[2J`;
    await refused(path, /bz␛\[2J does not exist/);
    await Deno.writeFile(path, fakeBzImage(await pack(fakeVmlinux(), "gzip"), { version: "6.6\x1b[2J x" }));
    assert.equal((await examineKernel(path)).version, "6.6␛[2J x");
  }));

Deno.test("the kernel of the tests: the configuration in it is the one it was built with, and readelf sees its PVH entry", async () => {
  const kernel = await testKernel();
  const image = await examineKernel(kernel.path);
  assert.deepEqual([image.release, image.pvh, image.serial], [kernel.release, true, true]);
  const file = (await Deno.readTextFile(kernel.config)).split("\n").filter((line) =>
    line.startsWith("CONFIG_")
  );
  assert.equal([...image.config!.values()].filter((value) => value !== "n").length, file.length);
  assert.ok(file.includes(`CONFIG_NR_CPUS=${image.config!.get("NR_CPUS")}`));

  const elf = await bootable(kernel.path);
  assert.notEqual(elf, kernel.path);
  assert.equal(await bootable(kernel.path), elf, "from the cache");
  assert.deepEqual(await Deno.readFile(elf), await extractVmlinux(kernel.path));
  const { stdout } = await new Deno.Command("readelf", { args: ["-hn", elf] }).output();
  const said = new TextDecoder().decode(stdout);
  assert.match(said, /EXEC \(Executable file\)/);
  assert.match(said, /Xen\s+0x[0-9a-f]+\s+Unknown note type: \(0x00000012\)/);
});
