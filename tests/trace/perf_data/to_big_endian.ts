/**
 * Rewrites a little-endian perf.data file as a big-endian machine would have written it: a second reading of the format
 * (perf.data-file-format.txt, perf_event.h), kept apart from the library's. Events must share one sample type made of
 * IDENTIFIER, IP, TID, TIME, CPU, PERIOD and RAW. Without `numa` the section of NUMA nodes is left as it is: perf 6.1
 * passes over it then, and crashes over one that is turned.
 */
export function toBigEndian(file: Uint8Array, numa = true): Uint8Array<ArrayBuffer> {
  const out = file.slice();
  const from = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const turn = (at: number, size: number) => {
    for (let i = 0; i < size; i++) out[at + i] = file[at + size - 1 - i]!;
  };
  const u64 = (at: number) => Number(from.getBigUint64(at, true));
  const u64s = (at: number, to: number) => {
    for (; at + 8 <= to; at += 8) turn(at, 8);
  };

  u64s(0, 104);
  const [attrs, attrsSize, data, dataSize] = [u64(24), u64(32), u64(40), u64(48)];
  const stride = u64(16);
  const sampleTypes = new Map<bigint, number>();
  for (let at = attrs; at < attrs + attrsSize; at += stride) {
    for (const field of [0, 4]) turn(at + field, 4);
    u64s(at + 8, at + 40);
    // The bit field begins with the highest bit of each byte.
    for (let i = 40; i < 48; i++) {
      out[at + i] = [...Array(8).keys()].reduce(
        (byte, bit) => byte | ((file[at + i]! >> bit) & 1) << (7 - bit),
        0,
      );
    }
    for (const field of [48, 52]) turn(at + field, 4);
    u64s(at + 56, at + 80);
    for (const field of [80, 84]) turn(at + field, 4);
    u64s(at + 80 + 8, at + 88);
    turn(at + 88, 4);
    turn(at + 92, 4);
    u64s(at + stride - 16, at + stride);
    const ids = u64(at + stride - 16);
    const idsSize = u64(at + stride - 8);
    u64s(ids, ids + idsSize);
    for (let id = ids; id < ids + idsSize; id += 8) {
      sampleTypes.set(from.getBigUint64(id, true), u64(at + 24));
    }
  }

  const features = data + dataSize;
  const bits = [...Array(256).keys()].filter((bit) => (file[72 + (bit >> 3)]! >> (bit & 7)) & 1);
  u64s(features, features + bits.length * 16);
  const fields = new Map<number, { offset: number; size: number }[]>();
  bits.forEach((bit, i) => {
    const at = u64(features + i * 16);
    const size = u64(features + i * 16 + 8);
    const string = (from: number) => {
      turn(from, 4);
      return from + 4 + new DataView(file.buffer, file.byteOffset).getUint32(from, true);
    };
    const list = (start: number) => {
      turn(start, 4);
      let next = start + 4;
      for (let n = from.getUint32(start, true); n > 0; n--) next = string(next);
      return next;
    };
    if (bit === 1) tracingData(at);
    else if ([3, 4, 5, 6, 8, 9].includes(bit)) string(at);
    else if (bit === 7) [0, 4].forEach((field) => turn(at + field, 4));
    else if (bit === 10 || bit === 23) turn(at, 8);
    else if (bit === 11) list(at);
    else if (bit === 13) {
      for (let next = list(list(at)); next + 4 <= at + size; next += 4) turn(next, 4);
    } else if (bit === 14 && numa) {
      // NUMA nodes: number, total and free kilobytes, CPUs.
      turn(at, 4);
      let next = at + 4;
      for (let n = from.getUint32(at, true); n > 0; n--) {
        turn(next, 4);
        u64s(next + 4, next + 20);
        next = string(next + 20);
      }
    } else if (bit === 20) {
      // Caches: level, line size, sets and ways; type, size and CPUs.
      [0, 4].forEach((field) => turn(at + field, 4));
      let next = at + 8;
      for (let n = from.getUint32(at + 4, true); n > 0; n--) {
        [0, 4, 8, 12].forEach((field) => turn(next + field, 4));
        next = string(string(string(next + 16)));
      }
    } else if (bit === 29) {
      [0, 4].forEach((field) => turn(at + field, 4));
      u64s(at + 8, at + 24);
    }
  });

  for (let at = data; at < features;) {
    const type = from.getUint32(at, true);
    const size = from.getUint16(at + 6, true);
    turn(at, 4);
    turn(at + 4, 2);
    turn(at + 6, 2);
    if (type === 9) sample(at, at + size);
    else other(at, at + size, type);
    at += size;
  }
  return out;

  function tracingData(start: number): void {
    const end = (at: number) => file.indexOf(0, at) + 1;
    let at = end(start + 10);
    out[at] = 1;
    turn(at + 2, 4);
    at += 6;
    const text = () => {
      turn(at, 8);
      const from = at + 8;
      at = from + u64(at);
      return new TextDecoder("latin1").decode(file.subarray(from, at));
    };
    const count = () => {
      turn(at, 4);
      at += 4;
      return from.getUint32(at - 4, true);
    };
    at = end(at);
    text();
    at = end(at);
    text();
    for (let n = count(); n > 0; n--) format(text());
    for (let systems = count(); systems > 0; systems--) {
      at = end(at);
      for (let n = count(); n > 0; n--) format(text());
    }
    for (const size of [4, 4]) { // kallsyms, printk formats
      const length = from.getUint32(at, true);
      turn(at, size);
      at += size + length;
    }
    turn(at, 8); // saved command lines
  }

  function format(text: string): void {
    const id = Number(/^ID: (\d+)/m.exec(text)![1]);
    fields.set(
      id,
      [...text.matchAll(/field:([^;]+);\s*offset:(\d+);\s*size:(\d+);/g)]
        .filter(([, declaration]) => !/\bchar\b.*\[\d/.test(declaration!))
        .map(([, , offset, size]) => ({ offset: Number(offset), size: Number(size) })),
    );
  }

  function sample(start: number, end: number): void {
    const type = sampleTypes.get(from.getBigUint64(start + 8, true))!;
    let at = start + 8;
    // IDENTIFIER, IP, TID, TIME, ADDR, ID, STREAM_ID, CPU, PERIOD
    for (const bit of [16, 0, 1, 2, 3, 6, 9, 7, 8]) {
      if (((type >> bit) & 1) === 0) continue;
      if (bit === 1 || bit === 7) [0, 4].forEach((half) => turn(at + half, 4));
      else turn(at, 8);
      at += 8;
    }
    if (((type >> 10) & 1) === 0) return;
    turn(at, 4);
    const raw = at + 4;
    for (const { offset, size } of fields.get(from.getUint16(raw, true))!) {
      if (raw + offset + size <= end && [2, 4, 8].includes(size)) turn(raw + offset, size);
    }
  }

  function other(start: number, end: number, type: number): void {
    if (type >= 64) return u64s(start + 8, end);
    const tail = end - 32; // TID, TIME, CPU, IDENTIFIER
    for (const at of [tail, tail + 4, tail + 16, tail + 20]) turn(at, 4);
    turn(tail + 8, 8);
    turn(tail + 24, 8);
    const words = { 1: 2, 3: 2, 4: 4, 7: 4, 10: 2 }[type] ?? 0;
    for (let i = 0; i < words; i++) turn(start + 8 + i * 4, 4);
    const u64Count = { 1: 3, 2: 2, 4: 1, 7: 1, 10: 3, 13: 1 }[type] ?? 0;
    u64s(start + 8 + words * 4, start + 8 + words * 4 + u64Count * 8);
  }
}
