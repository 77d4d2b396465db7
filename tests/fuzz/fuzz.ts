/**
 * Damages recordings of this machine where it means something, and reads them:
 *
 *     deno run -A tests/fuzz/fuzz.ts --seconds 600
 *     deno run -A tests/fuzz/fuzz.ts --seconds 60 --seed 7 --format trace.dat,text
 *     deno run -A tests/fuzz/fuzz.ts --replay out/fuzz/text-7-1234
 *
 * Nothing may crash, throw anything but a TraceFormatError that names its byte, take more than a second of CPU time for
 * each MB, or more memory than its bound. Inputs that do are kept in out/fuzz; the exit code is 1 if there are any.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { randomFrom } from "../seeded.ts";
import { check } from "./check.ts";
import { makeIngredients } from "./ingredients.ts";
import { fuzz } from "./watch.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    format: { type: "string", default: "" },
    ingredients: { type: "string" },
    replay: { type: "string" },
  },
});

if (values.replay !== undefined) await replay(values.replay);
else {
  const seconds = Number(values.seconds);
  const seed = Number(values.seed);
  if (!(seconds > 0) || !Number.isSafeInteger(seed)) {
    throw new RangeError("Expected --seconds above 0 and a whole --seed");
  }
  const formats = values.format.split(",").filter((format) => format !== "");
  const made = values.ingredients ?? await Deno.makeTempDir({ prefix: "schedscope-fuzz-" });
  try {
    if (values.ingredients === undefined) await makeIngredients(made);
    console.log(`seed ${seed}, ${seconds} s, recordings in ${made}`);
    const tally = await fuzz(made, { seconds, seed, formats, log: console.log });
    console.log(`${tally}`);
    Deno.exitCode = tally.failed === 0 ? 0 : 1;
  } finally {
    if (values.ingredients === undefined) await Deno.remove(made, { recursive: true });
  }
}

/** Reads a kept input, in this process, in a hundred ways. */
async function replay(path: string): Promise<void> {
  const [seed, number] = (/-(\d+)-(\d+)$/.exec(path) ?? []).slice(1).map(Number);
  const start = performance.now();
  const first = await check(path, randomFrom(~((seed ?? 0) + (number ?? 0))));
  console.log(
    `${first} in ${Math.round(performance.now() - start)} ms, ${
      Math.round(Deno.memoryUsage().rss / 2 ** 20)
    } MiB`,
  );
  for (let i = 0; i < 99; i++) await check(path, randomFrom(i));
  console.log("nothing wrong");
}
