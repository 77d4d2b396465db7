import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns, type Ratio, ratio } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { type FairService, fairService } from "./fair_service.ts";
import type { FairnessOptions } from "./fairness_options.ts";

/** Columns of {@linkcode serviceWindows}: for each thread or group a row for each length of window. */
export type ServiceWindowColumns = {
  /** Thread, or group. */
  name: DictColumn;
  /** Thread; -1 for a group. */
  tid: Int32Array;
  /** Length of the windows, ns. */
  window: Ns;
  /** The most by which it got less in a window of that length than it was entitled to in it; 0 where it never did. */
  shortfall: Ns;
  /** Where that window begins, ns since the epoch; NaN where it never got less. */
  ts: Ns;
  /** What it got in that window, and what it was entitled to. */
  service: Ns;
  entitled: Ns;
  /** Time that is known of all CPUs as a share of that window (of the span where there is none). */
  coverage: Ratio;
  /** 1 where `coverage` is below 1. */
  censored: Uint8Array;
};

/** Options of {@linkcode serviceWindows}. */
export interface ServiceWindowsOptions extends FairnessOptions {
  /** Lengths of windows, ns. Default: 10 ms to 10 s in steps of 1, 2, 5, as far as the span goes. */
  windows?: Iterable<number>;
  /** Step by which the windows slide, ns. Default: a tenth of the shortest, not less than a 5,000th of the span. */
  step?: number;
  /** Most threads or groups: those with the worst window of any length. Default 20. */
  limit?: number;
}

const DEFAULT_WINDOWS = [10e6, 20e6, 50e6, 100e6, 200e6, 500e6, 1e9, 2e9, 5e9, 10e9];

/**
 * The service curve's other side: by how much a thread (or group) got less than it was entitled to in the worst window of each
 * length. Windows slide in steps; the worst window of any length, exact to the nanosecond, is in `fairness`. Rows are sorted by
 * thread or group, then window. What is counted is as in `fairness`.
 *
 * Needs and throws what `fairness` does, and a RangeError for a window or a step that is not above 0.
 */
export function serviceWindows(
  trace: Trace,
  options: ServiceWindowsOptions = {},
): Frame<ServiceWindowColumns> {
  const { from, to } = trace.span;
  const span = Math.max(1, to - from);
  const wanted = Array.from(options.windows ?? DEFAULT_WINDOWS.filter((window) => window <= to - from))
    .sort((x, y) => x - y);
  for (const window of wanted) {
    if (!(window > 0 && window < Infinity)) {
      throw new RangeError(`Expected a window above 0 ns but found ${window}`);
    }
  }
  const { step = Math.max((wanted[0] ?? span) / 10, span / 5000), limit = 20 } = options;
  const found = fairService(trace, "serviceWindows", options, step);
  const kept = Array.from({ length: found.size }, (_, entity) => entity).filter((entity) =>
    found.demand[entity]! > 0
  )
    .sort((x, y) => found.worst[y]! - found.worst[x]! || x - y).slice(0, limit);
  const { bins } = found;
  const known = sums(found.known);
  const curves = curvesOf(found, kept);
  const widths = [...new Set(wanted.map((window) => Math.max(1, Math.round(window / step))))]
    .filter((width) => width <= bins.count);
  const rows = kept.flatMap((entity, at) =>
    widths.map((width) => {
      const { service, entitled } = curves[at]!;
      let worst = 0;
      let start = -1;
      for (let bin = 0; bin + width <= bins.count; bin++) {
        const short = entitled[bin + width]! - entitled[bin]! - service[bin + width]! + service[bin]!;
        if (short > worst) {
          worst = short;
          start = bin;
        }
      }
      const [first, end] = start < 0 ? [0, bins.count] : [start, start + width];
      const length = bins.end(end - 1) - bins.start(first);
      return {
        entity,
        window: width * step,
        worst,
        ts: start < 0 ? NaN : bins.start(start),
        service: start < 0 ? NaN : service[end]! - service[first]!,
        entitled: start < 0 ? NaN : entitled[end]! - entitled[first]!,
        coverage: length > 0 ? Math.min(1, (known[end]! - known[first]!) / length) : 0,
      };
    })
  );
  return new Frame<ServiceWindowColumns>({
    name: () => new DictColumn(Uint32Array.from(rows, ({ entity }) => entity), found.names()),
    tid: Int32Array.from(rows, ({ entity }) => found.tid[entity]!),
    window: ns(Float64Array.from(rows, ({ window }) => window)),
    shortfall: ns(Float64Array.from(rows, ({ worst }) => worst)),
    ts: ns(Float64Array.from(rows, ({ ts }) => ts)),
    service: ns(Float64Array.from(rows, ({ service }) => service)),
    entitled: ns(Float64Array.from(rows, ({ entitled }) => entitled)),
    coverage: ratio(Float64Array.from(rows, ({ coverage }) => coverage)),
    censored: Uint8Array.from(rows, ({ coverage }) => coverage < 1 - 1e-9 ? 1 : 0),
  }, rows.length);
}

/** Service and entitlement of each of `kept` up to the start of each bin, and behind the last. */
function curvesOf(
  { size, samples, bins }: FairService,
  kept: readonly number[],
): { service: Float64Array; entitled: Float64Array }[] {
  const place = new Int32Array(size).fill(-1);
  kept.forEach((entity, at) => place[entity] = at);
  const each = kept.map(() => ({
    service: new Float64Array(bins.count),
    entitled: new Float64Array(bins.count),
  }));
  for (let i = 0; i < samples.bin.length; i++) {
    const curve = each[place[samples.entity[i]!]!];
    if (curve === undefined) continue;
    curve.service[samples.bin[i]!]! += samples.service[i]!;
    curve.entitled[samples.bin[i]!]! += samples.entitled[i]!;
  }
  return each.map(({ service, entitled }) => ({ service: sums(service), entitled: sums(entitled) }));
}

/** The sum of the first n of `values`, for every n. */
function sums(values: Float64Array): Float64Array {
  const out = new Float64Array(values.length + 1);
  for (let i = 0; i < values.length; i++) out[i + 1] = out[i]! + values[i]!;
  return out;
}
