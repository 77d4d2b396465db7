/** What is compared of a group of values: its mean, its median, or any number that a function makes of them. */
export type Statistic = "mean" | "median" | ((values: Float64Array) => number);

/** The function of a {@linkcode Statistic}. It may reorder the values that it is given. */
export function statisticOf(statistic: Statistic): (values: Float64Array) => number {
  if (typeof statistic === "function") return statistic;
  return statistic === "mean" ? mean : median;
}

function mean(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

function median(values: Float64Array): number {
  values.sort();
  const middle = values.length >>> 1;
  return values.length % 2 === 1 ? values[middle]! : (values[middle - 1]! + values[middle]!) / 2;
}
