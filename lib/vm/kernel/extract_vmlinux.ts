/** The ELF file inside the bzImage at `path`, unpacked; a vmlinux as it is. */
export function extractVmlinux(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return Promise.reject(new Error(`${path}: not read yet`));
}
