/**
 * Reads a file of tracefs in large pieces.
 *
 * Some of its files (`header_page`) give all they have to the first read and nothing to a second, and
 * `Deno.readFile` begins with a read of 32 bytes where a file's size is 0.
 */
export function readKernelFile(path: string): Uint8Array {
  using file = Deno.openSync(path);
  let bytes = new Uint8Array(1 << 16);
  let length = 0;
  for (;;) {
    const n = file.readSync(bytes.subarray(length));
    if (n === null || n === 0) return bytes.slice(0, length);
    length += n;
    if (bytes.length - length < 1 << 15) {
      const wider = new Uint8Array(bytes.length * 2);
      wider.set(bytes.subarray(0, length));
      bytes = wider;
    }
  }
}

/** The same as text. */
export function readKernelText(path: string): string {
  return new TextDecoder().decode(readKernelFile(path));
}
