/** A picture of 32-bit pixels that is drawn by typed-array fills: much faster than as many calls of a canvas. */
export class Raster {
  readonly width: number;
  readonly height: number;
  readonly image: ImageData;
  readonly #pixels: Uint32Array;

  constructor(width: number, height: number) {
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    this.image = new ImageData(this.width, this.height);
    this.#pixels = new Uint32Array(this.image.data.buffer);
  }

  /** Fills all of it. */
  clear(color: number): void {
    this.#pixels.fill(color);
  }

  /** Fills [x0, x1) x [y0, y1), cut at the edges. */
  rect(x0: number, x1: number, y0: number, y1: number, color: number): void {
    x0 = Math.max(0, x0);
    x1 = Math.min(this.width, x1);
    y0 = Math.max(0, y0);
    y1 = Math.min(this.height, y1);
    if (x1 <= x0) return;
    const { width } = this;
    if (x1 - x0 === 1) {
      for (let at = y0 * width + x0, end = y1 * width + x0; at < end; at += width) this.#pixels[at] = color;
      return;
    }
    for (let y = y0; y < y1; y++) this.#pixels.fill(color, y * width + x0, y * width + x1);
  }

  /** Fills a rectangle with stripes that stand still on the screen. */
  hatch(
    x0: number,
    x1: number,
    y0: number,
    y1: number,
    color: number,
    ground: number | undefined,
    scale: number,
  ): void {
    x0 = Math.max(0, x0);
    x1 = Math.min(this.width, x1);
    y0 = Math.max(0, y0);
    y1 = Math.min(this.height, y1);
    const period = 6 * scale;
    for (let y = y0; y < y1; y++) {
      const row = y * this.width;
      for (let x = x0; x < x1; x++) {
        if ((x + y) % period < 2 * scale) this.#pixels[row + x] = color;
        else if (ground !== undefined) this.#pixels[row + x] = ground;
      }
    }
  }
}

/** A CSS colour `#rrggbb` as a pixel of an ImageData on a little-endian machine. */
export function pixel(color: string): number {
  const rgb = parseInt(color.slice(1), 16);
  return (0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
}
