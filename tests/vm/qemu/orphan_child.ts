/** Starts guests until it is killed: the run directories are in `XDG_RUNTIME_DIR`, a directory for the kernels is the argument. */
import { tinyGuest } from "./tiny_guest.ts";

console.log("go");
while (true) {
  const guest = await tinyGuest(Deno.args[0]!, "schedscope: init\r\n", "spin", { ports: ["one"] });
  console.log(guest.pid);
  await guest[Symbol.asyncDispose]();
}
