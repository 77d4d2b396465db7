import { edgeInteger, pick, type Random, spoil, writeInteger } from "../seeded.ts";
import type { TraceDatPieces } from "../trace/trace_dat/make_trace_dat.ts";
import { damageFormatText, damageNameList } from "./format_text.ts";
import { zstdPlaces } from "./packed.ts";
import { damagePages, pageStructure } from "./pages.ts";
import { Structure } from "./structure.ts";

/** What the bytes of a trace.dat of either version mean: a second reading of its document, apart from the library's. */
export function traceDatStructure(bytes: Uint8Array): Structure {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes[12] === 0;
  const found = new Structure(little);
  const u16 = (at: number) => view.getUint16(at, little);
  const u32 = (at: number) => view.getUint32(at, little);
  const u64 = (at: number) => Number(view.getBigUint64(at, little));
  const version = bytes[10]! - 0x30;
  found.place("head", 1, 10, 11, 12, 13);
  found.place("size of a page", 4, 14);
  const pageSize = u32(14);
  let at = 18;
  const skipString = () => at = bytes.indexOf(0, at) + 1;
  const sized = (what: string, size: 4 | 8) => {
    found.place(`size of ${what}`, size, at);
    const from = at;
    at += size + (size === 4 ? u32(at) : u64(at));
    found.part(what, from, at);
  };
  const headerInfo = () => {
    for (let i = 0; i < 2; i++) {
      skipString();
      sized("a header", 8);
    }
  };
  const formats = () => {
    found.place("number of formats", 4, at);
    const count = u32(at);
    at += 4;
    for (let i = 0; i < count; i++) sized("a format", 8);
  };
  const systems = () => {
    found.place("number of systems", 4, at);
    const count = u32(at);
    at += 4;
    for (let i = 0; i < count; i++) {
      skipString();
      formats();
    }
  };
  const options = (to: number): number => {
    let next = 0;
    while (at + 6 <= to) {
      const [id, size] = [u16(at), u32(at + 2)];
      const from = at;
      if (version === 6 && id === 0) {
        found.place("end of the options", 2, at);
        at += 2;
        return 0;
      }
      found.place("id of an option", 2, at);
      found.place("size of an option", 4, at + 2);
      for (let word = at + 6; word + 4 <= at + 6 + size && word < at + 120; word += 4) {
        found.place(`option ${id}`, 4, word);
        if (word + 8 <= at + 6 + size) found.place(`option ${id}`, 8, word);
      }
      if (version === 7 && id === 0) next = u64(at + 6);
      else if (version === 7 && size >= 8) section(u64(at + 6), id);
      at += 6 + size;
      found.part("option", from, at);
    }
    return next;
  };
  const cpuTable = (count: number) => {
    found.part("table of CPUs", at, at + 16 * count);
    for (let i = 0; i < count; i++, at += 16) {
      found.place("pages of a CPU", 8, at, at + 8);
      pageStructure(bytes, found, pageSize, u64(at), Math.min(bytes.length, u64(at) + u64(at + 8)));
    }
  };
  const seen = new Set<number>();
  const section = (place: number, wanted: number) => {
    if (place === 0 || place + 16 > bytes.length || seen.has(place) || u16(place) !== wanted) return;
    seen.add(place);
    const back = at;
    const [id, flags, size] = [u16(place), u16(place + 2), u64(place + 8)];
    found.part("section", place, place + 16 + size);
    found.place("id and flags of a section", 2, place, place + 2);
    found.place("size of a section", 8, place + 8);
    at = place + 16;
    if (id !== 3 && (flags & 1) === 1) {
      found.place("sizes of what is packed", 4, at, at + 4);
      for (const part of zstdPlaces(bytes, at + 8, at + 8 + u32(at))) {
        found.place("packed", part.size, part.at);
      }
    } else if (id === 16) headerInfo();
    else if (id === 17) formats();
    else if (id === 18) systems();
    else if (id === 0) section(options(place + 16 + size), 0);
    at = back;
  };
  if (version === 7) {
    skipString();
    skipString();
    found.place("first options", 8, at);
    section(u64(at), 0);
    return found;
  }
  headerInfo();
  formats();
  systems();
  sized("kallsyms", 4);
  sized("printk formats", 4);
  sized("saved names", 8);
  const cpus = u32(at);
  found.place("number of CPUs", 4, at);
  at += 4;
  found.part("tag", at, at + 10);
  at += 10;
  options(bytes.length);
  found.part("tag", at, at + 10);
  at += 10;
  cpuTable(cpus);
  sized("clock", 8);
  return found;
}

