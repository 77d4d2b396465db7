import { AgentError } from "./agent_error.ts";
import type { Connection } from "./connection.ts";
import { GuestCapture } from "./guest_capture.ts";
import type { PulledTrace, PullTraceOptions, RequestOptions } from "./options.ts";
import { together } from "./together.ts";

/** A guest's trace that comes while it is made. Disposing of it without {@linkcode TraceStream.stop} throws away what has come. */
export interface TraceStream extends AsyncDisposable {
  /** Bytes of pages that have come. */
  readonly bytes: number;
  /**
   * Turns tracing off, takes the rest and finishes the directory. Where the guest has ended, what had come is made a trace,
   * with `whole` false.
   */
  stop(options?: RequestOptions): Promise<PulledTrace>;
}

/** Follows a tracefs instance; see `AgentChannel.streamTrace`. Resolves when all CPUs are followed. */
export async function streamTrace(
  connection: Connection,
  hostDir: string,
  options: PullTraceOptions,
): Promise<TraceStream> {
  const { signal, ...rest } = options;
  const capture = await together(
    `follow the trace to ${hostDir}`,
    options,
    (signal) => GuestCapture.open(connection, hostDir, rest, signal),
  );
  const controller = new AbortController();
  const ends: (() => void)[] = [];
  let failure: unknown;
  const abort = () => controller.abort(signal!.reason);
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  const pages = capture.pages(controller.signal, true, (end) => ends.push(end)).catch((error) => {
    failure = error;
    controller.abort(error);
  });
  let isOver = false;
  const abandon = async () => {
    if (isOver) return;
    isOver = true;
    signal?.removeEventListener("abort", abort);
    controller.abort(new AgentError("The following of the guest's trace was given up"));
    await pages;
    capture.discard();
  };
  return {
    get bytes() {
      return capture.bytes;
    },
    async stop(options = {}) {
      if (isOver) throw new AgentError("Expected a trace that is followed but this one has ended");
      try {
        const trace = await together(`stop the trace to ${hostDir}`, options, async (deadline) => {
          const abortPages = () => controller.abort(deadline.reason);
          deadline.addEventListener("abort", abortPages, { once: true });
          try {
            if (connection.over === undefined && failure === undefined) await capture.stopTracing(deadline);
            for (const end of ends) end();
            await pages;
            if (failure !== undefined) throw failure;
            return await capture.finish(deadline);
          } catch (error) {
            if (connection.over === undefined) throw error;
            await pages;
            return capture.salvage(connection.over.message);
          } finally {
            deadline.removeEventListener("abort", abortPages);
          }
        });
        isOver = true;
        signal?.removeEventListener("abort", abort);
        return trace;
      } catch (error) {
        await abandon();
        throw error;
      }
    },
    [Symbol.asyncDispose]: abandon,
  };
}
