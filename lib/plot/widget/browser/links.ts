import type { Place } from "./timeline_view.ts";

/** The place that a link `#ID?ts=...&dur=...&tid=...` means, and the widget's id. */
export function placeOf(hash: string): { id: string; place: Place } | undefined {
  const found = /^#(schedscope-[\w-]+)\?(.*)$/.exec(hash);
  if (found === null) return undefined;
  const values = new URLSearchParams(found[2]);
  const number = (name: string) => {
    const text = values.get(name);
    return text === null || text === "" ? undefined : Number(text);
  };
  const ts = number("ts");
  if (ts === undefined || !Number.isFinite(ts)) return undefined;
  const dur = number("dur");
  const tid = number("tid");
  return {
    id: found[1]!,
    place: { ts, ...(dur === undefined ? {} : { dur }), ...(tid === undefined ? {} : { tid }) },
  };
}
