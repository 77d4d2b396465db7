import { visibleText } from "../../frame/visible_text.ts";
import { VmError } from "../errors.ts";

/** A request to the agent in a guest failed, or the talk with it has ended. */
export class AgentError extends VmError {
  /** Tells the class apart after structured cloning. */
  override name = "AgentError";
  /** The guest kernel's errno; 0 where none is behind it. */
  readonly errno: number;

  /** Says `problem`; of what the guest said, nothing gets to a terminal that would do something there. */
  constructor(problem: string, errno = 0, options?: ErrorOptions) {
    super(visibleText(problem), options);
    this.errno = errno;
  }
}
