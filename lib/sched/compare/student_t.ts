/**
 * The `t` below which lies the share `p` of Student's distribution with `df` degrees of freedom (any number above 0, as Welch's).
 * NaN where `p` is not between 0 and 1.
 */
export function studentQuantile(p: number, df: number): number {
  if (!(p > 0 && p < 1) || !(df > 0)) return NaN;
  const tail = Math.min(p, 1 - p);
  let [from, to] = [0, 1];
  while (studentTail(to, df) > tail && to < 1e300) to *= 2;
  for (let step = 0; step < 200; step++) {
    const middle = (from + to) / 2;
    if (middle === from || middle === to) break;
    if (studentTail(middle, df) > tail) from = middle;
    else to = middle;
  }
  return p < 0.5 ? -from : from;
}

/** Share of Student's distribution above `t` >= 0: half of the regularised incomplete beta function at df / (df + t²). */
function studentTail(t: number, df: number): number {
  return 0.5 * incompleteBeta(df / (df + t * t), df / 2, 0.5);
}

/** I_x(a, b), by its continued fraction (DLMF 8.17.22) where that converges fast. */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const factor = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x),
  );
  return x < (a + 1) / (a + b + 2)
    ? factor * betaFraction(x, a, b) / a
    : 1 - factor * betaFraction(1 - x, b, a) / b;
}

function betaFraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / (1 - (a + b) * x / (a + 1));
  let fraction = d;
  const step = (coefficient: number) => {
    d = 1 / (1 + coefficient * d);
    c = 1 + coefficient / c;
    fraction *= c * d;
    return c * d;
  };
  for (let m = 1; m < 10_000; m++) {
    step(m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)));
    const change = step(-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)));
    if (Math.abs(change - 1) < 1e-15) break;
  }
  return fraction;
}

/** Natural logarithm of the gamma function for x > 0: Stirling's series, after steps up to where it is exact. */
export function logGamma(x: number): number {
  let shift = 0;
  while (x < 12) shift -= Math.log(x++);
  const square = 1 / (x * x);
  const series = 1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188)));
  return shift + (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series / x;
}
