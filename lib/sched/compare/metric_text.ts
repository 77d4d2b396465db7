import { formatNs } from "../../frame/format_ns.ts";

/**
 * A value of a metric as people read it, by the end of its name: `_wait`, `_delay`, `_run`, `_gap` and `_ns` are ns, `_share` is a share;
 * any other has four significant digits. `–` for NaN.
 */
export function metricText(metric: string, value: number): string {
  if (Number.isNaN(value)) return "–";
  if (/_(wait|delay|run|gap|ns)$/.test(metric)) return formatNs(value);
  if (metric.endsWith("_share")) return `${Number((value * 100).toPrecision(4))} %`;
  return String(Number(value.toPrecision(4)));
}