/** Other pieces than those that were recorded. */
export function damagePieces(pieces: TraceDatPieces, random: Random): TraceDatPieces {
  let damaged = pieces;
  for (let i = pick(random, [1, 1, 2]); i > 0; i--) damaged = damagePiece(damaged, random);
  return damaged;
}

function damagePiece(pieces: TraceDatPieces, random: Random): TraceDatPieces {
  const eachCpu = (change: (pages: Uint8Array) => Uint8Array) =>
    pieces.buffers.map((buffer) => ({ ...buffer, cpus: buffer.cpus.map(change) }));
  switch (random(11)) {
    case 0:
    case 1: {
      const formats = [...pieces.formats].map(([system, texts]) =>
        [system, texts.map((text) => random(3) === 0 ? damageFormatText(text, random) : text)] as const
      );
      return { ...pieces, formats: new Map(formats) };
    }
    case 2:
      return { ...pieces, headerPage: damageFormatText(pieces.headerPage, random) };
    case 3:
      return { ...pieces, savedNames: damageNameList(pieces.savedNames, random) };
    case 4:
      return { ...pieces, pageSize: pick(random, [1, 16, 17, 24, 256, 1000, 2048, 8192, 65536]) };
    case 5: {
      const clock = pick(random, ["", "x86-tsc", "local", "\x1b[31m", "x".repeat(5000), "[", "uptime"]);
      const name = pick(random, ["", "a", "\xff\0", "n".repeat(5000), pieces.buffers[0]?.name ?? ""]);
      return { ...pieces, buffers: pieces.buffers.map((buffer) => ({ ...buffer, clock, name })) };
    }
    case 6:
      return {
        ...pieces,
        options: [...pieces.options, ...Array.from({ length: 1 + random(4) }, () => anyOption(random))],
      };
    case 7: {
      const chunk = pick(random, [64, 100, 1000, 4095, 4097, 1 << 20]);
      return { ...pieces, chunk };
    }
    case 8: {
      const cpus = pieces.buffers[0]?.cpus ?? [];
      const count = pick(random, [0, 1, 3, 20, 70]);
      const list = Array.from({ length: count }, (_, i) => cpus[i % cpus.length] ?? new Uint8Array());
      return {
        ...pieces,
        buffers: [{ name: "", clock: "mono", cpus: list.map((pages) => pages.subarray(0, 8192)) }],
      };
    }
    default:
      return { ...pieces, buffers: eachCpu((pages) => damagePages(pages, random, pieces.littleEndian)) };
  }
}

/** An option that some recorder may write, or that none does. */
function anyOption(random: Random): TraceDatPieces["options"][number] {
  const id = random(27);
  const text = pick(random, [
    ...["0x1234", "-0x99", "1753", "CPU: 0\nentries: 5\noverrun: 99999999999999999\ncommit overrun: 7\n"],
    ...[
      "sched\nclock",
      "Linux vm 6.1 x86_64",
      "[local] mono",
      "\0\0\0",
      "9".repeat(300),
      "CPU: 99999\noverrun: -1\n",
    ],
  ]);
  const data = random(2) === 0 ? new TextEncoder().encode(`${text}\0`) : new Uint8Array(random(100));
  if (random(2) === 0) {
    for (let at = 0; at + 8 <= data.length; at += pick(random, [4, 8])) {
      writeInteger(data, at, 8, edgeInteger(random, 8, 0n, 100_000), true);
    }
  }
  return { id, data: random(4) === 0 ? spoil(data, random) : data };
}
