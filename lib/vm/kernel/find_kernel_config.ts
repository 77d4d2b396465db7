import { gunzipSync } from "node:zlib";
import { configRelease, parseKernelConfig } from "./kernel_config.ts";
import type { KernelImage } from "./kernel_image.ts";
import { UnfitKernelError } from "./unfit_kernel_error.ts";

/** The configuration of a kernel, and where it was found. */
export type FoundConfig = Pick<KernelImage, "config" | "configSource" | "configPath">;

/**
 * The configuration of the kernel at `path`: the one that was `given`, else the text `embedded` in it, else that of a file beside it.
 * A file whose name does not say the `release` counts only where its first lines do.
 */
export async function findKernelConfig(
  path: string,
  release: string,
  embedded: string | undefined,
  given: string | undefined,
): Promise<FoundConfig> {
  if (given !== undefined) {
    const config = parseKernelConfig(await givenText(given));
    if (config.size === 0) {
      throw new UnfitKernelError(given, "is no kernel configuration: no line of it begins with CONFIG_");
    }
    return { config, configSource: "given", configPath: given };
  }
  if (embedded !== undefined) return { config: parseKernelConfig(embedded), configSource: "embedded" };
  const slash = path.lastIndexOf("/");
  const directory = slash < 0 ? "." : path.slice(0, slash) || "/";
  const named = [`${directory}/config-${release}`, `/boot/config-${release}`];
  const unnamed = [`${directory}/config`, `${directory}/.config`];
  // In a build tree the bzImage is arch/x86/boot/bzImage.
  if (/(^|\/)arch\/x86(_64)?\/boot$/.test(directory)) unnamed.push(`${directory}/../../../.config`);
  for (const configPath of [...named, ...unnamed]) {
    const text = await readText(configPath);
    if (text === undefined) continue;
    if (!named.includes(configPath) && !release.startsWith(configRelease(text) ?? "?")) continue;
    const config = parseKernelConfig(text);
    if (config.size > 0) return { config, configSource: "beside", configPath };
  }
  return { configSource: "unknown" };
}

async function givenText(path: string): Promise<string> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await Deno.readFile(path);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound
      ? "does not exist"
      : `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new UnfitKernelError(path, `${why}; give the .config of the kernel`, { cause });
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return new TextDecoder().decode(bytes);
  try {
    return new TextDecoder().decode(gunzipSync(bytes, { maxOutputLength: 2 ** 26 }));
  } catch (cause) {
    throw new UnfitKernelError(
      path,
      "is damaged: it does not unpack as gzip; give the .config of the kernel",
      {
        cause,
      },
    );
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return undefined;
  }
}
