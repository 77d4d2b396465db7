/** How long an initrd that nobody asks for stays in the cache, ms: two weeks. */
const KEPT = 14 * 86_400_000;

/**
 * Marks the initrd at `used` as used now, and removes those beside it that were not for two weeks: each change of a program or a kernel
 * makes another one, of up to 100 MB. What cannot be removed stays.
 */
export async function forgetOldInitrds(used: string): Promise<void> {
  const now = new Date();
  const directory = used.slice(0, used.lastIndexOf("/"));
  await Deno.utime(used, now, now).catch(() => {});
  for await (const { name, isFile } of Deno.readDir(directory)) {
    const path = `${directory}/${name}`;
    if (!isFile || path === used || !/^l[12](-nested)?-[0-9a-f]{20}\.cpio(\.gz|\.zst)?$/.test(name)) continue;
    const time = (await Deno.stat(path).catch(() => undefined))?.mtime;
    if (time && now.getTime() - time.getTime() > KEPT) await Deno.remove(path).catch(() => {});
  }
}
