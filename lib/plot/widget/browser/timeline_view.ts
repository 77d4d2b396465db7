import { FIRST_THREAD, State } from "../protocol.ts";
import { byTask, wakeesOf, wakersOf } from "./chain.ts";
import { describeCpu, describeGap, describeThread, momentText, wakeText } from "./describe.ts";
import { type Detail, showDetails } from "./details.ts";
import { makeParts, paintParts, type Parts } from "./dom.ts";
import { listen } from "./input.ts";
import { Layout } from "./layout.ts";
import { showLegend } from "./legend.ts";
import { busyMoment, gapAt, gapOf, longestIn } from "./look_up.ts";
import { type Model, nameOf } from "./model.ts";
import { culpritOf, Picture, type Selection } from "./picture.ts";
import { FrameClock, type WidgetStats } from "./stats.ts";
import { isDark, type Theme, themeFor } from "./theme.ts";
import { View } from "./view.ts";

/** A place to go to: a row of a ledger has these columns. */
export interface Place {
  /** ns since the trace's epoch. */
  ts: number;
  /** ns. Default 0. */
  dur?: number;
  /** Default: stays with the thread that is chosen. */
  tid?: number;
}

/** What a widget is made with. */
export interface ViewOptions {
  readonly height: number;
  /** Words for who cannot see it. */
  readonly alt: string;
  /** `performance.now()` when the page began to unpack. */
  readonly begun: number;
}

/** The timeline in a page. */
export class TimelineView {
  readonly model: Model;
  readonly host: HTMLElement;
  readonly view: View;
  readonly layout: Layout;
  readonly parts: Parts;
  readonly #picture: Picture;
  readonly #clock = new FrameClock();
  readonly #loadMs: number;
  #selection: Selection | undefined;
  #theme: Theme = themeFor(false);
  #asked = false;
  #moving = false;
  #found: readonly number[] | undefined;
  #onlyChain = false;
  #gap = -1;
  #saying: ReturnType<typeof setTimeout> | undefined;

  constructor(host: HTMLElement, model: Model, options: ViewOptions) {
    this.host = host;
    this.model = model;
    this.view = new View(model.header.length);
    this.layout = new Layout(model);
    // No taller than what there is to see.
    this.layout.height = options.height;
    this.layout.height = Math.max(
      140,
      Math.min(options.height, Math.ceil(this.layout.fold + this.layout.movingHeight) + 4),
    );
    this.parts = makeParts(host, model.header.title, model.header.note);
    const { canvas } = this.parts;
    canvas.setAttribute("aria-label", options.alt);
    canvas.style.height = `${this.layout.height}px`;
    this.#picture = new Picture(canvas, model);
    const gapless = model.gaps.length === 0;
    this.parts.buttons.previousGap.hidden = gapless;
    this.parts.buttons.nextGap.hidden = gapless;
    this.parts.buttons.chain.hidden = true;
    listen(this);
    this.retheme();
    this.resize();
    new ResizeObserver(() => this.resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.retheme());
    const page = new MutationObserver(() => this.retheme());
    const filter = {
      attributes: true,
      attributeFilter: ["class", "style", "data-jp-theme-light", "data-theme"],
    };
    for (const watched of [document.documentElement, document.body]) page.observe(watched, filter);
    this.#draw();
    this.#loadMs = performance.now() - options.begun;
  }

  /** How fast it draws. */
  get stats(): WidgetStats {
    return this.#clock.stats(this.model.slices, this.#loadMs);
  }

  /** Begins to count frames anew. */
  resetStats(): void {
    this.#clock.reset();
  }

  /** What is chosen. */
  get selection(): Selection | undefined {
    return this.#selection;
  }

