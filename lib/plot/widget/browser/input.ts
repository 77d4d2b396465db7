import { element } from "./dom.ts";
import { SCROLLBAR } from "./layout.ts";
import type { TimelineView } from "./timeline_view.ts";

/** Pixels by which a press may move and still be a click. */
const CLICK = 4;

/** Has the widget answer wheel, pointer, keys and buttons. */
export function listen(widget: TimelineView): void {
  const { canvas, search, buttons } = widget.parts;
  canvas.addEventListener("wheel", (event) => wheel(widget, event), { passive: false });
  drag(widget);
  hover(widget);
  canvas.addEventListener("dblclick", (event) => {
    const share = (event.offsetX - widget.layout.gutter) / widget.layout.timeWidth;
    if (share < 0) return;
    widget.view.zoom(0.25, share, true);
    widget.redraw();
  });
  widget.parts.box.addEventListener("keydown", (event) => {
    const handled = event.target === canvas ? key(widget, event) : event.key === "Escape" && escape(widget);
    if (handled) event.preventDefault();
    // A notebook has meanings of its own for most keys.
    event.stopPropagation();
  });
  search.addEventListener("input", () => widget.search(search.value));
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") widget.takeFound();
  });
  buttons.previousGap.addEventListener("click", () => widget.stepGap(-1));
  buttons.nextGap.addEventListener("click", () => widget.stepGap(1));
  buttons.zoomIn.addEventListener("click", () => zoom(widget, 0.5));
  buttons.zoomOut.addEventListener("click", () => zoom(widget, 2));
  buttons.all.addEventListener("click", () => all(widget));
  buttons.chain.addEventListener("click", () => widget.toggleChain());
}

function zoom(widget: TimelineView, factor: number): void {
  widget.view.zoom(factor, 0.5, true);
  widget.redraw();
}

function all(widget: TimelineView): void {
  widget.view.show(0, widget.view.length, true);
  widget.redraw();
}

function escape(widget: TimelineView): boolean {
  widget.clear();
  widget.parts.canvas.focus({ preventScroll: true });
  return true;
}

/**
 * Without the focus, the wheel is the page's, so that one can read past the view: it zooms there only with Ctrl (which is also what a
 * pinch is), and pans with Shift or sideways.
 */
function wheel(widget: TimelineView, event: WheelEvent): void {
  const { view, layout, parts } = widget;
  const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
  const focused = parts.canvas.matches(":focus");
  const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
  const inLanes = event.offsetX < layout.gutter || event.altKey;
  if (event.ctrlKey || event.metaKey || (focused && !sideways && !inLanes)) {
    const pinch = event.ctrlKey && Math.abs(event.deltaY) < 40 ? 4 : 1;
    const share = Math.max(0, (event.offsetX - layout.gutter) / layout.timeWidth);
    view.zoom(Math.exp(event.deltaY * unit * pinch * 0.0022), share);
  } else if (sideways) {
    view.pan((event.deltaX || event.deltaY) * unit / layout.timeWidth);
  } else if (focused && inLanes && layout.mostScroll > 0) {
    layout.scrollTo(layout.scroll + event.deltaY * unit);
  } else return;
  event.preventDefault();
  widget.redraw();
}

function drag(widget: TimelineView): void {
  const { canvas, tip } = widget.parts;
  const { view, layout } = widget;
  let start: { x: number; y: number; from: number; scroll: number; bar: boolean; moved: boolean } | undefined;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.focus({ preventScroll: true });
    try {
      canvas.setPointerCapture(event.pointerId);
    } catch {
      // A pointer that a script made up cannot be held.
    }
    const bar = event.offsetX > layout.width - SCROLLBAR && event.offsetY > layout.fold &&
      layout.mostScroll > 0;
    start = { x: event.offsetX, y: event.offsetY, from: view.from, scroll: layout.scroll, bar, moved: bar };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (start === undefined) return;
    const dx = event.offsetX - start.x;
    const dy = event.offsetY - start.y;
    if (!start.moved && Math.hypot(dx, dy) < CLICK) return;
    start.moved = true;
    tip.hidden = true;
    if (start.bar) {
      layout.scrollTo(start.scroll + dy * layout.movingHeight / (layout.height - layout.fold));
    } else {
      canvas.style.cursor = "grabbing";
      view.show(start.from - dx / layout.timeWidth * view.span, view.span);
      if (start.y > layout.fold) layout.scrollTo(start.scroll - dy);
    }
    widget.redraw();
  });
  const end = (event: PointerEvent) => {
    canvas.style.cursor = "";
    if (start !== undefined && !start.moved && event.type === "pointerup") {
      widget.clickAt(event.offsetX, event.offsetY);
    }
    start = undefined;
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
}

function hover(widget: TimelineView): void {
  const { canvas, tip, stage } = widget.parts;
  canvas.addEventListener("pointermove", (event) => {
    if (event.buttons !== 0) return;
    const lines = widget.describeAt(event.offsetX, event.offsetY);
    tip.hidden = lines.length === 0;
    if (tip.hidden) return;
    tip.replaceChildren(...lines.map((line) => element("div", "", line)));
    const { width, height } = tip.getBoundingClientRect();
    const left = event.offsetX + 14 + width > stage.clientWidth
      ? event.offsetX - width - 10
      : event.offsetX + 14;
    const top = event.offsetY + 16 + height > stage.clientHeight
      ? event.offsetY - height - 8
      : event.offsetY + 16;
    tip.style.transform = `translate(${Math.max(0, left)}px,${Math.max(0, top)}px)`;
  });
  canvas.addEventListener("pointerleave", () => tip.hidden = true);
}

/** Answers a key on the canvas. Returns whether it meant anything. */
function key(widget: TimelineView, event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const { view, layout, parts } = widget;
  const far = event.shiftKey ? 0.8 : 0.2;
  switch (event.key) {
    case "ArrowLeft":
    case "a":
      view.pan(-far, true);
      break;
    case "ArrowRight":
    case "d":
      view.pan(far, true);
      break;
    case "+":
    case "=":
    case "w":
      view.zoom(0.6, 0.5, true);
      break;
    case "-":
    case "s":
      view.zoom(1 / 0.6, 0.5, true);
      break;
    case "ArrowUp":
      widget.stepLane(-1);
      break;
    case "ArrowDown":
      widget.stepLane(1);
      break;
    case "PageUp":
    case "PageDown":
      layout.scrollTo(
        layout.scroll + (event.key === "PageUp" ? -1 : 1) * (layout.height - layout.fold) * 0.9,
      );
      break;
    case ",":
      widget.stepSlice(-1);
      break;
    case ".":
      widget.stepSlice(1);
      break;
    case "Home":
      view.show(0, view.goal.span, true);
      break;
    case "End":
      view.show(view.length, view.goal.span, true);
      break;
    case "0":
      view.show(0, view.length, true);
      break;
    case "Enter":
      widget.followChain(event.shiftKey);
      break;
    case "n":
      widget.stepGap(1);
      break;
    case "p":
      widget.stepGap(-1);
      break;
    case "c":
      widget.toggleChain();
      break;
    case "/":
      parts.search.focus();
      parts.search.select();
      break;
    case "?":
      parts.help.scrollIntoView({ block: "nearest" });
      break;
    case "Escape":
      return escape(widget);
    default:
      return false;
  }
  widget.redraw();
  return true;
}
