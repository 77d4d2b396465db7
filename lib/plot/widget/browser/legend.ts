import { causeColor } from "../../palette.ts";
import { State } from "../protocol.ts";
import { element } from "./dom.ts";
import { type Model, nameOf } from "./model.ts";
import type { Theme } from "./theme.ts";

const STATES = [
  [State.Running, "running"],
  [State.Preempted, "preempted"],
  [State.Woken, "woken, waits"],
  [State.Sleeping, "sleeping"],
  [State.Blocked, "blocked"],
  [State.Stopped, "stopped"],
] as const;

/** Writes what the colours mean. `culprit` is the thread to blame for the chosen gap, as slices name it; -1 none. */
export function showLegend(box: HTMLElement, model: Model, theme: Theme, culprit: number): void {
  const causes = [...new Set(model.gaps.cause)].map((cause) => model.header.causes[cause]!);
  const unknown = `repeating-linear-gradient(-45deg,${theme.hatch} 0 2px,${
    theme.states[State.Unknown]
  } 2px 4px)`;
  box.replaceChildren(
    ...STATES.map(([state, words]) => item(theme.states[state]!, words)),
    item(unknown, "unknown"),
    ...(causes.length === 0 ? [] : [element("span", "", "· gaps:")]),
    ...causes.map((cause) => item(causeColor(cause), cause)),
    ...(culprit < 0
      ? []
      : [item(theme.culprit, `on CPUs: ${nameOf(model.header, culprit)}, which took its time`)]),
  );
}

function item(background: string, text: string): HTMLElement {
  const swatch = element("i");
  swatch.style.background = background;
  const entry = element("span");
  entry.append(swatch, text);
  return entry;
}
