import assert from "node:assert/strict";
import { ensurePackages } from "../../../lib/tools/apt.ts";
import { LackingError } from "../../../lib/vm/errors.ts";
import { elfClosure } from "../../../lib/vm/initrd/elf_closure.ts";
import { ElfError, readElf } from "../../../lib/vm/initrd/read_elf.ts";

const QEMU = "/usr/bin/qemu-system-x86_64";

/** The files that the loader itself would map, by their real paths; undefined for a static program. */
async function ldd(path: string): Promise<Set<string> | undefined> {
  const { stdout } = await new Deno.Command("ldd", { args: [path], stderr: "null", env: { LC_ALL: "C" } })
    .output();
  const text = new TextDecoder().decode(stdout);
  assert.ok(!text.includes("not found"), text);
  if (text.includes("statically linked") || text.trim() === "") return undefined;
  const paths = [...text.matchAll(/(?:=> |^\s)(\/\S+) \(0x/gm)].map(([, found]) =>
    found!.replace(/\/glibc-hwcaps\/[^/]+/, "")
  );
  return new Set(paths.map((found) => Deno.realPathSync(found)));
}

async function closureOf(path: string): Promise<Set<string>> {
  const files = await elfClosure([path]);
  assert.equal(files[0]!.path, path);
  const rest = files.slice(1).map((file) => Deno.realPathSync(file.path));
  assert.equal(new Set(rest).size, rest.length, "twice");
  return new Set(rest);
}

function sorted(paths: Set<string>): string[] {
  return [...paths].sort();
}

Deno.test("the closure is what the loader maps: QEMU, its modules and programs of this machine", async () => {
  await ensurePackages([{ program: QEMU, package: "qemu-system-x86" }]);
  const modules = "/usr/lib/x86_64-linux-gnu/qemu";
  const some = [
    QEMU,
    "/bin/bash",
    "/bin/ls",
    Deno.execPath(),
    "/usr/bin/perf",
    "/usr/bin/python3",
    "/usr/bin/as",
  ];
  for (const { name } of Deno.readDirSync(modules)) some.push(`${modules}/${name}`);
  let compared = 0;
  for (const path of some) {
    const expected = await ldd(path).catch(() => undefined);
    if (expected === undefined) continue;
    compared++;
    assert.deepEqual(sorted(await closureOf(path)), sorted(expected), path);
  }
  assert.ok(compared > 10, `${compared} compared`);
});

Deno.test("what a module needs beyond its program is in the closure, once", async () => {
  await ensurePackages([{ program: QEMU, package: "qemu-system-x86" }]);
  const module = "/usr/lib/x86_64-linux-gnu/qemu/accel-tcg-x86_64.so";
  const files = await elfClosure([QEMU], { extra: [module, module] });
  const paths = files.map((file) => file.path);
  assert.equal(new Set(paths).size, paths.length);
  assert.equal(files.find((file) => file.path === module)!.role, "library");
  const alone = await closureOf(module);
  const real = new Set(paths.map((path) => Deno.realPathSync(path)));
  for (const path of alone) assert.ok(real.has(path), path);
  for (const file of files) assert.equal(file.throughCache, false, file.path);
});

/** Compiles a program that asks for liba, which asks for libb, and places that give them. */
async function compiled(directory: string): Promise<void> {
  const cc = async (...args: string[]) => {
    const { success, stderr } = await new Deno.Command("cc", { args, cwd: directory }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
  };
  for (const name of ["bin", "one", "two", "plug"]) await Deno.mkdir(`${directory}/${name}`);
  await Deno.writeTextFile(`${directory}/b.c`, "int b(void) { return 42; }\n");
  await Deno.writeTextFile(`${directory}/a.c`, "int b(void); int a(void) { return b(); }\n");
  await Deno.writeTextFile(`${directory}/m.c`, "int a(void); int main(void) { return a(); }\n");
  await cc("-shared", "-fPIC", "-o", "two/libb.so.1", "b.c", "-Wl,-soname,libb.so.1");
  await cc("-shared", "-fPIC", "-o", "one/liba.so.1", "a.c", "two/libb.so.1", "-Wl,-soname,liba.so.1");
  const main = ["m.c", "one/liba.so.1", "-Wl,--allow-shlib-undefined"];
  await cc("-o", "bin/rpath", ...main, "-Wl,--disable-new-dtags,-rpath,$ORIGIN/../one:${ORIGIN}/../two");
  await cc("-o", "bin/runpath", ...main, "-Wl,--enable-new-dtags,-rpath,$ORIGIN/../one:$ORIGIN/../two");
  await cc("-static", "-o", "bin/static", "m.c", "a.c", "b.c");
}

Deno.test("DT_RPATH is inherited, DT_RUNPATH is not, $ORIGIN is where the file is: as the loader does", async () => {
  const directory = await Deno.realPath(await Deno.makeTempDir());
  try {
    await compiled(directory);
    assert.equal((await new Deno.Command(`${directory}/bin/rpath`).output()).code, 42);
    const names = sorted(await closureOf(`${directory}/bin/rpath`)).filter((path) =>
      path.startsWith(directory)
    );
    assert.deepEqual(names, [`${directory}/one/liba.so.1`, `${directory}/two/libb.so.1`]);

    // libb is asked for by liba, and the program's DT_RUNPATH counts for the program's own needs alone.
    assert.equal((await new Deno.Command(`${directory}/bin/runpath`).output()).code, 127);
    await assert.rejects(elfClosure([`${directory}/bin/runpath`]), (error: LackingError) => {
      assert.ok(error instanceof LackingError);
      assert.match(error.message, /one\/liba\.so\.1 needs the library libb\.so\.1, which is in none of/);
      assert.match(error.remedy, /apt-file search libb\.so\.1/);
      return true;
    });

    // A link to the program elsewhere does not move its $ORIGIN.
    await Deno.symlink("../bin/rpath", `${directory}/plug/link`);
    assert.equal(
      (await closureOf(`${directory}/plug/link`)).size,
      (await closureOf(`${directory}/bin/rpath`)).size,
    );

    // A directory of ld.so.conf gives it, and the loader will need its cache for that.
    await Deno.mkdir(`${directory}/conf.d`);
    await Deno.writeTextFile(
      `${directory}/conf.d/x.conf`,
      `# comment\n${directory}/two # and more\nhwcap 0 nosegneg\n`,
    );
    await Deno.writeTextFile(`${directory}/ld.so.conf`, "include conf.d/*.conf\ninclude conf.d/*.conf\n");
    const files = await elfClosure([`${directory}/bin/runpath`], {
      configuration: `${directory}/ld.so.conf`,
    });
    const libb = files.find((file) => file.path.endsWith("libb.so.1"))!;
    assert.deepEqual([libb.path, libb.throughCache], [`${directory}/two/libb.so.1`, true]);
    assert.equal(libb.neededBy, `${directory}/bin/../one/liba.so.1`);

    assert.deepEqual((await elfClosure([`${directory}/bin/static`])).map((file) => file.path), [
      `${directory}/bin/static`,
    ]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a file that is no ELF file, or a damaged one, is named in one sentence", async () => {
  await assert.rejects(elfClosure(["/etc/passwd"]), {
    name: "ElfError",
    message: /^\/etc\/passwd is no x86-64 ELF file/,
  });
  const whole = await Deno.readFile("/bin/ls");
  assert.ok(readElf(whole, "ls").needed.length > 0);
  let damaged = 0;
  for (let cut = 64; cut < whole.length; cut += 997) {
    try {
      readElf(whole.subarray(0, cut), "ls");
    } catch (error) {
      assert.ok(error instanceof ElfError, String(error));
      damaged++;
    }
  }
  assert.ok(damaged > 0);
  // Any one byte of its headers wrong: an answer or the same error, never another, and soon.
  for (let at = 4; at < 800; at++) {
    for (const value of [0, 0x7f, 0xff]) {
      const wrong = whole.slice();
      wrong[at] = value;
      try {
        readElf(wrong, "ls");
      } catch (error) {
        assert.ok(error instanceof ElfError, `byte ${at} = ${value}: ${error}`);
      }
    }
  }
});
