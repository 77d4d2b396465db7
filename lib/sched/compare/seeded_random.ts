/**
 * Numbers from 0 to 1 (1 excluded) that follow from `seed`, the same on every machine.
 *
 * sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, of which the first dozen rounds are thrown away.
 */
export function seededRandom(seed: number): () => number {
  let [a, b, c, d] = [0x9e3779b9, 0x243f6a88, seed | 0, 1];
  const next = () => {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t | 0;
    return (t >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 15; i++) next();
  return next;
}
