import { TextLineStream } from "./text_line_stream.ts";

/** What a guest of {@linkcode boot} said and how it ended. */
export interface Booted {
  /** The lines of its console. */
  readonly lines: readonly string[];
  /** Whether QEMU ended by itself before the deadline. */
  readonly ended: boolean;
}

/** Options of {@linkcode boot}. */
export interface BootOptions {
  readonly kernel: string;
  readonly initrd: string;
  /** Words for the kernel's command line. */
  readonly words?: string;
  /** Called for each line; a text that it returns is typed into the console, `false` ends the guest. */
  readonly onLine?: (line: string) => string | false | void;
  /** Seconds until it is ended. Default 120: a machine that runs everything at once. */
  readonly deadline?: number;
}

/**
 * Boots a guest with the plain command line, no part of lib/vm but the initrd; it powers off or is ended. A kernel that dies of an
 * "int3" is booted again: QEMU 7.2 may miss that code is patched (CONFIG_JUMP_LABEL) while the thread of another vCPU translates it.
 */
export async function boot(options: BootOptions): Promise<Booted> {
  for (let attempt = 1;; attempt++) {
    const booted = await bootOnce(options);
    if (attempt === 3 || !booted.lines.some((line) => line.includes("Oops: int3"))) return booted;
  }
}

async function bootOnce(
  { kernel, initrd, words = "", onLine, deadline = 120 }: BootOptions,
): Promise<Booted> {
  const child = new Deno.Command("setpriv", {
    args: [
      ...["--pdeathsig", "KILL", "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"],
      ...["-no-reboot", "-serial", "stdio", "-M", "q35", "-accel", "tcg,thread=multi"],
      ...["-cpu", "max,vendor=GenuineIntel", "-smp", "2,cores=1,threads=2", "-m", "256"],
      ...["-kernel", kernel, "-initrd", initrd],
      ...["-append", `console=ttyS0 quiet panic=-1 tsc=reliable no_timer_check random.trust_cpu=on ${words}`],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let ended = true;
  const timer = setTimeout(() => {
    ended = false;
    child.kill("SIGKILL");
  }, deadline * 1000);
  const typist = child.stdin.getWriter();
  const lines: string[] = [];
  try {
    for await (
      const line of child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
    ) {
      lines.push(line);
      const typed = onLine?.(line);
      if (typed === false) break;
      if (typed) await typist.write(new TextEncoder().encode(typed)).catch(() => {});
    }
  } finally {
    clearTimeout(timer);
    await typist.close().catch(() => {});
    await end(child);
  }
  return { lines, ended };
}

async function end(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGKILL");
  } catch {
    // It ended by itself.
  }
  await child.status;
}
