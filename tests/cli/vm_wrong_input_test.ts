import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { gunzipSync, gzipSync } from "node:zlib";
import { ensurePackages } from "../../lib/tools/apt.ts";
import { bootable } from "../../lib/vm/kernel/mod.ts";
import { testKernel } from "../vm/test_kernel.ts";
import { type Ended, MAIN } from "./schedscope.ts";

await ensurePackages([{ program: "busybox", package: "busybox-static" }]);

/** A run, and how long it took from its interruption to its end. */
interface Ran extends Ended {
  /** Milliseconds from the SIGINT to the end; undefined where there was none. */
  readonly reaction: number | undefined;
}

interface RunOptions {
  /** Environment variables besides ours. */
  readonly env?: Readonly<Record<string, string>>;
  /** A SIGINT is sent when this is seen in what it prints. */
  readonly interruptAt?: RegExp;
  /** What runs it: a program and its first arguments. Default: nothing between. */
  readonly under?: readonly string[];
}

/** A directory for a test, and the runs in it. */
class Place {
  readonly path = Deno.makeTempDirSync();
  /** Where guests have their sockets: nobody else's are in it. */
  readonly #runtime = Deno.makeTempDirSync();

  /** Runs `schedscope vm ARGS`; fails where anything of a guest is left. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const [program, ...first] = [...options.under ?? [], Deno.execPath()];
    const child = new Deno.Command(program!, {
      args: [...first, "run", "-A", "-q", MAIN, "vm", ...args],
      env: { NO_COLOR: "1", XDG_RUNTIME_DIR: this.#runtime, ...options.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    // Nothing here may take long; a hang shall fail this test and not its neighbours.
    const late = setTimeout(() => child.kill("SIGKILL"), 120_000);
    let interrupted: number | undefined;
    const text = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
      let all = "";
      for await (const part of stream.pipeThrough(new TextDecoderStream())) {
        all += part;
        if (interrupted === undefined && options.interruptAt?.test(all)) {
          interrupted = performance.now();
          child.kill("SIGINT");
        }
      }
      return all;
    };
    const [out, err, { code }] = await Promise.all([text(child.stdout), text(child.stderr), child.status]);
    clearTimeout(late);
    const what = `${args.join(" ")}: ${err}`;
    assert.deepEqual(names(this.#runtime), [], `a run directory is left: ${what}`);
    assert.deepEqual(processesNaming(this.#runtime), [], `a QEMU is left: ${what}`);
    assert.doesNotMatch(err, /^ +at /m, `a stack: ${what}`);
    const reaction = interrupted === undefined ? undefined : performance.now() - interrupted;
    return { code, out, err, reaction };
  }

  /** Runs it and expects `code` and, at last, one sentence that `said` matches, of which the rest is a console's. */
  async expect(args: readonly string[], code: number, said: RegExp, options: RunOptions = {}): Promise<Ran> {
    const ran = await this.run(args, options);
    assert.equal(ran.code, code, `${args.join(" ")}: ${ran.err}`);
    assert.match(ran.err, said);
    const sentences = ran.err.split("\n").filter((line) => line.startsWith("schedscope vm"));
    assert.equal(sentences.length, 1, ran.err);
    assert.match(sentences[0]!, said);
    return ran;
  }

  [Symbol.dispose](): void {
    for (const path of [this.path, this.#runtime]) Deno.removeSync(path, { recursive: true });
  }
}

function names(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
}

/** Process ids of the QEMUs with `path` in their command lines. */
function processesNaming(path: string): string[] {
  return names("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const command = Deno.readTextFileSync(`/proc/${pid}/cmdline`);
      return command.includes(path) && command.includes("qemu");
    } catch {
      return false;
    }
  });
}

