import type { Connection } from "./connection.ts";
import { GuestCapture } from "./guest_capture.ts";
import type { PulledTrace, PullTraceOptions } from "./options.ts";
import { together } from "./together.ts";
import { traceOutputError } from "./trace_output.ts";

/** Brings a tracefs instance's trace home; see `AgentChannel.pullTrace`. */
export function pullTrace(
  connection: Connection,
  hostDir: string,
  options: PullTraceOptions,
): Promise<PulledTrace> {
  return together(`pull the trace to ${hostDir}`, options, async (signal) => {
    try {
      return await pull(connection, hostDir, options, signal);
    } catch (error) {
      throw traceOutputError(hostDir, error);
    }
  });
}

async function pull(
  connection: Connection,
  hostDir: string,
  options: PullTraceOptions,
  signal: AbortSignal,
): Promise<PulledTrace> {
  const capture = await GuestCapture.open(connection, hostDir, options, signal);
  try {
    await capture.stopTracing(signal);
    await capture.pages(signal, false);
    return await capture.finish(signal);
  } catch (error) {
    capture.discard();
    throw error;
  }
}
