import { randomFrom } from "../../seeded.ts";

/** Numbers of a normal distribution that follow from `seed` (Box and Muller 1958). */
export function normalNoise(seed: number): (mean: number, deviation: number) => number {
  const random = randomFrom(seed);
  const uniform = () => (random(2 ** 31) + 0.5) / 2 ** 31;
  return (mean, deviation) =>
    mean + deviation * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
