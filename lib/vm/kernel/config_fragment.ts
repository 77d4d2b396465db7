import { VmError } from "../errors.ts";
import { parseKernelConfig } from "./kernel_config.ts";
import { runProgram, type RunProgramOptions } from "./run_program.ts";

/** An option that was asked for and that the configuration does not have so. */
export interface DroppedOption {
  /** Name without `CONFIG_`. */
  readonly option: string;
  /** What was asked for. */
  readonly wanted: string;
  /** What the configuration has; `n` where it does not name it. */
  readonly got: string;
  /** Whether this kernel has an option of that name at all; if so, another one keeps it from its value. */
  readonly known: boolean;
}

/** The text of `initrd/kernel.config`, and over it those of the fragments at `paths`. Throws a {@linkcode VmError} for one that is none. */
export async function fragmentText(paths: readonly string[]): Promise<string> {
  const texts = [await ownFragment()];
  for (const path of paths) {
    let text: string;
    try {
      text = await Deno.readTextFile(path);
    } catch (cause) {
      const why = cause instanceof Deno.errors.NotFound ? "does not exist" : "cannot be read";
      throw new VmError(`${path} ${why}; give a file of lines like CONFIG_NUMA=y`, { cause });
    }
    const wrong = text.split("\n").findIndex((line) =>
      !/^\s*(#.*)?$/.test(line) && !/^CONFIG_\w+=(y|m|n|-?\d+|0x[\da-fA-F]+|".*")\s*$/.test(line)
    );
    if (wrong >= 0) {
      throw new VmError(
        `${path}: line ${
          wrong + 1
        } is no option of a kernel; expected a line like CONFIG_NUMA=y or # CONFIG_NUMA is not set`,
      );
    }
    texts.push(text.endsWith("\n") ? text : `${text}\n`);
  }
  return texts.join("");
}

async function ownFragment(): Promise<string> {
  const url = new URL("../../../initrd/kernel.config", import.meta.url);
  if (url.protocol === "file:") return await Deno.readTextFile(url);
  const response = await fetch(url);
  if (!response.ok) throw new VmError(`${url} could not be read: ${response.status} ${response.statusText}`);
  return await response.text();
}

/** The options of the text `wanted` that the text `got` of a `.config`, made in the tree at `source`, has otherwise. */
export async function droppedOptions(
  wanted: string,
  got: string,
  source: string,
  options: RunProgramOptions = {},
): Promise<DroppedOption[]> {
  const have = parseKernelConfig(got);
  const dropped = [...parseKernelConfig(wanted)]
    .map(([option, wanted]) => ({ option, wanted, got: have.get(option) ?? "n" }))
    .filter(({ wanted, got }) => wanted !== got);
  if (dropped.length === 0) return [];
  const names = dropped.map(({ option }) => option);
  const { stdout } = await runProgram([
    ...["grep", "-rhE", "--include=Kconfig*"],
    `^[[:space:]]*(menu)?config (${names.join("|")})[[:space:]]*$`,
    source,
  ], options);
  const known = new Set(stdout.split("\n").map((line) => line.trim().split(/\s+/)[1]));
  return dropped.map((entry) => ({ ...entry, known: known.has(entry.option) }));
}
