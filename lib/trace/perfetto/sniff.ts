import { ProtoCursor } from "./proto_cursor.ts";

/** How many packets are looked at. */
const PACKETS = 8;

/** A head that is shorter is the whole file. */
const WHOLE_HEAD = 65536;

/** Fields of TracePacket that stand at the beginning of some trace; one of them must be there. */
const LIKELY = new Set([
  1,
  2,
  6,
  8,
  10,
  11,
  12,
  13,
  33,
  34,
  36,
  42,
  43,
  44,
  45,
  50,
  58,
  59,
  60,
  67,
  79,
  87,
  89,
  98,
  126,
  133,
]);

/** Whether a file that begins with `head` is a Perfetto trace: packets, one after another, whose fields make sense. */
export function sniff(head: Uint8Array): boolean {
  const outer = new ProtoCursor();
  const inner = new ProtoCursor();
  let likely = false;
  let at = 0;
  for (let packets = 0; packets < PACKETS && at < head.length; packets++) {
    if (head[at] !== 0x0a) return false;
    outer.reset(head, at + 1, head.length);
    if (!outer.varint()) return packets > 0 && likely;
    const begin = outer.at;
    const length = outer.unsigned;
    if (length > 1 << 28) return false;
    const to = Math.min(head.length, begin + length);
    inner.reset(head, begin, to);
    while (inner.next()) {
      if (inner.field > 10_000) return false;
      if (LIKELY.has(inner.field)) likely = true;
    }
    if (inner.broken) {
      // What goes on behind the head cannot be whole; the number of its first field can.
      if (to === begin + length || (packets === 0 && head.length < WHOLE_HEAD)) return false;
      return likely || outer.reset(head, begin, to).varint() && LIKELY.has(outer.low >>> 3);
    }
    at = begin + length;
  }
  return likely;
}
