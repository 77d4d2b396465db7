import type { Page } from "playwright-core";

/** How long frames of one movement took, by the page's own counters. */
export interface MovementFrames {
  readonly movement: string;
  /** ms of script a frame. */
  readonly median: number;
  readonly p95: number;
  /** ms from frame to frame. */
  readonly interval: number;
  readonly p95Interval: number;
  /** Steps over lanes of the last frame. */
  readonly drawn: number;
}

/** Moves widget 0 of the page frame by frame, `frames` for each movement: over the whole time, parts of it, and deep in it. */
export async function driveFrames(page: Page, frames = 120): Promise<MovementFrames[]> {
  return await page.evaluate(async (frames) => {
    // deno-lint-ignore no-explicit-any
    const widget = (globalThis as any).schedscopeWidgets[0];
    const { length } = widget.view;
    const drive = (count: number, move: (frame: number) => void) =>
      new Promise<number[]>((resolve) => {
        const times: number[] = [];
        const next = () => {
          times.push(performance.now());
          if (times.length > count) return resolve(times);
          move(times.length);
          widget.redraw();
          requestAnimationFrame(next);
        };
        requestAnimationFrame(next);
      });
    const out = [];
    const movements: [string, (frame: number) => void][] = [
      ["zoom out of all", (frame) => widget.view.show(0, length * (1 - frame * 5e-4))],
      ["pan over a tenth", (frame) => widget.view.show(length * (0.1 + frame * 1e-3), length * 0.1)],
      ["pan over a thousandth", (frame) => widget.view.show(length * (0.1 + frame * 1e-5), length * 1e-3)],
      ["pan over a millionth", (frame) => widget.view.show(length * (0.1 + frame * 1e-8), length * 1e-6)],
      ["zoom with a thread chosen", (frame) => {
        if (widget.selection === undefined) widget.choose(0, length / 2);
        widget.view.show(0, length * (1 - frame * 5e-4));
      }],
    ];
    for (const [movement, move] of movements) {
      await drive(15, move);
      widget.resetStats();
      const times = await drive(frames, move);
      const intervals = times.slice(1).map((time, i) => time - times[i]!).sort((x, y) => x - y);
      const { medianMs, p95Ms, drawn } = widget.stats;
      out.push({
        movement,
        median: medianMs,
        p95: p95Ms,
        interval: intervals[intervals.length >> 1]!,
        p95Interval: intervals[Math.floor(intervals.length * 0.95)]!,
        drawn,
      });
    }
    return out;
  }, frames);
}

/** The figures as a line of text. */
export function frameLine({ movement, median, p95, interval, p95Interval, drawn }: MovementFrames): string {
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  return `${movement.padEnd(26)} script ${ms(median)} (95 %: ${ms(p95)}), frame to frame ${ms(interval)} ` +
    `(95 %: ${ms(p95Interval)}), ${drawn.toLocaleString("en-US")} steps`;
}
