import type { Trace, TraceParts } from "./trace.ts";

/** What a part of `trace` has of the whole: where it is from, and what does not depend on the records. */
export function originOf(
  trace: Trace,
): Pick<
  TraceParts,
  "format" | "path" | "epoch" | "clock" | "host" | "topology" | "guests" | "guest" | "formats" | "savedNames"
> {
  const { format, path, epoch, clock, host, topology, guests, guest, formats, savedNames } = trace;
  return {
    format,
    ...(path === undefined ? {} : { path }),
    epoch,
    clock,
    host,
    topology,
    guests,
    ...(guest === undefined ? {} : { guest }),
    formats,
    savedNames,
  };
}
