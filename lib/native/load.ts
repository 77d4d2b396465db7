import { buildNative, type BuildOptions } from "./build.ts";
import { NativeLoadError } from "./load_error.ts";
import { symbols } from "./symbols.ts";

/** The interface version that {@linkcode symbols} describes. */
const abi = 1;

/** The open library: its functions, and a `close` that `using` calls. */
export interface Native extends Disposable {
  /** The file that was opened. */
  readonly path: string;
  /** Its functions; see native/include/schedscope.h. */
  readonly symbols: Deno.StaticForeignLibraryInterface<typeof symbols>;
  /** Closes it. Nothing may run in it any more. */
  close(): void;
}

/**
 * Opens libschedscope: the file named by `SCHEDSCOPE_LIB`, else the one compiled on first use.
 *
 * Throws a {@linkcode NativeLoadError} whose `cause` is what went wrong: no such file, no compiler, another version.
 *
 * @example
 * ```ts
 * import { loadNative } from "./load.ts";
 *
 * using native = loadNative();
 * const pair = new BigUint64Array(2);
 * native.symbols.schedscope_tsc_pair(pair);
 * ```
 */
export function loadNative(options: BuildOptions = {}): Native {
  const given = Deno.env.get("SCHEDSCOPE_LIB");
  const path = given || buildNative("libschedscope.so", options);
  const from = given ? `SCHEDSCOPE_LIB is "${given}", which` : `The library built at "${path}"`;
  let library: Deno.DynamicLibrary<typeof symbols>;
  try {
    library = Deno.dlopen(path, symbols);
  } catch (cause) {
    const remedy = cause instanceof Deno.errors.NotCapable
      ? `Run Deno with --allow-ffi=${path}.`
      : given
      ? "Unset it to have the library compiled from native/."
      : "Remove that file to have it compiled again.";
    throw new NativeLoadError(`${from} cannot be opened. ${remedy}`, { cause });
  }
  const found = library.symbols.schedscope_abi();
  if (found !== abi) {
    library.close();
    throw new NativeLoadError(
      `${from} has interface version ${found} and version ${abi} is needed. Build it again from this checkout.`,
    );
  }
  const close = () => library.close();
  return { path, symbols: library.symbols, close, [Symbol.dispose]: close };
}
