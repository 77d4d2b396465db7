import { createHash } from "node:crypto";
import { cachedFile, cacheDirectory } from "../cache.ts";
import { isDiskFull, noSpace } from "../kernel/no_space.ts";
import { VmError } from "../errors.ts";
import { examineKernel } from "../kernel/mod.ts";
import { collectEntries } from "./collect_entries.ts";
import { compress } from "./compress.ts";
import { cpio } from "./cpio.ts";
import type { CpioEntry } from "./cpio_entry.ts";
import type { Initrd, InitrdEntry, InitrdName, InitrdOptions } from "./initrd.ts";
import { type ManifestEntry, readManifest } from "./manifest.ts";
import { forgetOldInitrds } from "./forget_old_initrds.ts";
import { withParents } from "./with_parents.ts";
import { reasonOf } from "./write_initrd.ts";

const suffix = { none: "", gzip: ".gz", zstd: ".zst" } as const;

/**
 * The initrd of an L1 guest (the one that QEMU starts on this machine) or of an L2 guest (inside an L1), from the manifest `initrd/l1.json`
 * or `initrd/l2.json`. Everything is read each time and the file is named after its content, so that it is never out of date, and is
 * written only where the cache does not have it yet.
 *
 * Throws a `TypeError` for options that do not belong together; an `UnfitKernelError` if `kernel` is none; a `LackingError` if busybox, QEMU, a library or a compiler is missing; a
 * {@linkcode VmError} if it cannot be written (disk full, no permission), and then leaves nothing; the reason of `options.signal`.
 */
export async function buildInitrd(name: InitrdName, options: InitrdOptions = {}): Promise<Initrd> {
  const { nested = false, kernel, compression = "none", signal } = options;
  if (!Object.hasOwn(suffix, compression)) {
    throw new TypeError(
      `Expected a compression of ${Object.keys(suffix).join(", ")} but found "${compression}"`,
    );
  }
  if (nested && name !== "l1") throw new TypeError("Only an L1 guest can have guests of its own (nested)");
  if (nested !== (kernel !== undefined)) {
    throw new TypeError(
      nested
        ? "A nested initrd holds the kernel of the L2 guests: give it as kernel"
        : "A kernel goes into an initrd for the L2 guests only: give nested as well",
    );
  }
  signal?.throwIfAborted();
  if (kernel !== undefined) await examineKernel(kernel); // Throws where it is none.
  const directory = manifestDirectory();
  const l2 = nested ? (await buildInitrd("l2", signal === undefined ? {} : { signal })).path : undefined;
  const given = { ...kernel === undefined ? {} : { kernel }, ...l2 === undefined ? {} : { l2 } };
  const manifest = await manifestOf(`${directory}/${name}.json`);
  const { entries, sources } = await collectEntries(manifest, { directory, nested, given }, signal);
  const whole = withParents(entries);
  const archive = cpio(whole);
  const key = createHash("sha256").update(archive).digest("hex");
  const file = `${nested ? `${name}-nested` : name}-${key.slice(0, 20)}.cpio${suffix[compression]}`;
  const cached = await exists(`${cacheDirectory("initrd")}/${file}`);
  const path = await written(file, () => compress(archive, compression, signal));
  await forgetOldInitrds(path);
  return {
    name,
    path,
    bytes: (await Deno.stat(path)).size,
    archiveBytes: archive.length,
    sha256: compression === "none"
      ? key
      : createHash("sha256").update(await Deno.readFile(path)).digest("hex"),
    compression,
    entries: whole.map((entry) => listed(entry, sources)).sort((a, b) => a.path < b.path ? -1 : 1),
    cached,
  };
}

function manifestDirectory(): string {
  const url = new URL("../../../initrd", import.meta.url);
  if (url.protocol === "file:") return decodeURIComponent(url.pathname);
  throw new VmError(
    `The guests' scripts at ${url} are not files of this machine; clone the repository to build initrds`,
  );
}

async function manifestOf(path: string): Promise<ManifestEntry[]> {
  return readManifest(await Deno.readTextFile(path), path);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile, () => false);
}

async function written(file: string, content: () => Promise<Uint8Array>): Promise<string> {
  const data = await exists(`${cacheDirectory("initrd")}/${file}`) ? undefined : await content();
  try {
    return await cachedFile("initrd", file, async (temporary) => {
      await Deno.writeFile(temporary, data ?? await content());
    });
  } catch (cause) {
    if (isDiskFull(cause)) throw noSpace(cacheDirectory("initrd"), data?.length);
    throw new VmError(
      `The initrd could not be written to ${cacheDirectory("initrd")}: ${
        reasonOf(cause)
      }; set SCHEDSCOPE_CACHE to a directory that can be written`,
      { cause },
    );
  }
}

function listed(entry: CpioEntry, sources: ReadonlyMap<string, string>): InitrdEntry {
  const { path, kind } = entry;
  const source = sources.get(path);
  const mode = kind === "symlink" ? 0o777 : entry.mode ?? (kind === "directory" ? 0o755 : 0o644);
  const base = { path, kind, mode, bytes: kind === "file" ? entry.data.length : 0 };
  if (kind === "symlink") return { ...base, target: entry.target };
  if (kind === "node") return { ...base, target: `${entry.type[0]} ${entry.major}:${entry.minor}` };
  return source === undefined ? base : { ...base, source };
}
