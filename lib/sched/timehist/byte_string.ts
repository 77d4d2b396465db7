/** `bytes` as a byte string: one UTF-16 unit for each byte, as `ByteWriter` takes names. */
export function byteString(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
