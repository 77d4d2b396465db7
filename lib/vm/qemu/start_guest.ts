import { VmError } from "../errors.ts";
import type { Guest } from "./guest.ts";
import type { GuestOptions } from "./options.ts";

/** Starts a guest. */
export function startGuest(_options: GuestOptions): Promise<Guest> {
  return Promise.reject(new VmError("not yet"));
}
