import { TraceFormatError } from "../errors.ts";
import { directoryNames, readLayout } from "../tracefs/layouts.ts";
import { type CaptureMeta, readMeta } from "../tracefs/meta.ts";
import type { WriteBytes } from "../write/output.ts";
import { fileHead } from "./write_head.ts";

/** Writes the tracefs capture in the directory `capture`: its pages as they are. */
export async function writeCapture(capture: string, write: WriteBytes): Promise<void> {
  const meta = await readMeta(capture);
  const layout = await readLayout(capture, meta.littleEndian);
  const sizes = await cpuSizes(capture, meta, layout.size);
  const stats = new Map<number, string>();
  for (const cpu of sizes.keys()) {
    const text = await readPart(`${capture}/per_cpu/cpu${cpu}.stats`);
    if (text.length > 0) stats.set(cpu, new TextDecoder().decode(text));
  }
  const { hostname = "?", release = "?", arch = "?" } = meta.host;
  const { bytes, offsets } = fileHead({
    littleEndian: meta.littleEndian,
    longSize: layout.commitSize,
    pageSize: layout.size,
    headerPage: await readPart(`${capture}/header_page`),
    headerEvent: await readPart(`${capture}/header_event`),
    formats: await formatTexts(`${capture}/events`),
    printkFormats: await readPart(`${capture}/printk_formats`),
    savedNames: await readPart(`${capture}/saved_cmdlines`),
    clock: meta.clock,
    uname: `Linux ${hostname} ${release} ${arch}`,
    recorder: meta.recorder,
    tscHz: meta.tscHz,
    stats,
    sizes,
  });
  await write(bytes);
  // Every CPU's pages begin at a page, and end at one.
  await write(new Uint8Array((offsets[0] ?? bytes.length) - bytes.length));
  for (const [cpu, size] of sizes.entries()) {
    if (size > 0) await copyPages(`${capture}/per_cpu/cpu${cpu}.raw`, write, size);
  }
}

async function formatTexts(root: string): Promise<Map<string, Uint8Array[]>> {
  const formats = new Map<string, Uint8Array[]>();
  for (const system of await directoryNames(root)) {
    const names = (await directoryNames(`${root}/${system}`)).filter((name) => name.endsWith(".format"));
    formats.set(system, await Promise.all(names.map((name) => Deno.readFile(`${root}/${system}/${name}`))));
  }
  return formats;
}

/** Bytes of whole pages of each CPU up to the last that the machine has. */
async function cpuSizes(capture: string, meta: CaptureMeta, page: number): Promise<number[]> {
  const { online, possible } = meta.cpus;
  const count = 1 + Math.max(0, ...online, ...possible);
  if (count > 0x1_0000) {
    throw new TraceFormatError(`${capture}/meta.json`, 0, "CPUs below 65536", String(count - 1));
  }
  const sizes: number[] = [];
  for (let cpu = 0; cpu < count; cpu++) {
    const size = await Deno.stat(`${capture}/per_cpu/cpu${cpu}.raw`).then((info) => info.size, missing(0));
    sizes.push(Math.floor(size / page) * page);
  }
  return sizes;
}

async function copyPages(from: string, write: WriteBytes, size: number): Promise<void> {
  using source = await Deno.open(from);
  const chunk = new Uint8Array(1 << 20);
  for (let left = size; left > 0;) {
    const n = await source.read(chunk.subarray(0, Math.min(chunk.length, left)));
    if (n === null) throw new Error(`${from} became shorter while it was read`);
    await write(chunk.subarray(0, n));
    left -= n;
  }
}

function readPart(path: string): Promise<Uint8Array> {
  return Deno.readFile(path).catch(missing(new Uint8Array()));
}

/** Stands in for what is not there. */
function missing<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Deno.errors.NotFound) return value;
    throw error;
  };
}
