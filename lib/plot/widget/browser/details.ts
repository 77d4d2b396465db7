import { FIRST_THREAD } from "../protocol.ts";
import { byTask, type Wake } from "./chain.ts";
import { describeGap, describeSlice, momentText, wakerText } from "./describe.ts";
import { element } from "./dom.ts";
import { type Model, nameOf } from "./model.ts";
import type { Selection } from "./picture.ts";

/** What the lines below the lanes are made of. */
export interface Detail {
  readonly model: Model;
  readonly selection: Selection;
  /** Goes to what a thread did at a moment. */
  readonly go: (thread: number, t: number) => void;
}

/** Writes what is chosen below the lanes: the slice in words, who woke it, and whom it woke. */
export function showDetails(box: HTMLElement, { model, selection, go }: Detail): void {
  const { thread, row, wakers, wakees, gap } = selection;
  const lane = model.threads[thread]!;
  const lines = describeSlice(model, lane, row);
  const head = element("div");
  head.append(element("span", "head", nameOf(model.header, thread + FIRST_THREAD)), ` ${lines.join(" · ")}`);
  const two = element("div", "two");
  if (wakers.length > 0) two.append(list(model, "Woken by", wakers, (wake) => wakerStep(model, wake, go)));
  if (wakees.length > 0) two.append(list(model, "Woke", wakees, (wake) => wakeeStep(model, wake, go)));
  box.replaceChildren(
    head,
    ...(gap < 0 ? [] : [element("div", "", describeGap(model, gap).join(" · "))]),
    ...(two.childElementCount === 0 ? [] : [two]),
  );
}

function list(
  model: Model,
  title: string,
  wakes: readonly Wake[],
  content: (wake: Wake) => Node[],
): HTMLElement {
  const box = element("div");
  const steps = element("ol");
  for (const wake of wakes) {
    const step = element("li");
    step.append(...content(wake), ` at ${momentText(model.header, wake.ts)}`);
    steps.append(step);
  }
  box.append(title, steps);
  return box;
}

function wakerStep(model: Model, wake: Wake, go: Detail["go"]): Node[] {
  const thread = wake.waker - FIRST_THREAD;
  const name = nameOf(model.header, wake.waker);
  if (thread >= 0 && byTask(wake.source)) return [button(name, () => go(thread, wake.ts))];
  const [by, rest] = wakerText(model, wake.waker, wake.source).replace(/^woken by /, "").split(name, 2);
  return [
    by!,
    ...(rest === undefined ? [] : [thread < 0 ? name : button(name, () => go(thread, wake.ts)), rest]),
  ]
    .map((part) => typeof part === "string" ? document.createTextNode(part) : part);
}

function wakeeStep(model: Model, wake: Wake, go: Detail["go"]): Node[] {
  const thread = wake.wakee - FIRST_THREAD;
  return [button(nameOf(model.header, wake.wakee), () => go(thread, wake.ts))];
}

function button(text: string, pressed: () => void): HTMLButtonElement {
  const made = element("button", "", text);
  made.type = "button";
  made.addEventListener("click", pressed);
  return made;
}
