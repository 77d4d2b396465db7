/** A line of bytes, and a place in it from which numbers and words are read. */
export class LineCursor {
  protected bytes: Uint8Array = new Uint8Array();
  /** Where the line ends. */
  protected end = 0;
  /** Where the last number or word ended; -1 where there was none. */
  protected at = 0;

  protected blankFrom(at: number): number {
    const last = Math.min(this.end, at + 32);
    while (at < last && this.bytes[at] !== 0x20) at++;
    return at;
  }

  protected has(at: number, what: Uint8Array): boolean {
    const bytes = this.bytes;
    const length = what.length;
    if (at + length > this.end) return false;
    for (let i = 0; i < length; i++) if (bytes[at + i] !== what[i]) return false;
    return true;
  }

  /** Goes on behind `what`, which must stand where the last number ended. */
  protected skip(what: Uint8Array): boolean {
    if (this.at < 0 || !this.has(this.at, what)) return false;
    this.at += what.length;
    return true;
  }

  /** The number behind `label`, which must stand where the last number ended; else -1, and there is no such end. */
  protected after(label: Uint8Array): number {
    if (this.skip(label)) return this.signed(this.at);
    this.at = -1;
    return -1;
  }

  /** The number in ` [120]`, where the last number ended. */
  protected bracketed(): number {
    const at = this.at;
    if (at < 0 || this.bytes[at] !== 0x20 || this.bytes[at + 1] !== 0x5b) {
      this.at = -1;
      return -1;
    }
    const value = this.signed(at + 2);
    this.at = this.at >= 0 && this.at < this.end && this.bytes[this.at] === 0x5d ? this.at + 1 : -1;
    return value;
  }

  protected signed(at: number): number {
    return this.bytes[at] === 0x2d ? -this.number(at + 1) : this.number(at);
  }

  /** What 32 bits with a sign hold; sets where it ends, or -1 where there is no digit or the number is larger. */
  protected number(at: number): number {
    const bytes = this.bytes;
    const end = this.end;
    const start = at;
    let value = 0;
    for (; at < end; at++) {
      const digit = bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      if (value > 0x8000_0000) {
        this.at = -1;
        return -1;
      }
    }
    this.at = at === start ? -1 : at;
    return value;
  }
}
