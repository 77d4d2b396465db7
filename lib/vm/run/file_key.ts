import { createHash } from "node:crypto";
import { visibleText } from "../../frame/visible_text.ts";
import { VmError } from "../errors.ts";

/** The sha256 of the file at `path` in hexadecimal. Throws a `VmError` where it cannot be read. */
export async function fileKey(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    using file = await Deno.open(path);
    for await (const chunk of file.readable) hash.update(chunk);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : error instanceof Error
      ? visibleText(error.message)
      : String(error);
    throw new VmError(`The kernel ${visibleText(path)} cannot be read: ${why}`, { cause: error });
  }
  return hash.digest("hex");
}
