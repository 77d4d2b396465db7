import { visibleText } from "../../frame/visible_text.ts";

const encoder = new TextEncoder();

/** `text` in UTF-8 as a byte string (one UTF-16 unit for each byte), which is what `ByteWriter` takes. */
export function utf8(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) < 0x80) continue;
    let bytes = "";
    for (const byte of encoder.encode(text)) bytes += String.fromCharCode(byte);
    return bytes;
  }
  return text;
}

/** A name out of a trace as {@linkcode utf8} of what is safe to print, whatever made the trace. */
export function printable(name: string): string {
  return utf8(visibleText(name));
}
