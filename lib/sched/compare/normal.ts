/**
 * Share of a standard normal distribution below `z`.
 *
 * By the upper regularised incomplete gamma function of 1/2 at z²/2: its series near 0, its continued fraction (Lentz) in the tails,
 * so that small tails keep their digits. Right to 1e-13 of the tail.
 */
export function normalCdf(z: number): number {
  const tail = halfTail(Math.abs(z));
  return z < 0 ? tail : 1 - tail;
}

/** The `z` that {@linkcode normalCdf} takes to `p`; -Infinity at 0, Infinity at 1, NaN outside of these. */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return NaN;
  if (p === 0 || p === 1) return p === 0 ? -Infinity : Infinity;
  const tail = Math.min(p, 1 - p);
  // The tail falls steadily from 1/2 at 0 to 1e-323 at 38.5: halve what is left until nothing changes.
  let [from, to] = [0, 39];
  for (let step = 0; step < 200; step++) {
    const middle = (from + to) / 2;
    if (middle === from || middle === to) break;
    if (halfTail(middle) > tail) from = middle;
    else to = middle;
  }
  return p < 0.5 ? -from : from;
}

/** Share of a standard normal distribution above `z` >= 0. */
function halfTail(z: number): number {
  const x = z * z / 2;
  const factor = Math.exp(-x) * Math.sqrt(x / Math.PI);
  if (x < 1.5) {
    let term = 2;
    let sum = 2;
    for (let n = 1; Math.abs(term) > 1e-17 * sum && n < 200; n++) {
      term *= x / (0.5 + n);
      sum += term;
    }
    return 0.5 * (1 - factor * sum);
  }
  let b = x + 0.5;
  let c = 1e300;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < 1000; n++) {
    const an = -n * (n - 0.5);
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    const change = c * d;
    fraction *= change;
    if (Math.abs(change - 1) < 1e-16) break;
  }
  return 0.5 * factor * fraction;
}
