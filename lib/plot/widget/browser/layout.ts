import { FIRST_THREAD } from "../protocol.ts";
import { type Model, nameOf } from "./model.ts";

/** Sizes in CSS pixels. */
export const AXIS = 26;
const CPU_LANE = 22;
const THREAD_LANE = 18;
const GAP_LANE = 18;
const SPACE = 4;
export const SCROLLBAR = 10;

/** One line of the view. */
export type Lane =
  | { readonly kind: "gaps"; readonly height: number }
  | { readonly kind: "cpu"; readonly at: number; readonly height: number }
  | { readonly kind: "thread"; readonly at: number; readonly height: number };

/** A lane and where it is. */
export interface Placed {
  readonly lane: Lane;
  /** Top, CSS pixels from that of the canvas. */
  readonly y: number;
  /** Whether it stays while the threads are scrolled. */
  readonly fixed: boolean;
}

/** Which lanes there are and which of them are seen. */
export class Layout {
  readonly #model: Model;
  /** Width and height, CSS pixels. */
  width = 800;
  height = 400;
  /** By how much the threads are scrolled. */
  scroll = 0;
  #fixed: Lane[] = [];
  #moving: Lane[] = [];
  #shown: readonly number[] = [];

  constructor(model: Model) {
    this.#model = model;
    this.showThreads(undefined);
  }

  /** Left of the lanes. */
  get gutter(): number {
    return Math.round(Math.min(168, this.width * 0.28));
  }

  /** Width of the time. */
  get timeWidth(): number {
    return Math.max(10, this.width - this.gutter - SCROLLBAR);
  }

  /** Indexes of the threads that have a lane now. */
  get threads(): readonly number[] {
    return this.#shown;
  }

  /** Where the lanes that are scrolled begin. */
  get fold(): number {
    return AXIS + this.#heightOf(this.#fixed);
  }

  /** How far it can be scrolled. */
  get mostScroll(): number {
    return Math.max(0, this.#heightOf(this.#moving) - (this.height - this.fold));
  }

  /** Whole height of what is scrolled. */
  get movingHeight(): number {
    return this.#heightOf(this.#moving);
  }

  /** Shows lanes of these threads only; of all that did anything where undefined. */
  showThreads(indexes: readonly number[] | undefined): void {
    const { threads, cpus, gaps } = this.#model;
    this.#shown = indexes ?? threads.filter(({ track }) => track.length > 0).map(({ index }) => index);
    const cpuLanes = cpus.map((_, at): Lane => ({ kind: "cpu", at, height: CPU_LANE }));
    const threadLanes = this.#shown.map((at): Lane => ({ kind: "thread", at, height: THREAD_LANE }));
    const gapLanes: Lane[] = gaps.length === 0 ? [] : [{ kind: "gaps", height: GAP_LANE }];
    const pinned = this.#heightOf(cpuLanes) < (this.height - AXIS) * 0.6 || threadLanes.length === 0;
    this.#fixed = pinned ? [...gapLanes, ...cpuLanes] : gapLanes;
    this.#moving = pinned ? threadLanes : [...cpuLanes, ...threadLanes];
    this.scrollTo(this.scroll);
  }

  /** Scrolls the threads to `top`, as far as there are. */
  scrollTo(top: number): void {
    this.scroll = Math.max(0, Math.min(this.mostScroll, top));
  }

  /** Scrolls so that the thread is seen. Returns whether it has a lane. */
  reveal(thread: number): boolean {
    const at = this.#moving.findIndex((lane) => lane.kind === "thread" && lane.at === thread);
    if (at < 0) return false;
    const top = this.#heightOf(this.#moving.slice(0, at));
    const room = this.height - this.fold;
    if (top < this.scroll || top + THREAD_LANE + SPACE > this.scroll + room) {
      this.scrollTo(top - room / 2 + THREAD_LANE / 2);
    }
    return true;
  }

  /** The lanes that are seen: those that are scrolled first, so that the others can be drawn over them. */
  *placed(): Generator<Placed> {
    let y = this.fold - this.scroll;
    for (const lane of this.#moving) {
      if (y >= this.height) break;
      if (y + lane.height > this.fold) yield { lane, y, fixed: false };
      y += lane.height + SPACE;
    }
    y = AXIS;
    for (const lane of this.#fixed) {
      yield { lane, y, fixed: true };
      y += lane.height + SPACE;
    }
  }

  /** The lane at a height. */
  laneAt(y: number): Placed | undefined {
    if (y < AXIS) return undefined;
    for (const placed of this.placed()) {
      if (placed.fixed !== (y < this.fold)) continue;
      if (y >= placed.y - SPACE / 2 && y < placed.y + placed.lane.height + SPACE / 2) return placed;
    }
    return undefined;
  }

  /** What is written before a lane. */
  nameOf(lane: Lane): string {
    if (lane.kind === "gaps") return `gaps (${this.#model.gaps.length.toLocaleString("en-US")})`;
    if (lane.kind === "cpu") return `CPU ${this.#model.cpus[lane.at]!.cpu}`;
    return nameOf(this.#model.header, lane.at + FIRST_THREAD);
  }

  #heightOf(lanes: readonly Lane[]): number {
    let sum = 0;
    for (const lane of lanes) sum += lane.height + SPACE;
    return sum;
  }
}
