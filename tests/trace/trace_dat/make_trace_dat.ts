import { deflateSync, zstdCompressSync } from "node:zlib";

/** What a trace.dat is made of. */
export interface TraceDatPieces {
  readonly version: 6 | 7;
  readonly packing: "none" | "zlib" | "zstd";
  readonly littleEndian: boolean;
  readonly pageSize: number;
  readonly headerPage: Uint8Array;
  readonly headerEvent: Uint8Array;
  /** Texts by system; `ftrace` apart from the others. */
  readonly formats: ReadonlyMap<string, readonly Uint8Array[]>;
  readonly savedNames: Uint8Array;
  /** Main one first. */
  readonly buffers: readonly { name: string; clock: string; cpus: readonly Uint8Array[] }[];
  /** More options. */
  readonly options: readonly { id: number; data: Uint8Array }[];
  /** Bytes of a chunk of packed pages. Default 8 pages. */
  readonly chunk?: number;
  /** A latency tracer's text instead of buffers. */
  readonly latency?: string;
}

const latin1 = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** Numbers of `size` bytes each. */
export function numbers(
  littleEndian: boolean,
  ...list: [size: 1 | 2 | 4 | 8, value: number | bigint][]
): Uint8Array {
  return join(list.map(([size, value]) => {
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i++) bytes[i] = Number((BigInt(value) >> BigInt(8 * i)) & 0xffn);
    return littleEndian ? bytes : bytes.reverse();
  }));
}

/** One after another. */
export function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Reads the pieces of a tracefs capture. */
export function piecesOf(capture: string, clock = "mono"): TraceDatPieces {
  const read = (name: string) => Deno.readFileSync(`${capture}/${name}`);
  const names = (directory: string) =>
    [...Deno.readDirSync(`${capture}/${directory}`)].map(({ name }) => name).sort();
  const formats = new Map(
    names("events").map((system) =>
      [system, names(`events/${system}`).map((name) => read(`events/${system}/${name}`))] as const
    ),
  );
  const cpus = names("per_cpu").filter((name) => name.endsWith(".raw")).map((name) =>
    read(`per_cpu/${name}`)
  );
  return {
    version: 7,
    packing: "none",
    littleEndian: true,
    pageSize: 4096,
    headerPage: read("header_page"),
    headerEvent: read("header_event"),
    formats,
    savedNames: read("saved_cmdlines"),
    buffers: [{ name: "", clock, cpus }],
    options: [],
  };
}

/** Puts a file together, as trace-cmd's documents have it. */
export function makeTraceDat(pieces: TraceDatPieces): Uint8Array {
  return pieces.version === 6 ? makeLinear(pieces) : makeSections(pieces);
}

function start({ version, littleEndian, pageSize }: TraceDatPieces): Uint8Array {
  return join([
    latin1(`\x17\x08Dtracing${version}\0`),
    numbers(littleEndian, [1, littleEndian ? 0 : 1], [1, 8], [4, pageSize]),
  ]);
}

function headerInfo({ headerPage, headerEvent, littleEndian }: TraceDatPieces): Uint8Array {
  return join([
    latin1("header_page\0"),
    numbers(littleEndian, [8, headerPage.length]),
    headerPage,
    latin1("header_event\0"),
    numbers(littleEndian, [8, headerEvent.length]),
    headerEvent,
  ]);
}

function formatList({ formats, littleEndian }: TraceDatPieces, system: string): Uint8Array {
  const texts = formats.get(system) ?? [];
  return join([
    numbers(littleEndian, [4, texts.length]),
    ...texts.flatMap((text) => [numbers(littleEndian, [8, text.length]), text]),
  ]);
}

function systems(pieces: TraceDatPieces): Uint8Array {
  const names = [...pieces.formats.keys()].filter((name) => name !== "ftrace");
  return join([
    numbers(pieces.littleEndian, [4, names.length]),
    ...names.flatMap((name) => [latin1(`${name}\0`), formatList(pieces, name)]),
  ]);
}

function options(pieces: TraceDatPieces, list: TraceDatPieces["options"]): Uint8Array {
  return join(
    list.flatMap(({ id, data }) => [numbers(pieces.littleEndian, [2, id], [4, data.length]), data]),
  );
}

