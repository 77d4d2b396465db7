import { visibleText } from "../../frame/visible_text.ts";
import { VmError } from "../errors.ts";

/** QEMU refused a command, or its control channel is gone. */
export class QmpError extends VmError {
  /** Tells the class apart after structured cloning. */
  override name = "QmpError";
  /** The command that was sent. */
  readonly command: string;
  /** QEMU's class of the error: `GenericError`, `CommandNotFound`, ...; `Closed` where the channel is gone. */
  readonly class: string;
  /** QEMU's own words. */
  readonly desc: string;

  /** Names the `command`, and QEMU's `class` and `desc`. */
  constructor(command: string, errorClass: string, desc: string, options?: ErrorOptions) {
    super(`QEMU command ${command}: ${visibleText(desc)} (${visibleText(errorClass)})`, options);
    this.command = command;
    this.class = errorClass;
    this.desc = desc;
  }
}
