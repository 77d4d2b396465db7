import { buildNative, type BuildOptions } from "./build.ts";
import { NativeLoadError } from "./load_error.ts";

/** Name of a static program that comes with schedscope. */
export type ProgramName =
  | "schedscope-spin"
  | "schedscope-reflex"
  | "schedscope-inject"
  | "schedscope-agent"
  | "schedscope-cookie";

/** The environment variable that names a built one. */
const environment: Readonly<Record<ProgramName, string>> = {
  "schedscope-spin": "SCHEDSCOPE_SPIN",
  "schedscope-reflex": "SCHEDSCOPE_REFLEX",
  "schedscope-inject": "SCHEDSCOPE_INJECT",
  "schedscope-agent": "SCHEDSCOPE_AGENT",
  "schedscope-cookie": "SCHEDSCOPE_COOKIE",
};

/**
 * Path of the static program `name`: from `SCHEDSCOPE_SPIN`, `SCHEDSCOPE_REFLEX` and so on if set, else compiled on first use.
 *
 * Throws a {@linkcode NativeLoadError} if the variable names no file, or as `buildNative` does.
 */
export function nativeProgram(name: ProgramName, options: BuildOptions = {}): string {
  const given = Deno.env.get(environment[name]);
  if (!given) return buildNative(name, options);
  try {
    if (Deno.statSync(given).isFile) return given;
  } catch (cause) {
    throw new NativeLoadError(
      `${environment[name]} is "${given}", which cannot be read. Unset it to have it compiled.`,
      { cause },
    );
  }
  throw new NativeLoadError(
    `${environment[name]} is "${given}", which is not a file. Unset it to have it compiled.`,
  );
}
