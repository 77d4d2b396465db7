import type { Connection } from "./connection.ts";
import { GuestCapture } from "./guest_capture.ts";
import type { PulledTrace, PullTraceOptions } from "./options.ts";
import { together } from "./together.ts";

/** Brings a tracefs instance's trace home; see `AgentChannel.pullTrace`. */
export function pullTrace(
  connection: Connection,
  hostDir: string,
  options: PullTraceOptions,
): Promise<PulledTrace> {
  return together(`pull the trace to ${hostDir}`, options, async (signal) => {
    const capture = await GuestCapture.open(connection, hostDir, options, signal);
    try {
      await capture.stopTracing(signal);
      await capture.pages(signal, false);
      return await capture.finish(signal);
    } catch (error) {
      capture.discard();
      throw error;
    }
  });
}
