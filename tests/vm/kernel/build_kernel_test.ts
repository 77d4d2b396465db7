import assert from "node:assert/strict";
import { LackingError, VmError } from "../../../lib/vm/errors.ts";
import { buildKernel, type BuildKernelOptions } from "../../../lib/vm/kernel/build_kernel.ts";
import { schedscope } from "../../cli/schedscope.ts";
import { fakeTree } from "./fake_tree.ts";

interface Place {
  readonly directory: string;
  readonly tree: string;
  /** How often something was compiled. */
  compiled(): number;
  /** What is in the cache where builds are made. */
  building(): string[];
}

/** Runs `test` with a cache of its own. */
async function withTree(test: (place: Place) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  const names = ["SCHEDSCOPE_CACHE", "COUNT", "PATH", "CC"] as const;
  const before = names.map((name) => Deno.env.get(name));
  Deno.env.set("SCHEDSCOPE_CACHE", `${directory}/cache`);
  Deno.env.set("COUNT", `${directory}/count`);
  try {
    await test({
      directory,
      tree: await fakeTree(directory),
      compiled: () => {
        try {
          return Deno.readTextFileSync(`${directory}/count`).trim().split("\n").length;
        } catch {
          return 0;
        }
      },
      building: () => [...Deno.readDirSync(`${directory}/cache/build`)].map(({ name }) => name),
    });
  } finally {
    names.forEach((name, i) =>
      before[i] === undefined ? Deno.env.delete(name) : Deno.env.set(name, before[i])
    );
    await Deno.remove(directory, { recursive: true });
  }
}

async function fails(options: BuildKernelOptions, message: RegExp): Promise<VmError> {
  let found: unknown;
  await assert.rejects(buildKernel(options), (error) => {
    assert.ok(error instanceof VmError, String(error));
    assert.match(error.message, message);
    found = error;
    return true;
  });
  return found as VmError;
}

Deno.test("a kernel is built once from a tree, again when the tree, the fragment or the compiler is another", () =>
  withTree(async ({ directory, tree, compiled, building }) => {
    const lines: string[] = [];
    const first = await buildKernel({ source: tree, onProgress: (line) => lines.push(line) });
    assert.deepEqual([first.release, first.cached], ["6.6.6-fake", false]);
    assert.deepEqual(await Deno.readFile(first.path), await Deno.readFile(`${tree}/fake`));
    assert.match(await Deno.readTextFile(first.config), /^CONFIG_SCHED_CORE=y$/m);
    assert.deepEqual(lines.slice(0, 2), [`looking through ${await Deno.realPath(tree)}`, "configuring"]);
    assert.match(lines.at(-1)!, /^compiling: 1 files in \d+ s$/);
    assert.deepEqual(building(), []);

    const again = await buildKernel({ source: `${tree}/../linux` });
    assert.deepEqual(again, { ...first, cached: true });
    assert.equal(compiled(), 1);

    const fragment = `${directory}/fragment`;
    await Deno.writeTextFile(fragment, "# more\nCONFIG_NUMA=y\n# CONFIG_ACPI is not set\n\nCONFIG_NR_CPUS=8");
    const other = await buildKernel({ source: tree, config: fragment });
    assert.notEqual(other.path, first.path);
    assert.match(
      await Deno.readTextFile(other.config),
      /CONFIG_NUMA=y\n# CONFIG_ACPI is not set\n\nCONFIG_NR_CPUS=8\n$/,
    );
    await Deno.writeTextFile(`${tree}/arch/x86/new.c`, "int x;\n");
    assert.equal((await buildKernel({ source: tree })).cached, false);
    assert.equal(compiled(), 3);

    // What a build leaves in a tree is no change of it; the build is then made from a copy.
    await Deno.writeTextFile(`${tree}/.config`, "CONFIG_A=y\n");
    await Deno.writeTextFile(`${tree}/arch/x86/new.o`, "");
    assert.equal((await buildKernel({ source: tree })).cached, true);
    await Deno.writeTextFile(`${tree}/arch/x86/new.c`, "int xy;\n");
    assert.equal((await buildKernel({ source: tree })).cached, false);
    assert.equal(await Deno.readTextFile(`${tree}/.config`), "CONFIG_A=y\n");
  }));

Deno.test("a tarball is known by its content, wherever it lies", () =>
  withTree(async ({ directory, tree, compiled }) => {
    const tarball = `${directory}/linux.tar.gz`;
    await new Deno.Command("tar", { args: ["-czf", tarball, "-C", directory, "linux"] }).output();
    const first = await buildKernel({ source: tarball });
    await Deno.rename(tarball, `${directory}/moved.tar.gz`);
    assert.deepEqual(await buildKernel({ source: `${directory}/moved.tar.gz` }), { ...first, cached: true });
    assert.equal(compiled(), 1);

    await new Deno.Command("tar", { args: ["-cf", tarball, "-C", tree, "Makefile"] }).output();
    await fails({ source: tarball }, /linux\.tar\.gz holds no kernel tree/);
  }));

