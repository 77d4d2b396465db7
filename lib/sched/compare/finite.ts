/** `values` as an array of its own. Throws where it is empty or one is not finite. */
export function finite(values: ArrayLike<number>, name: string): Float64Array {
  const own = Float64Array.from(values);
  if (own.length === 0) throw new RangeError(`The ${name} group has no value`);
  const at = own.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) throw new RangeError(`Value ${at} of the ${name} group is ${own[at]} and no finite number`);
  return own;
}
