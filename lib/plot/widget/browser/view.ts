/** Shortest stretch of time that fills the view, ns. */
const SHORTEST = 100;

/** Which part of the time is seen. It moves by {@linkcode View.step} towards where it was sent. */
export class View {
  /** Length of the whole, ns. */
  readonly length: number;
  /** First moment seen, ns. */
  from = 0;
  /** ns seen. */
  span: number;
  #target: { from: number; span: number } | undefined;

  constructor(length: number) {
    this.length = Math.max(length, 1);
    this.span = this.length;
  }

  /** The last moment seen. */
  get to(): number {
    return this.from + this.span;
  }

  /** Where it is going, or is. */
  get goal(): { from: number; span: number } {
    return this.#target ?? { from: this.from, span: this.span };
  }

  /** Shows `span` ns from `from` on, as far as there are; `smooth` moves there over some frames. */
  show(from: number, span: number, smooth = false): void {
    span = Math.min(this.length, Math.max(Math.min(SHORTEST, this.length), span));
    from = Math.max(0, Math.min(this.length - span, from));
    if (smooth) {
      this.#target = { from, span };
      return;
    }
    this.#target = undefined;
    this.from = from;
    this.span = span;
  }

  /** Makes what is seen `factor` times as long, with the moment at `share` of the width staying where it is. */
  zoom(factor: number, share: number, smooth = false): void {
    const { from, span } = smooth ? this.goal : this;
    const next = Math.min(this.length, Math.max(Math.min(SHORTEST, this.length), span * factor));
    this.show(from + (span - next) * share, next, smooth);
  }

  /** Moves by `share` of what is seen. */
  pan(share: number, smooth = false): void {
    const { from, span } = smooth ? this.goal : this;
    this.show(from + span * share, span, smooth);
  }

  /** One frame's move towards the goal. Returns whether there is more to go. */
  step(): boolean {
    const target = this.#target;
    if (target === undefined) return false;
    const part = 0.35;
    const span = this.span * (target.span / this.span) ** part;
    // The centre moves in step with the length, so that a far jump passes over what lies between.
    const from = this.from + (target.from - this.from) * part;
    const near = Math.abs(span / target.span - 1) < 0.004 &&
      Math.abs(from - target.from) < target.span * 0.002;
    if (near) {
      this.show(target.from, target.span);
      return true;
    }
    this.span = span;
    this.from = Math.max(0, Math.min(this.length - span, from));
    return true;
  }
}
