/**
 * Boots one kernel by schedscope, by a plain `qemu-system-x86_64` line and by virtme-ng, in turn, with as many CPUs and as much memory, all
 * of them without KVM, and prints how long it took from the start of the program to the first process of the guest and to the output of the
 * first command. Prints; never fails by figures.
 *
 *     deno run -A tests/bench/boot_bench.ts [rounds]
 */
import { visibleText } from "../../lib/frame/visible_text.ts";
import { ensurePackages } from "../../lib/tools/apt.ts";
import { buildInitrd } from "../../lib/vm/initrd/build_initrd.ts";
import { startGuest } from "../../lib/vm/qemu/start_guest.ts";
import { pythonWith } from "../python_with.ts";
import { testKernel } from "../vm/test_kernel.ts";
import { addToTable } from "./closing_table.ts";
import { median } from "./side_by_side.ts";

const rounds = Number(Deno.args[0] ?? "5");
/** Longest that one boot may take, ms: virtme-ng reads the host's files through 9p, which is slow under TCG. */
const DEADLINE = 180_000;
const INIT = "schedscope: init";
const HELLO = "schedscope: hello";

/** Milliseconds from the start of the program. */
interface Boot {
  /** To the first line of the guest's first process. */
  readonly init: number;
  /** To the output of the first command. */
  readonly command: number;
}

interface Contestant {
  readonly name: string;
  boot(): Promise<Boot>;
}

/** Starts `program`, waits for the words in what it prints and, where it does not end by itself then (`ends`), ends it. */
async function until(
  program: string,
  args: readonly string[],
  init: string | RegExp,
  command: string,
  ends = false,
): Promise<Boot> {
  const start = performance.now();
  // timeout(1) ends the whole group: programs that start QEMU in their turn.
  const child = new Deno.Command("setpriv", {
    args: ["--pdeathsig", "TERM", "timeout", "-k", "5", `${DEADLINE / 1000}`, program, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const end = () => {
    try {
      child.kill("SIGTERM");
    } catch {
      // It ended by itself.
    }
  };
  let text = "";
  let [atInit, atCommand] = [NaN, NaN];
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (Number.isNaN(atInit) && text.search(init) >= 0) atInit = performance.now() - start;
      if (Number.isNaN(atCommand) && text.includes(command)) {
        atCommand = performance.now() - start;
        if (!ends) end();
      }
    }
  };
  await Promise.all([read(child.stdout), read(child.stderr)]);
  await child.status;
  if (Number.isNaN(atCommand)) console.log(`${program} did not come up: ${visibleText(text.slice(-300))}`);
  return { init: atInit, command: atCommand };
}

await ensurePackages([
  { program: "qemu-system-x86_64", package: "qemu-system-x86" },
  { program: "busybox", package: "busybox-static" },
  { program: "setpriv", package: "util-linux" },
]);
const { path: kernel } = await testKernel();
const { path: initrd } = await buildInitrd("l1");

const contestants: Contestant[] = [
  {
    name: "schedscope, startGuest and exec",
    async boot() {
      const start = performance.now();
      await using guest = await startGuest({
        kernel,
        initrd,
        cores: 2,
        threads: 2,
        memory: 512,
        accelerator: "tcg",
        pin: false,
      });
      await guest.agent.exec(["echo", HELLO]);
      return { init: (guest.bootTime ?? NaN) / 1e6, command: performance.now() - start };
    },
  },
  {
    // The same kernel, as it was built, and the same initrd.
    name: "qemu-system-x86_64 -kernel bzImage",
    boot: () =>
      until(
        "qemu-system-x86_64",
        [
          ...[
            "-kernel",
            kernel,
            "-initrd",
            initrd,
            "-append",
            "console=ttyS0 quiet no_timer_check schedscope.shell",
          ],
          ...["-smp", "4", "-m", "512", "-nographic", "-no-reboot", "-accel", "tcg"],
        ],
        INIT,
        "schedscope: a shell",
      ),
  },
];
try {
  const python = await pythonWith("virtme-ng", ["virtme-ng==1.42"]);
  const programs = python.slice(0, python.lastIndexOf("/"));
  contestants.push({
    name: "virtme-ng 1.42, vng --run",
    // The script of its first process reads the file systems of the host.
    boot: () =>
      until(
        "env",
        [
          ...[`PATH=${programs}:${Deno.env.get("PATH")}`, "vng"],
          ...[
            "--run",
            kernel,
            "--disable-kvm",
            "--disable-microvm",
            "--cpus",
            "4",
            "--memory",
            "512M",
            "--verbose",
          ],
          ...["--append", "no_timer_check", "--", `echo ${HELLO}`],
        ],
        /virtme-ng-init:/,
        `\n${HELLO}`,
      ),
  });
} catch (error) {
  console.log(
    `virtme-ng does not install here, and is left out: ${error instanceof Error ? error.message : error}`,
  );
}

const boots = contestants.map((): Boot[] => []);
for (let round = 0; round < rounds; round++) {
  for (const [i, contestant] of contestants.entries()) boots[i]!.push(await contestant.boot());
}
for (const what of ["init", "command"] as const) {
  const label = what === "init" ? "to the first process" : "to the first command's output";
  const ours = median(boots[0]!.map((boot) => boot[what]));
  for (const [i, { name }] of contestants.entries()) {
    const times = boots[i]!.map((boot) => boot[what]);
    const failed = times.filter(Number.isNaN).length;
    const good = times.filter((time) => !Number.isNaN(time));
    const middle = good.length === 0 ? NaN : median(good);
    console.log(
      `${label.padEnd(30)} ${name.padEnd(36)} median ${middle.toFixed(0).padStart(6)} ms, best ${
        Math.min(...good).toFixed(0)
      } ms` +
        (failed === 0 ? "" : `, ${failed} of ${times.length} did not come up`),
    );
    if (i > 0) {
      addToTable({
        work: `boot ${label}`,
        peer: name,
        theirs: Number.isNaN(middle) ? null : middle,
        ours,
        unit: "ms",
      });
    }
  }
}
