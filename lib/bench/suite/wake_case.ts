import { spin } from "../spin.ts";
import type { SuiteCase, SuiteMeasurement, SuiteSetting } from "./suite_case.ts";

const BURST = 200_000;
const MAX_SLEEP = 2e6;

/**
 * How late threads run that sleep until a time: one on each CPU that spins 0.2 ms and sleeps its own time below 2 ms, by itself
 * or (`loaded`) beside a thread on each CPU that never sleeps.
 */
export function wakeCase(loaded: boolean): SuiteCase {
  return {
    name: loaded ? "wake-loaded" : "wake",
    about: loaded
      ? "a thread on each CPU that sleeps and wakes beside one that never sleeps: how late it runs"
      : "a thread on each CPU that sleeps and wakes: how late it runs",
    metrics: {
      p50_wake_delay: { better: "lower", about: "median lateness of the first instruction after a sleep" },
      p99_wake_delay: { better: "lower", about: "its 99th percentile" },
    },
    precise: "p50_wake_delay",
    parameters: ({ cpus, duration }) => ({
      threads: cpus.length,
      duration,
      burst: BURST,
      max_sleep: MAX_SLEEP,
    }),
    async measure(setting, signal): Promise<SuiteMeasurement> {
      const { cpus, duration } = setting;
      await using _load = loaded ? await startLoad(setting) : undefined;
      const result = await spin({
        threads: cpus.length,
        cpus,
        pin: true,
        burst: BURST,
        maxSleep: MAX_SLEEP,
        duration,
        maxGap: 0,
        brackets: 1,
        bracket: 20e6,
        ...(signal === undefined ? {} : { signal }),
      });
      signal?.throwIfAborted();
      const { wake } = result.histogram;
      return {
        metrics: { p50_wake_delay: wake.percentile(0.5), p99_wake_delay: wake.percentile(0.99) },
        raw: {
          wakeups: Array.from(result.threads.column("wakeups")),
          p99: result.threadHistograms.map(({ wake }) => wake.percentile(0.99)),
          longest: Array.from(result.threads.column("wake_gap_max")),
        },
      };
    },
  };
}

/** Starts a spinning thread on each CPU, and returns when they spin. */
async function startLoad({ cpus }: SuiteSetting): Promise<AsyncDisposable> {
  const end = new AbortController();
  const { promise: spinning, resolve } = Promise.withResolvers<void>();
  const load = spin({
    threads: cpus.length,
    cpus,
    pin: true,
    burst: 100e6,
    maxSleep: 0,
    maxGap: 0,
    brackets: 1,
    bracket: 1e6,
    signal: end.signal,
    progressInterval: 10e6,
    onProgress: () => resolve(),
  });
  const stop = async () => {
    end.abort();
    await load.catch(() => {}); // who waits for it to spin has the reason
  };
  try {
    await Promise.race([spinning, load]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { [Symbol.asyncDispose]: stop };
}
