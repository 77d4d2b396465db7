/** Where the loaders look last, glibc's on Debian and elsewhere, and musl's; what does not exist is passed over. */
const DEFAULT_DIRECTORIES = [
  "/lib/x86_64-linux-gnu",
  "/usr/lib/x86_64-linux-gnu",
  "/lib64",
  "/usr/lib64",
  "/lib",
  "/usr/lib",
];

/** The directories in which a dynamic loader of this machine looks for libraries. */
export interface LibraryPath {
  /** Those of /etc/ld.so.conf and what it includes; a loader finds them through /etc/ld.so.cache. */
  readonly configured: readonly string[];
  /** Those that a loader knows by itself. */
  readonly builtIn: readonly string[];
}

/** The directories that /etc/ld.so.conf names (see ldconfig(8)), and those that loaders know by themselves. */
export function libraryPath(configuration = "/etc/ld.so.conf"): LibraryPath {
  return { configured: [...new Set(configured(configuration, new Set()))], builtIn: DEFAULT_DIRECTORIES };
}

function configured(path: string, seen: Set<string>): string[] {
  if (seen.has(path)) return [];
  seen.add(path);
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch {
    return []; // As ldconfig: a configuration that cannot be read configures nothing.
  }
  return text.split("\n").flatMap((line) => {
    const words = line.replace(/#.*/, "").split(/[\s:,]+/).filter((word) => word !== "");
    if (words[0] === "include") {
      return words.slice(1).flatMap((pattern) => matches(pattern, path)).flatMap((file) =>
        configured(file, seen)
      );
    }
    if (words[0] === "hwcap") return [];
    return words.filter((word) => word.startsWith("/")).map((word) =>
      word.replace(/(.)\/+$/, "$1").replace(/=.*/, "")
    );
  });
}

/** The files that an `include` names: wildcards in the last part, relative to the including file. */
function matches(pattern: string, from: string): string[] {
  const whole = pattern.startsWith("/") ? pattern : `${from.slice(0, from.lastIndexOf("/"))}/${pattern}`;
  const cut = whole.lastIndexOf("/");
  const [directory, last] = [whole.slice(0, cut), whole.slice(cut + 1)];
  if (!/[*?]/.test(last)) return [whole];
  const name = new RegExp(
    `^${last.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".")}$`,
  );
  try {
    return [...Deno.readDirSync(directory)].map((entry) => entry.name).filter((n) => name.test(n)).sort()
      .map((n) => `${directory}/${n}`);
  } catch {
    return [];
  }
}
