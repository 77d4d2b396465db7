import { randomFrom } from "../seeded.ts";
import { check, checkCached, type Outcome } from "./check.ts";
import type { Files, Subject } from "./subjects.ts";

/** The damaged input number `number` of a run with `seed`. */
export function damagedInput(
  subjects: readonly Subject[],
  seed: number,
  number: number,
): { subject: Subject; files: Files } {
  const random = randomFrom(seed + number);
  const formats = [...new Set(subjects.map(({ format }) => format))];
  const format = formats[random(formats.length)]!;
  const own = subjects.filter((subject) => subject.format === format);
  const subject = own[random(own.length)]!;
  return { subject, files: subject.damage(random) };
}

/** Bytes of all files. */
export function sizeOf(files: Files): number {
  return [...files.values()].reduce((sum, { length }) => sum + length, 0);
}

/** Makes the file or directory `path` of `files`. */
export function writeInput(files: Files, path: string, stamp?: Subject["stamp"]): void {
  for (const [name, bytes] of files) {
    const file = name === "" ? path : `${path}/${name}`;
    if (name !== "") Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    Deno.writeFileSync(file, bytes);
    if (stamp !== undefined) Deno.utimeSync(file, stamp(name), stamp(name));
  }
}

/** Reads the input at `path` as case `number` does. */
export async function runCase(
  path: string,
  format: string,
  files: Files,
  seed: number,
  number: number,
  ingredients: string,
): Promise<Outcome> {
  if (format === "cache") {
    return await checkCached(`${ingredients}/plain.perf`, path, randomFrom(~(seed + number)));
  }
  const packed = format === "gzip" || format === "zstd";
  return await check(path, randomFrom(~(seed + number)), {
    ...(files.has("") && !packed ? { size: sizeOf(files) } : {}),
    formatsFrom: `${ingredients}/plain.perf`,
  });
}