  /** Asks for a frame; many may ask for the same one. */
  redraw(): void {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      const more = this.view.step();
      this.#draw();
      this.#moving = more;
      if (more) this.redraw();
    });
  }

  /** Takes the width that the page gives. */
  resize(): void {
    const width = this.parts.canvas.clientWidth;
    if (width > 0 && width !== this.layout.width) this.layout.width = width;
    this.#arrange();
  }

  /** Takes colours that suit the page. */
  retheme(): void {
    // The view's own ground must not be asked: only what is behind it tells.
    const dark = isDark(this.host, this.parts.probe);
    this.#theme = themeFor(dark);
    paintParts(this.parts, this.#theme);
    this.#legend();
    this.redraw();
  }

  /** Moves to a place in time, and chooses its thread. Returns whether the view has it. */
  goTo(place: Place): boolean {
    const { header, gaps } = this.model;
    const at = place.ts - header.from;
    const dur = Math.max(0, place.dur ?? 0);
    if (!(at + dur >= 0 && at <= header.length)) {
      const has = `${momentText(header, 0, header.length / 1e3)} to ${
        momentText(header, header.length, header.length / 1e3)
      }`;
      this.say(`${momentText(header, at, header.length / 1e3)} is outside of what this view holds: ${has}`);
      return false;
    }
    const span = Math.max(dur * 2.2, 20_000);
    this.view.show(at + dur / 2 - span / 2, span, true);
    const index = place.tid === undefined ? -1 : header.tid.indexOf(place.tid);
    if (index >= 0) {
      const own = gaps.byThread.get(index + FIRST_THREAD) ?? [];
      this.#gap = own.find((gap) => Math.abs(gaps.from[gap]! - at) < 2) ?? this.#gap;
      const { track } = this.model.threads[index]!;
      if (track.length > 0) this.chooseRow(index, longestIn(track, at, at + dur));
    } else if (place.tid !== undefined) this.say(`Thread ${place.tid} did nothing in this view's time`);
    this.redraw();
    return true;
  }

  /** Chooses what the thread did at `t`, and the wakeups before and after. */
  choose(thread: number, t: number): void {
    const lane = this.model.threads[thread];
    if (lane === undefined || lane.track.length === 0) return;
    const { track } = lane;
    this.chooseRow(thread, Math.max(0, Math.min(track.length - 1, track.rowAt(t))));
  }

  /** Chooses slice `row` of the thread. */
  chooseRow(thread: number, row: number): void {
    const { track } = this.model.threads[thread]!;
    const runs = track.category[row] === State.Running;
    this.#selection = {
      thread,
      row,
      wakers: wakersOf(this.model, thread, row),
      gap: gapOf(this.model, thread, row),
      wakees: runs ? wakeesOf(this.model, thread + FIRST_THREAD, track.time[row]!, track.time[row + 1]!) : [],
    };
    if (this.#found !== undefined && !this.#found.includes(thread)) this.search("");
    this.#arrange();
    this.layout.reveal(thread);
    this.#details();
    this.#legend();
    this.redraw();
  }

  /** Chooses nothing. */
  clear(): void {
    this.#selection = undefined;
    this.#onlyChain = false;
    this.parts.details.replaceChildren();
    this.#legend();
    this.search("");
    this.#arrange();
    this.redraw();
  }

  /** Chooses the thread's slice and moves there if it is not seen. */
  follow(thread: number, t: number): void {
    this.choose(thread, t);
    const { from, span } = this.view.goal;
    if (t < from + span * 0.05 || t > from + span * 0.95) this.view.show(t - span / 2, span, true);
    this.redraw();
  }

  /** Goes from the chosen slice to who woke it, or, with `forward`, to the first that it woke. */
  followChain(forward: boolean): void {
    const selection = this.#selection;
    if (selection === undefined) return;
    const wake = forward ? selection.wakees[0] : selection.wakers[0];
    const to = wake === undefined ? -1 : (forward ? wake.wakee : wake.waker) - FIRST_THREAD;
    if (wake === undefined) {
      return this.say(forward ? "It woke nobody during this slice" : "Who woke it is not known");
    }
    // An interrupt is nobody's doing: the thread that it came upon is only named.
    if (to < 0 || (!forward && !byTask(wake.source))) return this.say(wakeText(this.model, wake));
    this.follow(to, wake.ts);
  }

  /** Shows the threads of the chain only, or all again. */
  toggleChain(): void {
    this.#onlyChain = !this.#onlyChain && this.#selection !== undefined;
    this.#arrange();
    if (this.#selection !== undefined) this.layout.reveal(this.#selection.thread);
    this.redraw();
  }

  /** Goes to the next gap in time (`by` 1) or the one before (-1). */
  stepGap(by: 1 | -1): void {
    const { gaps } = this.model;
    if (gaps.length === 0) return;
    const { from, span } = this.view.goal;
    const middle = from + span / 2;
    const near = this.#gap >= 0 && gaps.from[this.#gap]! < from + span && gaps.to[this.#gap]! > from;
    let next = by === 1
      ? gaps.from.findIndex((at) => at > middle)
      : gaps.from.findLastIndex((at) => at < middle);
    if (near) next = this.#gap + by;
    if (next < 0 || next >= gaps.length) next = by === 1 ? 0 : gaps.length - 1;
    this.#goToGap(next);
    this.say(`Gap ${next + 1} of ${gaps.length}`);
  }

  /** Keeps the lanes of threads whose name or number has `text` in it; all for an empty text. */
  search(text: string): void {
    const { header, threads } = this.model;
    const wanted = text.trim().toLowerCase();
    if (this.parts.search.value.trim().toLowerCase() !== wanted) this.parts.search.value = text;
    this.#found = wanted === ""
      ? undefined
      : threads.filter(({ index, track }) =>
        track.length > 0 && nameOf(header, index + FIRST_THREAD).toLowerCase().includes(wanted)
      ).map(({ index }) => index);
    this.#onlyChain = false;
    const count = this.#found?.length ?? 0;
    this.say(
      this.#found === undefined ? "" : count === 1 ? "1 thread" : `${count.toLocaleString("en-US")} threads`,
    );
    this.#arrange();
    this.redraw();
  }

  /** Chooses the first (or next) thread that was found and goes to where it first ran in or after the view. */
  takeFound(): void {
    const found = this.#found;
    if (found === undefined || found.length === 0) return;
    const chosen = this.#selection === undefined ? -1 : found.indexOf(this.#selection.thread);
    const thread = found[(chosen + 1) % found.length]!;
    const { track } = this.model.threads[thread]!;
    const seen = track.rowAt(this.view.goal.from);
    let row = Math.max(0, Math.min(track.length - 1, seen));
    while (row < track.length && track.category[row] !== State.Running) row++;
    if (row === track.length) row = track.category.indexOf(State.Running);
    this.follow(thread, track.time[Math.max(0, row)]!);
  }

  /** Chooses the lane below (`by` 1) or above (-1) at the same time. */
  stepLane(by: 1 | -1): void {
    const shown = this.layout.threads;
    if (shown.length === 0) return;
    const selection = this.#selection;
    const at = selection === undefined ? (by === 1 ? -1 : shown.length) : shown.indexOf(selection.thread);
    const thread = shown[Math.max(0, Math.min(shown.length - 1, at + by))]!;
    const { from, span } = this.view.goal;
    let t = from + span / 2;
    if (selection !== undefined) {
      const begin = this.model.threads[selection.thread]!.track.time[selection.row]!;
      if (begin >= from && begin <= from + span) t = begin;
    }
    this.choose(thread, t);
  }

  /** Chooses the thread's next slice (`by` 1) or the one before (-1). */
  stepSlice(by: 1 | -1): void {
    const selection = this.#selection;
    if (selection === undefined) return this.stepLane(1);
    const { track } = this.model.threads[selection.thread]!;
    const row = Math.max(0, Math.min(track.length - 1, selection.row + by));
    this.chooseRow(selection.thread, row);
    const { from, span } = this.view.goal;
    const t = track.time[row]!;
    if (t < from || t > from + span) this.view.show(t - span / 2, span, true);
  }

  /** What is at a point of the canvas, line by line; nothing outside of the lanes. */
  describeAt(x: number, y: number): string[] {
    const placed = this.layout.laneAt(y);
    if (placed === undefined) return [];
    const { lane } = placed;
    if (x < this.layout.gutter) return lane.kind === "thread" ? [this.layout.nameOf(lane)] : [];
    const t = this.timeAt(x);
    const step = this.view.span / this.layout.timeWidth;
    if (lane.kind === "thread") return describeThread(this.model, this.model.threads[lane.at]!, t, step);
    if (lane.kind === "cpu") return describeCpu(this.model, this.model.cpus[lane.at]!, t, step);
    const gap = gapAt(this.model.gaps, t, step);
    return gap < 0
      ? []
      : [nameOf(this.model.header, this.model.gaps.who[gap]!), ...describeGap(this.model, gap)];
  }

  /** Chooses what is at a point of the canvas. */
  clickAt(x: number, y: number): void {
    const placed = this.layout.laneAt(y);
    if (placed === undefined) return;
    const t = this.timeAt(Math.max(x, this.layout.gutter));
    const step = this.view.span / this.layout.timeWidth;
    const { lane } = placed;
    if (lane.kind === "thread") {
      return this.choose(lane.at, busyMoment(this.model.threads[lane.at]!.track, t, step));
    }
    if (lane.kind === "cpu") return this.#clickCpu(lane.at, t);
    const gap = gapAt(this.model.gaps, t, step);
    if (gap >= 0) this.#goToGap(gap);
  }

  /** The moment at a column of the canvas. */
  timeAt(x: number): number {
    return this.view.from + (x - this.layout.gutter) / this.layout.timeWidth * this.view.span;
  }

  /** Says a few words over the lanes, for a while. */
  say(text: string): void {
    this.parts.found.textContent = text;
    clearTimeout(this.#saying);
    this.#saying = setTimeout(() => this.parts.found.textContent = "", 8000);
  }

  #goToGap(gap: number): void {
    const { gaps, header } = this.model;
    this.goTo({
      ts: header.from + gaps.from[gap]!,
      dur: gaps.to[gap]! - gaps.from[gap]!,
      tid: header.tid[gaps.who[gap]! - FIRST_THREAD] ?? -1,
    });
    this.#gap = gap;
  }

  #clickCpu(at: number, t: number): void {
    const cpu = this.model.cpus[at]!;
    const step = this.view.span / this.layout.timeWidth;
    const first = cpu.track.rowAt(t);
    const last = cpu.track.rowAt(t + step, Math.max(0, first));
    const row = cpu.longest.of(Math.max(0, first), Math.min(cpu.track.length, last + 1));
    const who = row < 0 ? -1 : cpu.who[row]! - FIRST_THREAD;
    if (who >= 0) this.choose(who, Math.max(cpu.track.time[row]!, Math.min(t, cpu.track.time[row + 1]! - 1)));
  }

  #arrange(): void {
    const selection = this.#selection;
    const { chain } = this.parts.buttons;
    const hops = selection === undefined ? [] : [...selection.wakers, ...selection.wakees];
    chain.hidden = hops.length === 0 && !this.#onlyChain;
    chain.setAttribute("aria-pressed", String(this.#onlyChain));
    if (this.#onlyChain && selection !== undefined) {
      const people = [
        selection.thread,
        ...hops.flatMap(({ waker, wakee }) => [waker, wakee]).map((who) => who - FIRST_THREAD),
      ];
      this.layout.showThreads([...new Set(people)].filter((index) => index >= 0));
    } else this.layout.showThreads(this.#found);
    this.redraw();
  }

  #details(): void {
    const selection = this.#selection!;
    const go = (thread: number, t: number) => this.follow(thread, t);
    const detail: Detail = { model: this.model, selection, go };
    showDetails(this.parts.details, detail);
  }

  #legend(): void {
    showLegend(this.parts.legend, this.model, this.#theme, culpritOf(this.model, this.#selection));
  }

  #draw(): void {
    const begun = performance.now();
    const drawn = this.#picture.draw(this.layout, this.view, this.#theme, this.#selection);
    this.#clock.frame(begun, performance.now(), drawn, this.#moving);
  }
}