Deno.test("wrong sources, fragments and configurations are told in a sentence, and leave nothing", () =>
  withTree(async ({ directory, tree, building }) => {
    await fails({ source: `${directory}/none` }, /none does not exist; give a directory or a tarball/);
    await fails({ source: directory }, /is no kernel tree: it has no Kbuild/);
    await fails({ source: `${tree}/Kbuild` }, /Kbuild does not unpack: tar: /);
    await fails({ source: "apt:no package" }, /apt:no package names no package/);
    await fails({ source: tree, config: `${directory}/none` }, /none does not exist; give a file of lines/);
    await Deno.writeTextFile(`${directory}/wrong`, "CONFIG_A=y\nCONFIG_B=maybe\n");
    await fails({ source: tree, config: `${directory}/wrong` }, /wrong: line 2 is no option of a kernel/);
    await assert.rejects(
      buildKernel({ source: tree, jobs: 0 }),
      /Expected jobs to be an integer greater than 0/,
    );

    await Deno.writeTextFile(`${tree}/broken`, "");
    await fails({ source: tree }, /could not be compiled:\nfake\.c:3:1: error: nothing works\nmake: \*\*\*/);
    await Deno.remove(`${tree}/broken`);

    await Deno.writeTextFile(`${tree}/drop`, "CONFIG_SCHED_CORE\nCONFIG_PSI\n");
    const lines: string[] = [];
    await buildKernel({ source: tree, onProgress: (line) => lines.push(line) });
    assert.ok(lines.includes("6.6.6 has no option PSI, PSI_DEFAULT_DISABLED"), lines.join("\n"));
    assert.ok(
      lines.some((line) => /^Kconfig does not allow SCHED_CORE=y \(it is n\)/.test(line)),
      lines.join("\n"),
    );

    await Deno.writeTextFile(`${tree}/drop`, "CONFIG_HWLAT\n");
    await fails({ source: tree }, /configuration of 6\.6\.6 loses CONFIG_HWLAT_TRACER, which guests need: /);
    assert.deepEqual(building(), []);
  }));

Deno.test("a machine without what builds a kernel is told all of it at once, with the command that installs it", () =>
  withTree(async ({ directory, tree }) => {
    const path = `${directory}/bin`;
    await Deno.mkdir(path);
    const find = (name: string) =>
      Deno.env.get("PATH")!.split(":").map((place) => `${place}/${name}`).find((file) => {
        try {
          return Deno.statSync(file).isFile;
        } catch {
          return false;
        }
      })!;
    for (const name of ["make", "ld", "awk", "cmp", "tar", "xz", "gzip"]) {
      await Deno.symlink(find(name), `${path}/${name}`);
    }
    Deno.env.set("PATH", path);
    Deno.env.delete("CC");
    const error = await fails(
      { source: tree },
      /cannot be built here without gcc, flex, bison, bc, <stdio\.h>, <gelf\.h>; install with: .*apt-get install -y gcc flex bison bc libc6-dev libelf-dev$/,
    );
    assert.ok(error instanceof LackingError);
    assert.match(error.remedy, /apt-get install/);
  }));

Deno.test("an aborted build ends all it started and leaves nothing", () =>
  withTree(async ({ directory, tree, building, compiled }) => {
    await Deno.writeTextFile(`${tree}/slow`, "");
    const controller = new AbortController();
    const build = buildKernel({ source: tree, signal: controller.signal });
    const started = performance.now();
    while (compiled() === 0 && performance.now() - started < 20_000) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    controller.abort(new Error("enough"));
    await assert.rejects(build, /^Error: enough$/);
    assert.deepEqual(building(), []);
    const pid = Number((await Deno.readTextFile(`${directory}/count`)).trim());
    await assert.rejects(Deno.stat(`/proc/${pid}`), Deno.errors.NotFound);
    assert.ok(performance.now() - started < 25_000, "it did not wait for the compilation");
    await assert.rejects(
      buildKernel({ source: tree, signal: AbortSignal.abort(new Error("before")) }),
      /before/,
    );
  }));

Deno.test("processes that want the same kernel build it once, and one that is killed leaves nothing that stays", () =>
  withTree(async ({ directory, tree, compiled, building }) => {
    const args = ["vm", "kernel", "--source", tree, "--json"];
    await Deno.writeTextFile(`${tree}/slow`, "");
    const main = new URL("../../../lib/cli/main.ts", import.meta.url).pathname;
    const killed = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "-q", main, ...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    for (let i = 0; i < 1500 && compiled() === 0; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(compiled(), 1);
    killed.kill("SIGKILL");
    await killed.status;
    assert.equal(building().length, 1);

    await Deno.remove(`${tree}/slow`);
    const ended = await Promise.all([schedscope(args), schedscope(args), schedscope(args)]);
    for (const { code, err } of ended) assert.equal(code, 0, err);
    assert.equal(new Set(ended.map(({ out }) => (JSON.parse(out) as { path: string }).path)).size, 1);
    assert.equal(ended.filter(({ out }) => !(JSON.parse(out) as { cached: boolean }).cached).length, 1);
    assert.equal(compiled(), 2);
    assert.deepEqual(building(), []);
    assert.deepEqual(
      [...Deno.readDirSync(`${directory}/cache/kernel`)].filter(({ isDirectory }) => isDirectory).length,
      1,
    );
  }));
