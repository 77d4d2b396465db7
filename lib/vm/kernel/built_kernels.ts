import { cacheDirectory } from "../cache.ts";
import type { BuiltKernel } from "./build_kernel.ts";

/** What is kept of a build beside the kernel itself. */
interface BuildRecord {
  readonly release: string;
  /** What the sources were. */
  readonly identity: string;
  /** Key of the fragment and the compiler. */
  readonly like: string;
  readonly compiler: string;
  /** How many steps the compilation took. */
  readonly steps: number;
  /** When it was built, in ms. */
  readonly built: number;
}

/** A build to be stored. */
export interface Build extends Omit<BuildRecord, "built"> {
  /** Directory that holds `bzImage` and `config` and becomes that of the cache. */
  readonly out: string;
}

/** The kernel of `key` in the cache; undefined where there is none. */
export async function cachedBuild(key: string): Promise<BuiltKernel | undefined> {
  const directory = `${cacheDirectory("kernel")}/${key}`;
  const record = await recordIn(directory);
  return record === undefined ? undefined : kernelIn(directory, record.release, true);
}

/** The kernel in the cache that was built last with the same fragment and compiler from sources whose identity begins like this. */
export async function newestBuild(identity: string, like: string): Promise<BuiltKernel | undefined> {
  const found = (await records())
    .filter(({ record }) => record.identity.startsWith(identity) && record.like === like)
    .sort((a, b) => b.record.built - a.record.built)[0];
  return found === undefined ? undefined : kernelIn(found.directory, found.record.release, true);
}

/** How many steps the last build with the same fragment and compiler took; undefined where there was none. */
export async function stepsOfLast(like: string): Promise<number | undefined> {
  return (await records()).filter(({ record }) => record.like === like)
    .sort((a, b) => b.record.built - a.record.built)[0]?.record.steps;
}

/** Makes the directory of a build that of `key` in the cache. */
export async function storeBuild(key: string, { out, ...rest }: Build): Promise<BuiltKernel> {
  const directory = `${cacheDirectory("kernel")}/${key}`;
  const record: BuildRecord = { ...rest, built: Date.now() };
  await Deno.writeTextFile(`${out}/kernel.json`, JSON.stringify(record, undefined, 2) + "\n");
  await Deno.mkdir(cacheDirectory("kernel"), { recursive: true });
  // One without its record is none, and would be in the way.
  await Deno.remove(directory, { recursive: true }).catch(() => {});
  await Deno.rename(out, directory);
  return kernelIn(directory, record.release, false);
}

function kernelIn(directory: string, release: string, cached: boolean): BuiltKernel {
  return { path: `${directory}/bzImage`, release, config: `${directory}/config`, cached };
}

async function recordIn(directory: string): Promise<BuildRecord | undefined> {
  try {
    const record = JSON.parse(await Deno.readTextFile(`${directory}/kernel.json`)) as BuildRecord;
    await Deno.stat(`${directory}/bzImage`);
    await Deno.stat(`${directory}/config`);
    return record;
  } catch {
    return undefined;
  }
}

async function records(): Promise<{ readonly directory: string; readonly record: BuildRecord }[]> {
  const all: { directory: string; record: BuildRecord }[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(cacheDirectory("kernel"))) {
      const directory = `${cacheDirectory("kernel")}/${name}`;
      const record = isDirectory ? await recordIn(directory) : undefined;
      if (record !== undefined) all.push({ directory, record });
    }
  } catch {
    // There is no cache yet.
  }
  return all;
}
