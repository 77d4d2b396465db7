/** Whether the file at `path` begins as a file of results does. */
export async function isSuiteResult(path: string): Promise<boolean> {
  using file = await Deno.open(path);
  const head = new Uint8Array(128);
  const read = await file.read(head) ?? 0;
  const text = new TextDecoder().decode(head.subarray(0, read));
  return /^\s*\{\s*"schema"\s*:\s*"schedscope-bench-result\//.test(text);
}
