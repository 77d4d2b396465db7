import { TraceFormatError } from "../errors.ts";
import { directoryNames, readLayout } from "../tracefs/layouts.ts";
import { type CaptureMeta, readMeta } from "../tracefs/meta.ts";
import { MAGIC } from "./file.ts";
import { OptionId } from "./options.ts";

/** Options of {@linkcode writeTraceDat}. */
export interface WriteTraceDatOptions {
  /** Ends the writing with its reason; looked at between CPUs. Nothing is left behind. Default: none. */
  signal?: AbortSignal;
}

/**
 * Writes the tracefs capture in the directory `capture` as a trace.dat of version 6 at `output`, which
 * `trace-cmd report` and KernelShark open. Pages, formats and saved names go over as they are.
 *
 * What version 6 has no place for is left behind: the processes of threads (saved_tgids), the CPUs' topology and the wall
 * clock. Stamps of the time-stamp counter get a `TSC2NSEC` rule whose rate is exact to 1 in 2^31.
 *
 * The file comes to be under another name beside `output` and takes its place when it is whole. Throws `TraceFormatError`
 * where `capture` is none, and what Deno throws where the file cannot be written.
 */
export async function writeTraceDat(
  capture: string,
  output: string,
  options: WriteTraceDatOptions = {},
): Promise<void> {
  const temporary = `${output}.${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`;
  try {
    await writeFile(capture, temporary, options.signal);
    await Deno.rename(temporary, output);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

async function writeFile(capture: string, path: string, signal: AbortSignal | undefined): Promise<void> {
  const meta = await readMeta(capture);
  const layout = await readLayout(capture, meta.littleEndian);
  const head = new Writer(meta.littleEndian);
  head.text(`${MAGIC}6\0`);
  head.u8(meta.littleEndian ? 0 : 1);
  head.u8(layout.commitSize);
  head.u32(layout.size);
  for (const name of ["header_page", "header_event"]) {
    const text = await readPart(`${capture}/${name}`);
    head.text(`${name}\0`);
    head.u64(text.length);
    head.bytes(text);
  }
  await writeFormats(head, capture);
  // No kallsyms.
  head.u32(0);
  const printk = await readPart(`${capture}/printk_formats`);
  head.u32(printk.length);
  head.bytes(printk);
  const names = await readPart(`${capture}/saved_cmdlines`);
  head.u64(names.length);
  head.bytes(names);
  const cpus = await cpuSizes(capture, meta, layout.size);
  head.u32(cpus.length);
  await writeOptions(head, capture, meta, cpus.length);
  head.text("flyrecord\0");
  const clock = new TextEncoder().encode(`[${meta.clock}]\0`);
  const tableEnd = head.length + cpus.length * 16 + 8 + clock.length;
  let offset = Math.ceil(tableEnd / layout.size) * layout.size;
  const places = cpus.map((size) => {
    const place = { offset, size };
    offset += size;
    return place;
  });
  for (const place of places) {
    head.u64(place.offset);
    head.u64(place.size);
  }
  head.u64(clock.length);
  head.bytes(clock);
  using file = await Deno.open(path, { write: true, createNew: true });
  await writeAll(file, head.finish());
  for (const [cpu, { offset, size }] of places.entries()) {
    signal?.throwIfAborted();
    if (size > 0) await copyPages(`${capture}/per_cpu/cpu${cpu}.raw`, file, offset, size);
  }
  await file.truncate(offset);
}

async function writeFormats(head: Writer, capture: string): Promise<void> {
  const root = `${capture}/events`;
  const systems = await directoryNames(root);
  const formats = async (system: string) => {
    const names = (await directoryNames(`${root}/${system}`)).filter((name) => name.endsWith(".format"));
    head.u32(names.length);
    for (const name of names) {
      const text = await Deno.readFile(`${root}/${system}/${name}`);
      head.u64(text.length);
      head.bytes(text);
    }
  };
  await formats("ftrace");
  const others = systems.filter((system) => system !== "ftrace");
  head.u32(others.length);
  for (const system of others) {
    head.text(`${system}\0`);
    await formats(system);
  }
}

async function writeOptions(head: Writer, capture: string, meta: CaptureMeta, cpus: number): Promise<void> {
  const text = new TextEncoder();
  const option = (id: number, data: Uint8Array) => {
    head.u16(id);
    head.u32(data.length);
    head.bytes(data);
  };
  head.text("options  \0");
  option(OptionId.TraceClock, text.encode(`[${meta.clock}]\0`));
  const { hostname = "?", release = "?", arch = "?" } = meta.host;
  option(OptionId.Uname, text.encode(`Linux ${hostname} ${release} ${arch}\0`));
  option(OptionId.Version, text.encode(`${meta.recorder}\0`));
  if (meta.tscHz !== undefined) option(OptionId.TscToNs, tscRule(meta.tscHz, meta.littleEndian));
  for (let cpu = 0; cpu < cpus; cpu++) {
    const stats = await readPart(`${capture}/per_cpu/cpu${cpu}.stats`);
    if (stats.length === 0) continue;
    option(OptionId.CpuStat, text.encode(`CPU: ${cpu}\n${new TextDecoder().decode(stats)}\0`));
  }
  head.u16(OptionId.Done);
}

/** The rule with the finest multiplier of 32 bits. */
function tscRule(hz: number, littleEndian: boolean): Uint8Array {
  let shift = 32;
  while (shift > 0 && 1e9 / hz * 2 ** shift >= 2 ** 32) shift--;
  const rule = new Writer(littleEndian);
  rule.u32(Math.round(1e9 / hz * 2 ** shift));
  rule.u32(shift);
  rule.u64(0);
  return rule.finish();
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

async function copyPages(from: string, file: Deno.FsFile, offset: number, size: number): Promise<void> {
  using source = await Deno.open(from);
  await file.seek(offset, Deno.SeekMode.Start);
  const chunk = new Uint8Array(1 << 20);
  for (let left = size; left > 0;) {
    const n = await source.read(chunk.subarray(0, Math.min(chunk.length, left)));
    if (n === null) throw new Error(`${from} became shorter while it was read`);
    await writeAll(file, chunk.subarray(0, n));
    left -= n;
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
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

/** Bytes that grow. */
class Writer {
  length = 0;
  readonly #parts: Uint8Array[] = [];
  readonly #little: boolean;

  constructor(littleEndian: boolean) {
    this.#little = littleEndian;
  }

  bytes(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.length += bytes.length;
  }

  /** Latin-1: one byte for each character. */
  text(text: string): void {
    this.bytes(Uint8Array.from(text, (char) => char.charCodeAt(0)));
  }

  u8(value: number): void {
    this.bytes(Uint8Array.of(value));
  }

  u16(value: number): void {
    this.#number(2, (view) => view.setUint16(0, value, this.#little));
  }

  u32(value: number): void {
    this.#number(4, (view) => view.setUint32(0, value, this.#little));
  }

  u64(value: number): void {
    this.#number(8, (view) => view.setBigUint64(0, BigInt(value), this.#little));
  }

  finish(): Uint8Array {
    const out = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.#parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  #number(size: number, set: (view: DataView) => void): void {
    const bytes = new Uint8Array(size);
    set(new DataView(bytes.buffer));
    this.bytes(bytes);
  }
}
