/** JSON texts keep whole numbers of 64 bits, which `JSON.parse` rounds: what a double cannot hold comes as a bigint. */

interface LosslessJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
}

const lossless = JSON as unknown as LosslessJson;

/** The value of `text`; whole numbers beyond 2^53 are bigints. Throws `SyntaxError`. */
export function parseQmp(text: string): unknown {
  return lossless.parse(text, (_key, value, context) => {
    if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
    const { source } = context;
    return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
  });
}

/** The text of `value`; bigints are written as whole numbers. */
export function formatQmp(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, item) => typeof item === "bigint" ? lossless.rawJSON(String(item)) : item,
  );
}
