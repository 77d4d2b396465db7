import type { Frame } from "../../frame/mod.ts";
import { type HwlatColumns, parseHwlat } from "./parse_hwlat.ts";

/** The samples on several consoles, one after the other; `vm` is the place of the console in the list. */
export function concatSamples(consoles: readonly string[]): Frame<HwlatColumns> {
  const [first, ...others] = consoles.map((text, vm) => parseHwlat(text, { vm: `${vm}` }));
  return first === undefined ? parseHwlat("") : first.concat(...others);
}
