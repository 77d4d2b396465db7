import { visibleText } from "../frame/visible_text.ts";
import { buildKernel } from "../vm/kernel/build_kernel.ts";
import { examineKernel } from "../vm/kernel/examine_kernel.ts";
import type { KernelImage } from "../vm/kernel/kernel_image.ts";
import { type KernelLack, kernelLacks, type KernelTarget } from "../vm/kernel/kernel_lacks.ts";
import { parseCommand } from "./args.ts";
import { ExitCode, UsageError } from "./exit_code.ts";
import { interruptible } from "./interrupted.ts";

/** One line for the list of commands. */
export const summary = "build a small kernel for guests, or tell what a kernel has and lacks";

const HELP =
  `Usage: schedscope vm kernel [--source DIR|TARBALL|apt:PACKAGE] [--config FRAGMENT] [--jobs N] [--json]
       schedscope vm kernel --examine FILE [--config FILE] [--json]

Builds a small kernel that has all that guests need: core scheduling, tracing, KVM, virtio. It goes into the cache, keyed by the sources,
the configuration and the compiler, and its path is printed; the next time that takes a moment. How far it is goes to the standard error.
With --examine it tells of any kernel (a bzImage or a vmlinux) what it is and what each target would miss in it.

Options:
      --source WHAT      a directory or a tarball of kernel sources, or apt:PACKAGE (default apt:linux-source-6.12)
      --config FRAGMENT  options over those of initrd/kernel.config, lines like CONFIG_NUMA=y; may be given more than once;
                         with --examine the .config of that kernel, where it does not hold it
  -j, --jobs N           how many compilers run at once (default: as many as there are CPUs)
      --examine FILE     build nothing: tell what FILE is, and what it lacks
      --json             print {path, release, config, cached}; with --examine all that was found
  -h, --help             this text

Examples:
  schedscope vm kernel                                   Linux 6.12 from Debian's sources
  schedscope vm kernel --source apt:linux-source-6.1     the last long-term kernel before EEVDF, for comparison
  schedscope vm kernel --source ~/linux                  a tree of your own; it is not written to
  schedscope vm kernel --examine /boot/vmlinuz-$(uname -r)
  schedscope vm user $(schedscope vm kernel)             the gap benchmark in a guest of it
`;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseCommand(args, {
    source: { value: true },
    config: { value: true },
    jobs: { value: true, short: "j" },
    examine: { value: true },
    json: {},
  }, HELP);
  if (parsed === undefined) return ExitCode.Ok;
  if (parsed.rest.length > 0) throw new UsageError(`Expected options only but found ${parsed.rest[0]}`);
  const json = parsed.has("json");
  const examine = parsed.get("examine");
  if (examine !== undefined) {
    const other = (["source", "jobs"] as const).find((name) => parsed.has(name));
    if (other !== undefined) {
      throw new UsageError(`--${other} builds and --examine does not; give one of them`);
    }
    const config = parsed.get("config");
    const image = await examineKernel(examine, config === undefined ? {} : { config });
    console.log(json ? JSON.stringify(asJson(image)) : describe(image));
    return ExitCode.Ok;
  }
  const jobs = parsed.get("jobs");
  if (jobs !== undefined && !/^[1-9]\d{0,3}$/.test(jobs)) {
    throw new UsageError(`Expected --jobs to be an integer greater than 0 but found ${jobs}`);
  }
  const source = parsed.get("source");
  const start = performance.now();
  const built = await interruptible((signal) =>
    buildKernel({
      ...(source === undefined ? {} : { source }),
      ...(jobs === undefined ? {} : { jobs: Number(jobs) }),
      config: parsed.all("config"),
      signal,
      onProgress: (line) =>
        console.error(
          `${((performance.now() - start) / 1000).toFixed(0).padStart(4)} s  ${visibleText(line)}`,
        ),
    })
  );
  console.log(json ? JSON.stringify(built) : built.path);
  return ExitCode.Ok;
}

const TARGETS: readonly KernelTarget[] = ["boot", "user", "kvm"];

function asJson({ config, ...image }: KernelImage): unknown {
  const whole = { ...image, ...(config === undefined ? {} : { config }) };
  return {
    ...image,
    options: config?.size ?? 0,
    lacks: Object.fromEntries(TARGETS.map((target) => [target, kernelLacks(whole, target)])),
  };
}

function describe(image: KernelImage): string {
  const { configSource, configPath, config } = image;
  const where =
    { embedded: "in the kernel", given: configPath, beside: configPath, unknown: undefined }[configSource];
  const lines = [
    `${visibleText(image.path)}`,
    `  version        ${image.version}`,
    `  format         ${image.format}${
      image.format === "vmlinux" ? "" : `, packed with ${image.compression}`
    }`,
    `  PVH entry      ${
      image.pvh === undefined
        ? "not known"
        : image.pvh
        ? "yes: QEMU starts its vmlinux directly"
        : "no: it starts through its bzImage"
    }`,
    `  configuration  ${
      where === undefined
        ? "not known: the kernel does not hold it, and none stands beside it; give it with --config"
        : `${visibleText(where)}, ${config!.size} options`
    }`,
  ];
  if (image.unread !== undefined) lines.push(`  not unpacked   ${visibleText(image.unread)}`);
  if (config === undefined) return lines.join("\n");
  const told = new Set<string>();
  for (const target of TARGETS) {
    const lacks = kernelLacks(image, target);
    const fatal = lacks.find((lack) => lack.fatal);
    const more = lacks.filter(({ option }) => !told.has(option));
    lines.push("", title(target, lacks.length, fatal));
    for (const { option, cost, fatal } of more) {
      told.add(option);
      lines.push(`  ${fatal ? "!" : " "} ${option.padEnd(20)} ${cost}`);
    }
  }
  return lines.join("\n");
}

function title(target: KernelTarget, lacks: number, fatal: KernelLack | undefined): string {
  const name = target === "boot" ? "to boot" : `target ${target}`;
  if (lacks === 0) return `${name}: it has everything`;
  return fatal === undefined
    ? `${name}: it works, without what is listed`
    : `${name}: it does not work without CONFIG_${fatal.option}`;
}
