import { type EventFormat, parseEventFormat } from "../../../lib/trace/event_format.ts";
import type { TraceDatPieces } from "./make_trace_dat.ts";

/** The same recording as a machine of the other byte order would have made it. */
export function toBigEndian(pieces: TraceDatPieces): TraceDatPieces {
  const formats = new Map<number, EventFormat>();
  for (const [system, texts] of pieces.formats) {
    for (const text of texts) {
      const format = parseEventFormat(new TextDecoder().decode(text), system);
      formats.set(format.id, format);
    }
  }
  const buffers = pieces.buffers.map((buffer) => ({
    ...buffer,
    cpus: buffer.cpus.map((bytes) => swapPages(bytes, pieces.pageSize, formats)),
  }));
  return { ...pieces, littleEndian: false, buffers };
}

function swapPages(
  bytes: Uint8Array,
  pageSize: number,
  formats: ReadonlyMap<number, EventFormat>,
): Uint8Array {
  const out = bytes.slice();
  const view = new DataView(out.buffer);
  for (let page = 0; page + pageSize <= out.length; page += pageSize) {
    const length = view.getUint32(page + 8, true);
    swap(out, page, 8);
    swap(out, page + 8, 8);
    for (let at = page + 16; at < page + 16 + length;) {
      const word = view.getUint32(at, true);
      const type = word & 31;
      view.setUint32(at, ((type << 27) | (word >>> 5)) >>> 0, false);
      if (type === 29 && word >>> 5 === 0) break;
      if (type === 30 || type === 31) {
        swap(out, at + 4, 4);
        at += 8;
        continue;
      }
      const long = type === 0 || type === 29;
      const size = long ? view.getUint32(at + 4, true) : type * 4;
      if (long) swap(out, at + 4, 4);
      const payload = long ? at + 8 : at + 4;
      const end = at + 4 + size;
      if (type !== 29) {
        const format = formats.get(view.getUint16(payload, true));
        if (format === undefined) throw new Error(`No format for an event at byte ${at}`);
        for (const field of format.fields) {
          if (field.content === "integer") swap(out, payload + field.offset, field.size);
          else if (field.content === "dynamic") swap(out, payload + field.offset, 4);
        }
      }
      at = end;
    }
  }
  return out;
}

function swap(bytes: Uint8Array, at: number, size: number): void {
  bytes.subarray(at, at + size).reverse();
}
