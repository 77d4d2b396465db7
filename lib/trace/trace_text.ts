import { visibleText } from "../frame/visible_text.ts";

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The text in `bytes` from `start` up to a NUL byte or `end`, safe to print.
 *
 * A task may be called anything (`prctl(PR_SET_NAME)` takes any bytes), so bytes that are no UTF-8 become `\xNN`, which
 * keeps different names different, and controls and invisible marks become visible as {@linkcode visibleText} makes
 * them. Every reader makes its names by this function, so that the same task has the same name in all of them.
 */
export function traceText(bytes: Uint8Array, start: number = 0, end: number = bytes.length): string {
  let stop = start;
  let plain = true;
  for (; stop < end; stop++) {
    const byte = bytes[stop]!;
    if (byte === 0) break;
    if (byte < 0x20 || byte > 0x7e) plain = false;
  }
  if (plain) {
    let text = "";
    for (let i = start; i < stop; i++) text += String.fromCharCode(bytes[i]!);
    return text;
  }
  return visibleText(decodeWithEscapes(bytes.subarray(start, stop)));
}

function decodeWithEscapes(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length;) {
    const length = sequenceLength(bytes[i]!);
    const piece = length === 0 ? undefined : decode(bytes.slice(i, i + length));
    if (piece === undefined) {
      text += `\\x${bytes[i]!.toString(16).padStart(2, "0")}`;
      i++;
    } else {
      text += piece;
      i += length;
    }
  }
  return text;
}

/** Bytes of a UTF-8 sequence that starts with `lead`; 0 where none does. */
function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return STRICT.decode(bytes);
  } catch {
    return undefined;
  }
}
