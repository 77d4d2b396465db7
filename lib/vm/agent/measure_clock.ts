import { type Connection, readClocks } from "./connection.ts";
import { HostClock } from "./host_clock.ts";
import type { ClockFit, ClockOptions, ClockReading, GuestClock } from "./options.ts";
import { together } from "./together.ts";
import { Answer, Ask, PayloadReader } from "./wire.ts";

/** A reading of the guest's clocks between two of the host's. */
interface Ping {
  readonly before: bigint;
  readonly after: bigint;
  readonly reading: ClockReading;
}

/** Share of the pings that count: those that were back soonest. */
const BEST = 0.1;

/** Least number of pings that count. */
const LEAST = 5;

/** Calls whose pings are kept. */
const CALLS = 32;

/** How much worse (ns, and times) all calls' pings may fit one line than the last call's do, before the earlier ones are forgotten. */
const WORSE_NS = 20_000;
const WORSE_TIMES = 3;

/** Measures a guest's clocks again and again. */
export class ClockHistory {
  #earlier: Ping[][] = [];

  /** See `AgentChannel.clock`. */
  measure(connection: Connection, options: ClockOptions): Promise<GuestClock> {
    const samples = options.samples ?? 500;
    if (!Number.isSafeInteger(samples) || samples < 10) {
      throw new RangeError(`Expected samples to be an integer of at least 10 but found ${samples}`);
    }
    return together("clock", options, async (signal) => {
      const pings = await pingOften(connection, samples, options.over ?? 0, signal);
      const rtts = pings.map(({ before, after }) => Number(after - before)).sort((x, y) => x - y);
      const best = pings.toSorted((x, y) => Number((x.after - x.before) - (y.after - y.before)))
        .slice(0, Math.max(LEAST, Math.round(samples * BEST)));
      const alone = fitAll(best);
      // A guest that was stopped, or restored, has clocks that do not go on as they did.
      const all = fitAll([...this.#earlier.flat(), ...best]);
      const goesOn = all.mono.sd <= Math.max(WORSE_NS, WORSE_TIMES * alone.mono.sd) &&
        all.tsc.sd <= Math.max(WORSE_NS, WORSE_TIMES * alone.tsc.sd);
      this.#earlier = [...goesOn ? this.#earlier : [], best].slice(-CALLS);
      const fits = goesOn ? all : alone;
      return {
        ...fits,
        tscHz: 1e9 / fits.tsc.rate,
        samples,
        used: this.#earlier.flat().length,
        rtt: { min: rtts[0]!, median: rtts[rtts.length >> 1]! },
      };
    });
  }
}

async function pingOften(
  connection: Connection,
  samples: number,
  over: number,
  signal: AbortSignal,
): Promise<Ping[]> {
  using host = new HostClock();
  const pings: Ping[] = [];
  const start = performance.now();
  for (let i = 0; i < samples; i++) {
    let before = 0n;
    await connection.request("clock", { signal }, (request) => {
      before = host.now();
      request.send(Ask.Clock);
    }, (type, payload) => {
      const after = host.now();
      if (type !== Answer.Clock) throw new RangeError(`an answer of type ${type} to a clock's reading`);
      pings.push({ before, after, reading: readClocks(new PayloadReader(payload)) });
      return true;
    });
    const wait = start + over * (i + 1) / samples - performance.now();
    if (over > 0 && wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
  }
  return pings;
}

function fitAll(pings: readonly Ping[]): Pick<GuestClock, "tsc" | "mono" | "raw" | "boot"> {
  return {
    tsc: fit(pings, (reading) => reading.tsc),
    mono: fit(pings, (reading) => reading.mono),
    raw: fit(pings, (reading) => reading.raw),
    boot: fit(pings, (reading) => reading.boot),
  };
}

/** Least squares of the host's time at the middle of each ping over the guest's reading. */
function fit(pings: readonly Ping[], of: (reading: ClockReading) => bigint): ClockFit {
  const firstGuest = of(pings[0]!.reading);
  const firstHost = pings[0]!.before;
  const x = pings.map(({ reading }) => Number(of(reading) - firstGuest));
  const y = pings.map(({ before, after }) => Number(before + after - 2n * firstHost) / 2);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanX = mean(x);
  const meanY = mean(y);
  const sxx = x.reduce((sum, value) => sum + (value - meanX) ** 2, 0);
  const rate = x.reduce((sum, value, i) => sum + (value - meanX) * (y[i]! - meanY), 0) / sxx;
  const off = x.map((value, i) => y[i]! - meanY - rate * (value - meanX));
  const sd = Math.sqrt(off.reduce((sum, value) => sum + value * value, 0) / Math.max(1, off.length - 2));
  const guest = firstGuest + BigInt(Math.round(meanX));
  const host = firstHost + BigInt(Math.round(meanY + rate * (Math.round(meanX) - meanX)));
  return {
    guest,
    host,
    rate,
    offset: Number(host - guest),
    sd,
    max: off.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
    rateSd: sd / Math.sqrt(sxx),
    toHost: (reading) => host + BigInt(Math.round(Number(reading - guest) * rate)),
  };
}
