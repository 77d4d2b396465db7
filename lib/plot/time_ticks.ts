import { formatNs } from "../frame/format_ns.ts";

/** Ticks of a logarithmic axis of ns from `from` to `to`: decades, or 1, 2, 5 of each where there are few. */
export function logTimeTicks(from: number, to: number): number[] {
  const decades = Math.log10(to / from);
  const steps = decades > 2.5 ? [1] : [1, 2, 5];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(from)); power <= Math.ceil(Math.log10(to)); power++) {
    for (const step of steps) {
      const tick = Number(`${step}e${power}`);
      if (tick >= from * 0.999 && tick <= to * 1.001) ticks.push(tick);
    }
  }
  return ticks;
}

/** Tick text of an axis of ns. */
export function timeTick(ns: number): string {
  return formatNs(ns);
}

/** The unit in which a linear axis of `span` ns is read best, and how many ns one of it has. */
export function timeUnit(span: number): { name: string; ns: number } {
  if (span >= 2e9) return { name: "s", ns: 1e9 };
  if (span >= 2e6) return { name: "ms", ns: 1e6 };
  if (span >= 2e3) return { name: "µs", ns: 1e3 };
  return { name: "ns", ns: 1 };
}
