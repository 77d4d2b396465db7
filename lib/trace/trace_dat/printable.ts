/** A message that quotes the file, without what would do something to a terminal. */
export function printable(message: string): string {
  return message.replace(/\p{Cc}/gu, "?");
}
