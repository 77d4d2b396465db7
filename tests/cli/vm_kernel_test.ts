import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { fakeBzImage, fakeVmlinux, pack } from "../vm/kernel/fake_kernel.ts";
import { fakeTree } from "../vm/kernel/fake_tree.ts";
import { testKernel } from "../vm/test_kernel.ts";
import { MAIN, schedscope } from "./schedscope.ts";

const kernel = (...args: string[]) => schedscope(["vm", "kernel", ...args]);

async function withDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("schedscope vm kernel prints the path of the kernel, --json more, and nothing else to its output", async () => {
  const built = await testKernel();
  const plain = await kernel();
  assert.deepEqual([plain.code, plain.out, plain.err], [0, `${built.path}\n`, ""]);
  const json = await kernel("--json");
  assert.deepEqual(JSON.parse(json.out), { ...built, cached: true });
});

Deno.test("schedscope vm kernel --examine tells what a kernel is and has, and the same to scripts", async () => {
  const { path, release } = await testKernel();
  const { code, out } = await kernel("--examine", path);
  assert.equal(code, 0);
  assert.match(out, /PVH entry +yes: QEMU starts its vmlinux directly/);
  assert.match(out, /configuration +in the kernel, \d+ options/);
  assert.match(
    out,
    /to boot: it has everything\n\ntarget user: it has everything\n\ntarget kvm: it has everything\n$/,
  );
  const json = JSON.parse((await kernel("--examine", path, "--json")).out);
  assert.equal(json.release, release);
  assert.deepEqual(json.lacks, { boot: [], user: [], kvm: [] });
});

Deno.test("schedscope vm kernel --examine lists each missing option once, under the first target that needs it", () =>
  withDirectory(async (directory) => {
    const file = `${directory}/bzImage`;
    await Deno.writeFile(file, fakeBzImage(await pack(fakeVmlinux({ pvh: false }), "gzip")));
    const unknown = await kernel("--examine", file);
    assert.match(
      unknown.out,
      /PVH entry +no: it starts through its bzImage\n +configuration +not known: .*--config$/m,
    );

    const { config } = await testKernel();
    const text = (await Deno.readTextFile(config)).replace(
      /CONFIG_(SERIAL_8250_CONSOLE|SCHED_CORE)=y\n/g,
      "",
    );
    await Deno.writeTextFile(`${directory}/some.config`, text);
    const { code, out } = await kernel("--examine", file, "--config", `${directory}/some.config`);
    assert.equal(code, 0);
    assert.match(
      out,
      /to boot: it does not work without CONFIG_SERIAL_8250_CONSOLE\n +! SERIAL_8250_CONSOLE +it has no console/,
    );
    assert.match(
      out,
      /target user: it does not work without CONFIG_SERIAL_8250_CONSOLE\n +SCHED_CORE +there are no/,
    );
    assert.equal(out.match(/ SERIAL_8250_CONSOLE +it has/g)?.length, 1);
  }));

Deno.test("schedscope vm kernel says what is wrong in a line, and ends with 1, 2 or 3", () =>
  withDirectory(async (directory) => {
    const arm = `${directory}/Image`;
    const bytes = Buffer.alloc(4096);
    bytes.write("ARMd", 0x38);
    await Deno.writeFile(arm, bytes);
    const broken = `${directory}/broken`;
    await Deno.writeFile(broken, (await Deno.readFile((await testKernel()).path)).subarray(0, 1_000_000));
    for (
      const [args, code, message] of [
        [
          ["--examine", `${directory}/none`],
          1,
          /none does not exist; "schedscope vm kernel" builds a kernel/,
        ],
        [["--examine", directory], 1, /is a directory; give the bzImage/],
        [["--examine", MAIN], 1, /main\.ts is a text file/],
        [["--examine", arm], 1, /is an arm64 Image/],
        [["--examine", broken], 1, /is damaged: it ends after 1000000 of the \d+ bytes/],
        [["--source", `${directory}/none`], 1, /none does not exist; give a directory or a tarball/],
        [["--jobs", "0"], 2, /Expected --jobs to be an integer greater than 0 but found 0/],
        [["--examine", arm, "--source", "x"], 2, /--source builds and --examine does not/],
        [["bzImage"], 2, /Expected options only but found bzImage/],
        [["--frobnicate"], 2, /no option --frobnicate/],
      ] as const
    ) {
      const ended = await kernel(...args);
      assert.deepEqual([ended.code, ended.out], [code, ""], ended.err);
      assert.match(ended.err, message);
      assert.equal(ended.err.trim().split("\n").length, code === 2 ? 2 : 1, ended.err);
    }
  }));

Deno.test("schedscope vm kernel on a full disk says so, names the way out and leaves nothing", () =>
  withDirectory(async (directory) => {
    const tree = await fakeTree(directory);
    const cache = `${directory}/cache`;
    await Deno.mkdir(cache);
    // A disk of its own, seen by this process alone and gone with it.
    const script =
      `mount -t tmpfs -o size=8m none "$1" && { SCHEDSCOPE_CACHE=$1 "$2" run -A -q "$3" vm kernel --source "$4"; code=$?; ls "$1/build"; exit $code; }`;
    const { code, stdout, stderr } = await new Deno.Command("unshare", {
      args: ["--mount", "sh", "-c", script, "sh", cache, Deno.execPath(), MAIN, tree],
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder();
    const said = text.decode(stderr);
    assert.deepEqual([code, text.decode(stdout)], [3, ""], said);
    assert.match(
      said,
      /^schedscope vm.*: No space is left in \S+\/cache\/build for the 400 MB that are needed there; free some, or set SCHEDSCOPE_CACHE/m,
    );
  }));
