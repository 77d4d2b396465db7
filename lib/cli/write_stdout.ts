/**
 * Writes `block` to stdout, all of it. Where the reader is gone (`| head`), ends the process quietly with 141, as a program
 * killed by SIGPIPE does.
 */
export function writeStdout(block: Uint8Array): void {
  try {
    for (let at = 0; at < block.length;) at += Deno.stdout.writeSync(block.subarray(at));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(141);
    throw error;
  }
}
