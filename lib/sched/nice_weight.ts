/** `sched_prio_to_weight` of kernel/sched/core.c, nice -20 to 19: about 1.25 from one to the next. */
const WEIGHTS = [
  88761,
  71755,
  56483,
  46273,
  36291,
  29154,
  23254,
  18705,
  14949,
  11916,
  9548,
  7620,
  6100,
  4904,
  3906,
  3121,
  2501,
  1991,
  1586,
  1277,
  1024,
  820,
  655,
  526,
  423,
  335,
  272,
  215,
  172,
  137,
  110,
  87,
  70,
  56,
  45,
  36,
  29,
  23,
  18,
  15,
] as const;

/** The fair class's weight of a task of `nice` (-20 to 19; 0 has 1024). Throws a RangeError for any other. */
export function niceWeight(nice: number): number {
  const weight = WEIGHTS[nice + 20];
  if (weight === undefined) throw new RangeError(`Expected a nice value from -20 to 19 but found ${nice}`);
  return weight;
}