/** The kernel `vmlinux` with a configuration in it that lacks `option`; its code is as it was. */
function without(vmlinux: Uint8Array, option: string): Uint8Array {
  const bytes = Buffer.from(vmlinux);
  const start = bytes.indexOf("IKCFG_ST") + 8, end = bytes.indexOf("IKCFG_ED", start);
  const lines = gunzipSync(bytes.subarray(start, end)).toString().split("\n")
    // The headings are left out, so that the new one is no longer than the old one.
    .filter((line) => /^CONFIG_|Kernel Configuration$/.test(line));
  assert.ok(lines.includes(`CONFIG_${option}=y`), option);
  const packed = gzipSync(lines.filter((line) => line !== `CONFIG_${option}=y`).join("\n"));
  assert.ok(packed.length <= end - start);
  bytes.fill(0, start, end + 8);
  packed.copy(bytes, start);
  bytes.write("IKCFG_ED", start + packed.length);
  return bytes;
}

/** Words that make a run short; the accelerator is named so that none is tried. */
const SHORT = ["--accelerator", "tcg", "--seconds", "1", "--pairs", "2", "--isolation", "none"];

/** Tries `test` again where the machine may have been too busy for a boot. */
async function attempts(test: () => Promise<void>): Promise<void> {
  for (let left = 2;; left--) {
    try {
      return await test();
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

Deno.test("vm user, kvm and initrd say of each file that is no kernel what it is", async () => {
  using place = new Place();
  const at = (name: string) => `${place.path}/${name}`;
  await Deno.mkdir(at("directory"));
  await Deno.writeTextFile(at("empty"), "");
  await Deno.writeTextFile(at("text"), "this is no kernel\n".repeat(100));
  const arm = new Uint8Array(65536);
  arm.set(new TextEncoder().encode("ARM\x64"), 0x38);
  await Deno.writeFile(at("Image"), arm);
  const kernel = await Deno.readFile((await testKernel()).path);
  await Deno.writeFile(at("cut"), kernel.subarray(0, 1_000_000));
  await Deno.writeFile(at("header"), kernel.subarray(0, 300));
  const small = kernel.slice();
  small[0x236]! &= ~1; // XLF_KERNEL_64
  await Deno.writeFile(at("bzImage32"), small);
  const before = names(place.path);
  const cases: readonly [name: string, said: RegExp][] = [
    ["none", /none does not exist; "schedscope vm kernel" builds a kernel/],
    ["directory", /directory is a directory; give the bzImage/],
    ["empty", /empty is empty; give the bzImage/],
    ["text", /text is a text file; give the bzImage/],
    ["Image", /Image is an arm64 Image; give the bzImage/],
    ["bzImage32", /bzImage32 is a 32-bit kernel \(i386\); guests need an x86-64 one/],
    ["cut", /cut is damaged: it ends after 1000000 of the \d+ bytes/],
    ["header", /header is no kernel: /],
  ];
  await Promise.all(cases.map(async ([name, said]) => {
    await place.expect(["user", "-o", at("log"), at(name)], 1, said);
    if (name === "cut" || name === "Image") {
      await place.expect(["kvm", "--trace", at("log"), at(name)], 1, said);
      await place.expect(["initrd", "--nested", "--kernel", at(name)], 1, said);
    }
  }));
  assert.deepEqual(names(place.path), before, "nothing is left");
});

Deno.test("what a kernel's configuration lacks is said before it boots, with exit code 3", async () => {
  using place = new Place();
  const vmlinux = await Deno.readFile(await bootable((await testKernel()).path));
  const cases: readonly [option: string, args: readonly string[], said: RegExp][] = [
    ["BLK_DEV_INITRD", ["user"], /without BLK_DEV_INITRD it takes no initial RAM disk/],
    ["SERIAL_8250_CONSOLE", ["user"], /without SERIAL_8250_CONSOLE it has no console on the serial line/],
    ["VIRTIO_CONSOLE", ["kvm"], /without VIRTIO_CONSOLE there is no channel to the host/],
    ["SCHED_CORE", ["user", "--isolation", "cookies"], /no core scheduling .*ask for --isolation none/],
    ["SCHED_CORE", ["kvm", "--isolation", "cookies"], /no core scheduling .*ask for --isolation none/],
    ["HWLAT_TRACER", ["kvm"], /without HWLAT_TRACER the guests within have no hwlat tracer/],
  ];
  for (const [option, args, said] of cases) {
    const file = `${place.path}/vmlinux`;
    await Deno.writeFile(file, without(vmlinux, option));
    const { err } = await place.expect([...args, file], 3, said);
    assert.match(err, /; (set the options, or )?build (a kernel|one) by "schedscope vm kernel"/);
    assert.doesNotMatch(err, /booting/);
  }
});

Deno.test("wrong options are wrong usage, and name the command's own help", async () => {
  using place = new Place();
  const cases: readonly [args: readonly string[], said: RegExp][] = [
    [["user"], /Expected one KERNEL but found 0/],
    [["kvm", "a", "b"], /Expected one KERNEL but found 2/],
    [["user", "--seconds", "-1", "a"], /Expected --seconds to be a duration .*"-1"/],
    [["kvm", "--seconds", "0", "a"], /Expected --seconds to be from 1 s .*found 0/],
    [["user", "--isolation", "foo", "a"], /Expected --isolation to be auto, .*"foo"/],
    [["user", "--memory", "x", "a"], /Expected --memory to be a whole number but found "x"/],
    [["user", "--memory", "1", "a"], /Expected --memory to be from 128 /],
    [["kvm", "--vms", "0", "a"], /Expected --vms to be from 1 to 64 but found 0/],
    [["user", "-o", "", "a"], /Expected --output to name a directory but found nothing/],
    [["kvm", "--trace", "", "a"], /Expected --trace to name a directory but found nothing/],
  ];
  await Promise.all(cases.map(async ([args, said]) => {
    const { err } = await place.expect(args, 2, said);
    assert.match(err, new RegExp(`^Try: schedscope vm ${args[0]} --help$`, "m"));
  }));
  await place.expect(["foo"], 2, /no command "vm foo"; there are: kernel, /);
});

Deno.test("an output that cannot be is known before the guest boots", async () => {
  using place = new Place();
  const { path } = await testKernel();
  await Deno.mkdir(`${place.path}/mine`);
  await Deno.writeTextFile(`${place.path}/mine/letter`, "dear");
  const cases: readonly [output: string, said: RegExp][] = [
    [`${place.path}/mine`, /mine is there already and is no tracefs capture; name another output/],
    [`${place.path}/mine/letter/log`, /cannot be written to .*: a part of that path is a file; name another/],
    ["/proc/trace", /The trace cannot be written to \/proc\/trace: no directory can be made there/],
  ];
  for (const [output, said] of cases) {
    await place.expect(["user", "-o", output, path], 1, said);
    await place.expect(["kvm", "--trace", output, path], 1, said);
  }
  assert.deepEqual(names(`${place.path}/mine`), ["letter"]);
});

Deno.test("no QEMU, none that runs, one that dies at once", async () => {
  using place = new Place();
  const { path } = await testKernel();
  const args = ["user", ...SHORT, "-o", `${place.path}/log`, path];
  // All programs of this machine but QEMU.
  const bin = `${place.path}/bin`;
  await Deno.mkdir(bin);
  for (const directory of (Deno.env.get("PATH") ?? "").split(":").filter((name) => name !== "")) {
    let programs: string[] = [];
    try {
      programs = names(directory).filter((name) => !name.startsWith("qemu-"));
    } catch {
      // Not every directory of a PATH is there.
    }
    for (const name of programs) {
      await Deno.symlink(`${directory}/${name}`, `${bin}/${name}`).catch(() => {});
    }
  }
  await place.expect(args, 3, /qemu-system-x86_64 is not installed; install it: apt-get install/, {
    env: { PATH: bin, SCHEDSCOPE_QEMU: "" },
  });
  await place.expect(
    args,
    3,
    /\/nonexistent, which SCHEDSCOPE_QEMU names, does not run; unset it, or install/,
    {
      env: { SCHEDSCOPE_QEMU: "/nonexistent" },
    },
  );
  await place.expect(args, 3, /\/bin\/true does not say that it is QEMU/, {
    env: { SCHEDSCOPE_QEMU: "/bin/true" },
  });
  const dying = `${place.path}/qemu`;
  await Deno.writeTextFile(
    dying,
    `#!/bin/sh
[ "$1" = --version ] && { echo QEMU emulator version 7.2.0; exit; }
echo "qemu: the moon is wrong" >&2
exit 1
`,
    { mode: 0o755 },
  );
  await place.expect(args, 1, /The guest did not come up: QEMU ended with code 1: the moon is wrong/, {
    env: { SCHEDSCOPE_QEMU: dying },
  });
  assert.deepEqual(names(place.path), ["bin", "qemu"]);
});

Deno.test("a panic, a guest that runs out of memory and a silent one are told as such", () =>
  attempts(async () => {
    using place = new Place();
    const { path } = await testKernel();
    const args = ["user", ...SHORT, "-o", `${place.path}/log`];
    await place.expect(
      [...args, "--cmdline", "rdinit=/nonexistent", path],
      1,
      /The guest did not come up: the guest's kernel panicked: .*Unable to mount root fs/,
    );
    await place.expect(
      [...args, "--memory", "128", "--buffer", "60000", path],
      1,
      /The guest ran out of memory.*; give it more than 128 MiB \(--memory\): /,
    );
    // As a kernel without a serial console is, whose configuration is not known.
    await place.expect(
      [...args, "--cmdline", "8250.nr_uarts=0", path],
      3,
      /not one character came over its serial console.*; give it a kernel with CONFIG_SERIAL_8250_CONSOLE/,
    );
    assert.deepEqual(names(place.path), []);
  }));

Deno.test("a full disk is told wherever it is, and nothing half-written stays", () =>
  attempts(async () => {
    using place = new Place();
    const { path } = await testKernel();
    const small = `${place.path}/small`;
    await Deno.mkdir(small);
    // A disk of its own, seen by this process alone and gone with it; what is left on it is told.
    const under = [
      "unshare",
      "--mount",
      "sh",
      "-c",
      'small=$1; shift; mount -t tmpfs -o size=1m none "$small" && { "$@"; code=$?; find "$small" -type f; exit $code; }',
      "sh",
      small,
    ];
    const log = ["user", ...SHORT, "-o", `${small}/log`, path];
    const dumped = await place.expect(
      log,
      1,
      /The trace cannot be written to .*small\/log: no space is left there/,
      {
        under,
      },
    );
    assert.doesNotMatch(dumped.out, /^\//m);
    const env = { SCHEDSCOPE_CACHE: small };
    const full = /No space is left in .*small\/(vmlinux|initrd) for the \d+ MB .*set SCHEDSCOPE_CACHE/;
    const cached = await place.expect(["user", "-o", `${place.path}/log`, path], 3, full, { under, env });
    assert.equal(cached.out, "");
    const initrd = await place.expect(["initrd"], 3, full, { under, env });
    assert.equal(initrd.out, "");
    assert.deepEqual(names(place.path), ["small"]);
  }));

Deno.test("Ctrl-C ends a run in every phase, at once, and what was measured is the result", () =>
  attempts(async () => {
    using place = new Place();
    const { path } = await testKernel();
    const log = `${place.path}/log`;
    const args = ["user", ...SHORT.with(3, "60"), "--max-gap", "60s", "-o", log, path];
    const booting = await place.expect(args, 1, /interrupted/, { interruptAt: /^\[booting\]/m });
    // Three seconds where the machine has nothing else to do.
    assert.ok(booting.reaction! < 15_000, `${booting.reaction} ms`);
    assert.deepEqual(names(place.path), []);
    const measuring = await place.run(args, { interruptAt: /Max latency/ });
    assert.equal(measuring.code, 0, measuring.err);
    assert.match(measuring.out, /\(interrupted\)/);
    assert.ok(measuring.reaction! < 30_000, `${measuring.reaction} ms`);
    assert.deepEqual(names(place.path), ["log"]);
  }));
