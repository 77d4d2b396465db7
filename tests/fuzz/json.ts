import { pick, type Random, spoil } from "../seeded.ts";

const VALUES: readonly unknown[] = [
  ...[null, true, false, "", "x", [], {}, [[]], [null], [-1], [1e9], [0.5], ["a"], { a: 1 }],
  ...[
    0,
    -1,
    0.1,
    1e-9,
    1e12,
    1e308,
    65536,
    2 ** 53,
    4096,
    24,
    "99999999999999999999",
    "-5",
    "1e5",
    "\x1b[2J",
  ],
];

/** A JSON text in which a value or a name is another, or that is none any more. */
export function damageJson(text: Uint8Array, random: Random): Uint8Array {
  if (random(8) === 0) return spoil(text, random);
  let root: unknown;
  try {
    root = JSON.parse(new TextDecoder().decode(text));
  } catch {
    return spoil(text, random); // damaged already
  }
  for (let i = 1 + random(2); i > 0; i--) damageValue(root, random);
  return new TextEncoder().encode(JSON.stringify(root));
}

function damageValue(node: unknown, random: Random): void {
  if (typeof node !== "object" || node === null) return;
  const object = node as Record<string, unknown>;
  const keys = Object.keys(object);
  if (keys.length === 0) return;
  const key = pick(random, keys);
  const child = object[key];
  if (typeof child === "object" && random(3) !== 0) return damageValue(child, random);
  if (random(8) === 0) delete object[key];
  else object[random(12) === 0 ? "other" : key] = structuredClone(pick(random, VALUES));
}
