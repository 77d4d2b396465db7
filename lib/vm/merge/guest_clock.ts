import { ticksToNs } from "../../trace/tracefs/ticks.ts";
import type { Trace } from "../../trace/trace.ts";
import { visibleText } from "../../frame/visible_text.ts";
import { VmError } from "../errors.ts";

/** How one clock of a guest maps to the host's CLOCK_MONOTONIC: host = `host` + `rate` × (reading - `guest`). */
export interface GuestClockFit {
  /** A reading of the guest's clock: ticks of its TSC, or ns. */
  readonly guest: bigint;
  /** The host's CLOCK_MONOTONIC at that reading, ns. */
  readonly host: bigint;
  /** Host's ns for each tick, or ns, of the guest's clock. */
  readonly rate: number;
  /** Standard deviation of what the fit leaves, ns. */
  readonly sd: number;
  /** Largest error of the fit, ns. */
  readonly max: number;
}

/** The fits of a guest's clocks, by the clock: what `AgentChannel.clock()` gives. */
export type GuestClocks = Partial<Readonly<Record<"tsc" | "mono" | "raw" | "boot", GuestClockFit>>>;

/** Which of the fits is that of a trace's clock. */
const FIT_OF: Readonly<Record<string, keyof GuestClocks>> = {
  "x86-tsc": "tsc",
  mono: "mono",
  mono_raw: "raw",
  boot: "boot",
};

/** Maps stamps of a guest's trace to those of the host's. */
export class ClockMapping {
  /** The fit that is used. */
  readonly fit: GuestClockFit;
  readonly #base: number;
  readonly #rate: number;

  /**
   * Maps stamps of `guest` (ns since its epoch) to ns since the epoch of `host`. Throws a `VmError` where the host's trace does not run on `mono`,
   * `clock` has no fit of the clock that the guest's runs on, or the fit is none.
   */
  constructor(host: Trace, guest: Trace, clock: GuestClockFit | GuestClocks) {
    if (host.clock.name !== "mono") {
      throw new VmError(
        `The host's trace runs on the clock ${
          visibleText(host.clock.name)
        }, and the guest's is known by CLOCK_MONOTONIC: record the host with --clock mono`,
      );
    }
    const { name, hz } = guest.clock;
    const fit = "host" in clock ? clock : clock[FIT_OF[name] ?? "mono"];
    if (fit === undefined || (!("host" in clock) && !Object.hasOwn(FIT_OF, name))) {
      throw new VmError(
        `The guest's trace runs on the clock ${visibleText(name)}, of which there is no fit to the host's: ` +
          "record it with x86-tsc or mono, and measure the fit by AgentChannel.clock()",
      );
    }
    const ticks = name === "x86-tsc" && hz !== undefined;
    const rate = ticks ? fit.rate * hz / 1e9 : fit.rate;
    if (!(rate > 0.5 && rate < 2) || !(fit.max >= 0)) {
      throw new VmError(
        "Expected a fit of the guest's clock with a rate near 1 ns for each ns and a max of at least 0 ns " +
          `but found a rate of ${rate} and a max of ${fit.max}`,
      );
    }
    this.fit = fit;
    this.#rate = rate;
    const at = ticks ? ticksToNs(fit.guest, hz) : fit.guest;
    this.#base = Number(fit.host - host.epoch) + Number(guest.epoch - at) * rate;
  }

  /** ns since the host's epoch, whole, of a stamp `ts` of the guest (ns since its epoch). Never falls where `ts` rises. */
  readonly toHost = (ts: number): number => Math.round(this.#base + ts * this.#rate);

  /** The stamp of the guest (ns since its epoch) at `ts` ns since the host's epoch. */
  readonly toGuest = (ts: number): number => (ts - this.#base) / this.#rate;
}
