/** What a guest must have so that a path of this machine opens there as it does here. */
export interface MirroredPath {
  /** The file itself, all links resolved. */
  readonly file: string;
  /** The symbolic links on the way, by their own (resolved) paths, with their targets as they stand. */
  readonly links: ReadonlyMap<string, string>;
  /** The directories on the way. */
  readonly directories: ReadonlySet<string>;
}

/** As many links as the kernel follows (`MAXSYMLINKS`). */
const MAX_LINKS = 40;

/**
 * Walks the absolute `path` as the kernel does and keeps what it met: `/lib/libz.so.1` needs the link `/lib` -> `usr/lib`, the
 * directory `/usr/lib`, the link `/usr/lib/libz.so.1` -> `libz.so.1.2.13` and that file.
 *
 * Throws the `Deno.errors` of what is not there or not readable, and a `FilesystemLoop` for more than 40 links.
 */
export function mirroredPath(path: string): MirroredPath {
  const links = new Map<string, string>();
  const directories = new Set<string>();
  const rest = path.split("/").reverse();
  const at: string[] = [];
  let followed = 0;
  for (let part = rest.pop(); part !== undefined; part = rest.pop()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      at.pop();
      continue;
    }
    const here = `/${[...at, part].join("/")}`;
    const info = Deno.lstatSync(here);
    if (info.isSymlink) {
      if (++followed > MAX_LINKS) throw new Deno.errors.FilesystemLoop(`Too many symbolic links in ${path}`);
      const target = Deno.readLinkSync(here);
      links.set(here, target);
      if (target.startsWith("/")) at.length = 0;
      rest.push(...target.split("/").reverse());
      continue;
    }
    at.push(part);
    if (info.isDirectory) directories.add(here);
  }
  return { file: `/${at.join("/")}`, links, directories };
}