function makeLinear(pieces: TraceDatPieces): Uint8Array {
  const { littleEndian: little, pageSize, savedNames, buffers } = pieces;
  const count = buffers[0]?.cpus.length ?? 0;
  const head = join([
    start(pieces),
    headerInfo(pieces),
    formatList(pieces, "ftrace"),
    systems(pieces),
    numbers(little, [4, 0], [4, 0], [8, savedNames.length]),
    savedNames,
    numbers(little, [4, count]),
    latin1("options  \0"),
  ]);
  const instances = buffers.slice(1);
  const clock = latin1(`[${buffers[0]?.clock}]`);
  const build = (places: { table: number; cpus: number[] }[]): Uint8Array => {
    const own = instances.map(({ name }, i) => ({
      id: 3,
      data: join([numbers(little, [8, places[i + 1]!.table]), latin1(`${name}\0`)]),
    }));
    const table = (i: number) =>
      numbers(
        little,
        ...buffers[i]!.cpus.flatMap((cpu, at): [8, number][] => [[8, places[i]!.cpus[at]!], [8, cpu.length]]),
      );
    const all = [...pieces.options, { id: 4, data: new Uint8Array() }, ...own];
    const beginning = join([head, options(pieces, all), numbers(little, [2, 0])]);
    if (pieces.latency !== undefined) return join([beginning, latin1("latency  \0"), latin1(pieces.latency)]);
    const parts = [beginning, latin1("flyrecord\0"), table(0), numbers(little, [8, clock.length]), clock];
    let at = parts.reduce((sum, { length }) => sum + length, 0);
    buffers.forEach(({ cpus }, i) => {
      if (i > 0) {
        places[i]!.table = at;
        const own = join([latin1("flyrecord\0"), table(i)]);
        parts.push(own);
        at += own.length;
      }
      cpus.forEach((cpu, number) => {
        const pad = (pageSize - at % pageSize) % pageSize;
        places[i]!.cpus[number] = at + pad;
        parts.push(new Uint8Array(pad), cpu);
        at += pad + cpu.length;
      });
    });
    return join(parts);
  };
  const places = buffers.map(({ cpus }) => ({ table: 0, cpus: cpus.map(() => 0) }));
  build(places);
  return build(places);
}

function makeSections(pieces: TraceDatPieces): Uint8Array {
  const { littleEndian: little, packing, pageSize } = pieces;
  const packed = packing !== "none";
  const pack = (bytes: Uint8Array): Uint8Array =>
    packing === "zstd" ? zstdCompressSync(bytes) : packing === "zlib" ? deflateSync(bytes) : bytes;
  const parts: Uint8Array[] = [];
  let at = 0;
  const add = (...bytes: Uint8Array[]) => {
    const place = at;
    parts.push(...bytes);
    for (const { length } of bytes) at += length;
    return place;
  };
  const header = (id: number, size: number) =>
    numbers(little, [2, id], [2, packed ? 1 : 0], [4, 0], [8, size]);
  const section = (id: number, content: Uint8Array) => {
    if (!packed) return add(header(id, content.length), content);
    const bytes = pack(content);
    return add(header(id, bytes.length + 8), numbers(little, [4, bytes.length], [4, content.length]), bytes);
  };
  add(start(pieces), latin1(`${packing}\0${packed ? "1" : ""}\0`));
  const first = numbers(little, [8, 0]);
  add(first);
  const pointer = (id: number, place: number) => ({ id, data: numbers(little, [8, place]) });
  const sized = (size: 4 | 8, bytes: Uint8Array) => join([numbers(little, [size, bytes.length]), bytes]);
  const list = [
    pointer(16, section(16, headerInfo(pieces))),
    pointer(17, section(17, formatList(pieces, "ftrace"))),
    pointer(18, section(18, systems(pieces))),
    pointer(19, section(19, sized(4, new Uint8Array()))),
    pointer(20, section(20, sized(4, new Uint8Array()))),
    pointer(21, section(21, sized(8, pieces.savedNames))),
    ...pieces.options,
  ];
  if (pieces.latency !== undefined) {
    const chunk = pack(latin1(pieces.latency));
    const place = add(header(22, chunk.length), chunk);
    list.push({ id: 22, data: join([numbers(little, [8, place]), latin1("\0mono\0")]) });
  } else {
    for (const { name, clock, cpus } of pieces.buffers) {
      const place = add(header(3, 0));
      const table = cpus.map((cpu, number) => {
        add(new Uint8Array((pageSize - at % pageSize) % pageSize));
        if (!packed) return [number, add(cpu), cpu.length] as const;
        const chunk = pieces.chunk ?? pageSize * 8;
        const chunks = Array.from({ length: Math.ceil(cpu.length / chunk) }, (_, i) => {
          const content = cpu.subarray(i * chunk, (i + 1) * chunk);
          const bytes = pack(content);
          return join([numbers(little, [4, bytes.length], [4, content.length]), bytes]);
        });
        const all = join([numbers(little, [4, chunks.length]), ...chunks]);
        return [number, add(all), cpu.length === 0 ? 0 : all.length - 4] as const;
      });
      const data = join([
        numbers(little, [8, place]),
        latin1(`${name}\0${clock}\0`),
        numbers(little, [4, pageSize], [4, table.length]),
        ...table.map(([cpu, offset, size]) => numbers(little, [4, cpu], [8, offset], [8, size])),
      ]);
      list.push({ id: 3, data });
    }
  }
  // Two sections of options, one pointing to the other.
  const last = section(0, options(pieces, [...list.slice(3), { id: 0, data: numbers(little, [8, 0]) }]));
  const place = section(
    0,
    options(pieces, [...list.slice(0, 3), { id: 0, data: numbers(little, [8, last]) }]),
  );
  first.set(numbers(little, [8, place]));
  return join(parts);
}
