import { spin, type SpinOptions, type SpinResult } from "../../lib/bench/mod.ts";

/** Starts a run and resolves once its threads spin; `ended` is its result. */
export async function startSpin(options: SpinOptions): Promise<{ ended: Promise<SpinResult> }> {
  const running = Promise.withResolvers<void>();
  const ended = spin({ ...options, progressInterval: 50e6, onProgress: () => running.resolve() });
  await Promise.race([running.promise, ended]);
  return { ended };
}
