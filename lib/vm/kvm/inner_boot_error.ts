import { VmError } from "../errors.ts";

/** An inner guest did not come up, however often it was started. */
export class InnerBootError extends VmError {
  override name = "InnerBootError";
}
