import { VmError } from "../errors.ts";
import type { Initrd } from "./initrd.ts";

/**
 * Copies a built initrd to `path`, whole or not at all: it is written beside it and then gets its name. What is there and is no regular
 * file (a device, a pipe) is written to as it is. Throws a {@linkcode VmError} that says why not.
 */
export async function writeInitrd({ path: from }: Initrd, path: string): Promise<void> {
  try {
    const there = await Deno.stat(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    });
    if (there?.isDirectory) throw new Deno.errors.IsADirectory("it is a directory");
    if (there !== undefined && !there.isFile) {
      return await Deno.writeFile(path, await Deno.readFile(from), { create: false });
    }
    const target = there === undefined ? path : await Deno.realPath(path);
    const temporary = `${target}.${Deno.pid}.part`;
    try {
      await Deno.copyFile(from, temporary);
      await Deno.chmod(temporary, 0o644);
      await Deno.rename(temporary, target);
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      throw error;
    }
  } catch (cause) {
    throw new VmError(
      `The initrd could not be written to ${path}: ${reasonOf(cause)}; it is whole at ${from}`,
      {
        cause,
      },
    );
  }
}

/** What went wrong with a file, without the call and the paths that the runtime adds. */
export function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/ \(os error \d+\).*$/s, "");
}
