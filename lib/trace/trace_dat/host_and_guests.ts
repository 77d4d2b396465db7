import { fileSource } from "../byte_source.ts";
import type { Trace } from "../trace.ts";
import type { OpenTraceOptions } from "../open.ts";

/** A guest that was traced together with its host. */
export interface GuestTrace {
  /** Name of the virtual machine, as the host's file has it; the file's path where it does not know the guest. */
  readonly name: string;
  /** The guest's own recording, on the host's clock. */
  readonly trace: Trace;
  /** Thread of the host that runs each virtual CPU; empty where the host's file does not know the guest. */
  readonly threads: ReadonlyMap<number, number>;
}

/** A host and the guests that were traced with it. */
export interface HostAndGuests {
  /** The host's recording. */
  readonly host: Trace;
  /** In the order of the paths. */
  readonly guests: readonly GuestTrace[];
}

/**
 * Opens the trace.dat of a host and those of guests that were recorded with it (`trace-cmd record -A`), all of them on the host's
 * clock: `trace.epoch + ts` of one can be compared with that of another.
 *
 * Throws RangeError where a guest's file was not recorded with this host, and what `openTrace` throws.
 */
export async function openHostAndGuests(
  host: string,
  guests: readonly string[],
  options: Pick<OpenTraceOptions, "signal" | "instance"> = {},
): Promise<HostAndGuests> {
  // The reader is loaded when it is needed: this module is part of the package's entry point.
  const [{ readTraceDatFile }, { open }] = await Promise.all([import("./file.ts"), import("./read.ts")]);
  const facts = readTraceDatFile(fileSource(host)).facts;
  const opened = guests.map((path) => {
    const own = readTraceDatFile(fileSource(path)).facts;
    const { timeShift, traceId } = own;
    if (timeShift === undefined || timeShift.peer !== facts.traceId) {
      const found = timeShift === undefined ? "no TIME_SHIFT" : `one of session ${timeShift.peer}`;
      throw new RangeError(
        `Expected ${path} to have the TIME_SHIFT of ${host} (session ${
          facts.traceId ?? "unknown"
        }) but found ${found}`,
      );
    }
    return { path, known: facts.guests.find((guest) => guest.traceId === traceId) };
  });
  return {
    host: await open(host, options),
    guests: await Promise.all(opened.map(async ({ path, known }): Promise<GuestTrace> => ({
      name: known?.name ?? path,
      trace: await open(path, { ...options, onPeerClock: true }),
      threads: new Map(known?.cpus.map(({ vcpu, pid }) => [vcpu, pid])),
    }))),
  };
}
