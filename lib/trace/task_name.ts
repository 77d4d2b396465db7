const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * A task's name from its bytes, up to the first NUL.
 *
 * A name may hold any byte. What is not UTF-8 becomes lone surrogates U+DC80..U+DCFF, one for each byte, so that
 * {@linkcode encodeTaskName} gives the same bytes back; shown as text they become U+FFFD.
 */
export function decodeTaskName(bytes: Uint8Array): string {
  const nul = bytes.indexOf(0);
  const name = nul < 0 ? bytes : bytes.subarray(0, nul);
  let ascii = true;
  for (let i = 0; i < name.length; i++) if (name[i]! >= 0x80) ascii = false;
  if (ascii) return String.fromCharCode(...name);
  try {
    return strict.decode(name);
  } catch {
    return String.fromCharCode(...name.subarray().map((byte) => byte)).replace(
      /[\x80-\xff]/g,
      (char) => String.fromCharCode(0xdc00 + char.charCodeAt(0)),
    );
  }
}

/** The bytes of a name that {@linkcode decodeTaskName} made. */
export function encodeTaskName(name: string): Uint8Array {
  if (!/[\udc80-\udcff]/.test(name) || name.isWellFormed()) return encoder.encode(name);
  const bytes: number[] = [];
  for (const char of name) {
    const code = char.codePointAt(0)!;
    if (code >= 0xdc80 && code <= 0xdcff) bytes.push(code - 0xdc00);
    else bytes.push(...encoder.encode(char));
  }
  return Uint8Array.from(bytes);
}
