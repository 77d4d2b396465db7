import { visibleText } from "../../frame/visible_text.ts";
import { VmError } from "../errors.ts";

/** The file is no kernel that a guest could boot: another kind of file, another machine's kernel, a damaged one. */
export class UnfitKernelError extends VmError {
  /** Tells the class apart after structured cloning. */
  override name = "UnfitKernelError";
  /** The file. */
  readonly path: string;

  /** Says of `path` what it is instead, or what is wrong with it: `problem` goes on after its name. */
  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(visibleText(`${path} ${problem}`), options);
    this.path = path;
  }
}
