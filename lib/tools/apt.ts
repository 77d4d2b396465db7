/** A program that something needs, and the Debian package that has it. */
export interface Need {
  /** Path or name of a file that tells whether it is there; a name is looked up on PATH. */
  readonly program: string;
  /** Debian package. */
  readonly package: string;
}

/** What {@linkcode ensurePackages} did. */
export interface Installation {
  /** Packages that it installed. */
  readonly installed: readonly string[];
  /** Packages that are still missing. */
  readonly missing: readonly string[];
  /** The one command that would install what is missing; empty where nothing is. */
  readonly command: string;
}

/** Options of {@linkcode ensurePackages}. */
export interface EnsurePackagesOptions {
  /** Told in one line what is about to happen. Default: silent. */
  onProgress?: (line: string) => void;
  /** Ends an installation under way. */
  signal?: AbortSignal;
}

/** Packages for the native part and the recorders. */
export const CORE_NEEDS: readonly Need[] = [
  { program: "cc", package: "gcc" },
  { program: "make", package: "make" },
  { program: "/usr/include/stdio.h", package: "libc6-dev" },
  { program: "perf", package: "linux-perf" },
];

/** The path of `program`: itself where it is a path, else the first hit on PATH; undefined where it is not there. */
export function findProgram(program: string): string | undefined {
  const places = program.includes("/")
    ? [program]
    : (Deno.env.get("PATH") ?? "/usr/bin:/bin").split(":").map((dir) => `${dir}/${program}`);
  return places.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/**
 * Installs the packages of those `needs` that are missing, by apt-get, where this is root on a machine that has it. Elsewhere
 * it installs nothing and says by which command it could be done. Never throws for a package that does not install: it stays in
 * `missing`.
 */
export async function ensurePackages(
  needs: readonly Need[],
  options: EnsurePackagesOptions = {},
): Promise<Installation> {
  const wanted = [
    ...new Set(needs.filter((need) => findProgram(need.program) === undefined).map((n) => n.package)),
  ];
  if (wanted.length === 0) return { installed: [], missing: [], command: "" };
  const apt = ["apt-get", "install", "-y", "--no-install-recommends", ...wanted];
  const root = Deno.uid() === 0;
  if (root && findProgram("apt-get") !== undefined) {
    options.onProgress?.(`installing ${wanted.join(", ")} (${apt.join(" ")})`);
    const run = (args: string[]) =>
      new Deno.Command(args[0]!, {
        args: args.slice(1),
        env: { DEBIAN_FRONTEND: "noninteractive" },
        stdin: "null",
        stdout: "null",
        stderr: "null",
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      }).output();
    await run(["apt-get", "update"]);
    await run(apt);
  }
  const missing = [
    ...new Set(
      needs.filter((need) => wanted.includes(need.package) && findProgram(need.program) === undefined)
        .map((need) => need.package),
    ),
  ];
  return {
    installed: wanted.filter((name) => !missing.includes(name)),
    missing,
    command: missing.length === 0 ? "" : `${root ? "" : "sudo "}apt-get install -y ${missing.join(" ")}`,
  };
}
