/** Starts guests until it is killed; the run directories are in `XDG_RUNTIME_DIR`, a directory for its files is the argument. */
import { orphanGuest } from "./orphan_guest.ts";

console.log("go");
while (true) {
  const guest = await orphanGuest(Deno.args[0]!);
  await guest[Symbol.asyncDispose]();
}
