import { VmError } from "../errors.ts";
import type { Build } from "./built_kernels.ts";
import type { Compiler } from "./compiler.ts";
import { droppedOptions } from "./config_fragment.ts";
import { examineKernel } from "./examine_kernel.ts";
import { parseKernelConfig } from "./kernel_config.ts";
import { kernelLacks } from "./kernel_lacks.ts";
import { runProgram, type RunProgramOptions } from "./run_program.ts";

/** What {@linkcode compileKernel} is told. */
export interface CompileKernelOptions {
  /** The kernel tree; it is not written to. */
  tree: string;
  /** Directory for what is made. */
  directory: string;
  /** The options that the kernel shall have; all others are off. */
  fragment: string;
  /** Its compiler. */
  compiler: Compiler;
  /** How many compilers run at once. */
  jobs: number;
  /** How many steps there were the last time, for the time left. */
  steps?: number;
  /** Ends it. */
  signal?: AbortSignal;
  /** Told in one line what is being done. */
  onProgress: (line: string) => void;
}

/** How often the progress of a compilation is told. */
const EVERY_MS = 10_000;

/** Configures and compiles the kernel of a tree; returns the directory that holds its `bzImage` and `config`. */
export async function compileKernel(
  options: CompileKernelOptions,
): Promise<Pick<Build, "out" | "release" | "steps">> {
  const { tree, directory, fragment, compiler, jobs, signal, onProgress } = options;
  const objects = `${directory}/objects`;
  const out = `${directory}/out`;
  await Deno.mkdir(objects, { recursive: true });
  await Deno.mkdir(out, { recursive: true });
  const wanted = `${directory}/wanted.config`;
  await Deno.writeTextFile(wanted, fragment);
  const { mtime } = await Deno.stat(`${tree}/Makefile`);
  const env = {
    KCONFIG_ALLCONFIG: wanted,
    // The same sources give the same bytes.
    KBUILD_BUILD_TIMESTAMP: (mtime ?? new Date(0)).toUTCString(),
    KBUILD_BUILD_USER: "schedscope",
    KBUILD_BUILD_HOST: "schedscope",
    KBUILD_BUILD_VERSION: "1",
  };
  const run: RunProgramOptions = { env, ...(signal === undefined ? {} : { signal }) };
  const make = ["make", "-C", tree, `O=${objects}`, `CC=${compiler.name}`, `-j${jobs}`];

  onProgress("configuring");
  const configured = await runProgram([...make, "allnoconfig"], run);
  if (!configured.success) throw makeError("configured", configured.stderr);
  const config = await Deno.readTextFile(`${objects}/.config`);
  await checkConfig(fragment, config, tree, run, onProgress);

  const start = performance.now();
  let steps = 0;
  const tell = () => {
    const seconds = (performance.now() - start) / 1000;
    const share = options.steps === undefined ? undefined : Math.min(1, steps / options.steps);
    const left = share === undefined || share < 0.05
      ? ""
      : `, about ${Math.ceil(seconds / share - seconds)} s left`;
    onProgress(`compiling: ${steps} files in ${Math.round(seconds)} s${left}`);
  };
  const timer = setInterval(tell, EVERY_MS);
  try {
    const compiled = await runProgram([...make, "bzImage"], {
      ...run,
      onLine: (line) => {
        if (/^ {2}(CC|AS|LD|AR|HOSTCC) /.test(line)) steps++;
      },
    });
    if (!compiled.success) throw makeError("compiled", compiled.stderr);
  } finally {
    clearInterval(timer);
  }
  tell();
  await Deno.rename(`${objects}/arch/x86/boot/bzImage`, `${out}/bzImage`);
  await Deno.writeTextFile(`${out}/config`, config);
  const { release } = await examineKernel(`${out}/bzImage`);
  return { out, release, steps };
}

/** Tells what of the fragment the configuration does not have; throws where guests need it. */
async function checkConfig(
  fragment: string,
  config: string,
  tree: string,
  run: RunProgramOptions,
  onProgress: (line: string) => void,
): Promise<void> {
  const dropped = await droppedOptions(fragment, config, tree, run);
  const release = /^# Linux\/\S+ (\S+) Kernel/m.exec(config)?.[1] ?? "this kernel";
  const unknown = dropped.filter(({ known }) => !known).map(({ option }) => option);
  const lost = dropped.filter(({ known }) => known);
  if (unknown.length > 0) onProgress(`${release} has no option ${unknown.join(", ")}`);
  if (lost.length > 0) {
    onProgress(
      `Kconfig does not allow ${
        lost.map(({ option, wanted, got }) => `${option}=${wanted} (it is ${got})`).join(", ")
      }: what they depend on is off, or another option selects them`,
    );
  }
  const image = { config: parseKernelConfig(config), release };
  const names = new Set(dropped.map(({ option }) => option));
  const fatal = [
    ...kernelLacks(image, "boot"),
    ...kernelLacks(image, "kvm").filter(({ option }) => option.split(" or ").some((name) => names.has(name))),
  ].find((lack) => lack.fatal);
  if (fatal !== undefined) {
    throw new VmError(
      `The configuration of ${release} loses CONFIG_${fatal.option}, which guests need: ${fatal.cost}`,
    );
  }
}

/** The first lines in which the compiler or make says what is wrong. */
function makeError(what: string, said: string): VmError {
  if (/No space left on device/.test(said)) return new VmError("No space left on device");
  const lines = said.split("\n").filter((line) => line.trim() !== "");
  const telling = lines.filter((line) =>
    /\berror:|fatal error|Error \d|\*\*\*|not found|undefined reference/.test(line)
  );
  return new VmError(
    `The kernel could not be ${what}:\n${
      (telling.length > 0 ? telling : lines.slice(-8)).slice(0, 8).join("\n")
    }`,
    { cause: new Error(lines.slice(-40).join("\n")) },
  );
}
