/** Where things lie on a page of the kernel's ring buffer, as `events/header_page` tells it. */
export interface PageLayout {
  /** Bytes of a whole page (sub-buffer). */
  readonly size: number;
  /** Byte at which the records begin. */
  readonly dataOffset: number;
  /** Byte of the u64 stamp that the first record's delta counts from. */
  readonly stampOffset: number;
  /** Byte of the word that holds the number of data bytes and the missed-events flags. */
  readonly commitOffset: number;
  /** Bytes of that word: the kernel's long. */
  readonly commitSize: number;
  readonly littleEndian: boolean;
}

/** Largest page that is believed: the kernel's own limit on `buffer_subbuf_size_kb` is below it. */
const MAX_PAGE = 1 << 24;

/** Reads the text of `events/header_page`. Throws {@linkcode SyntaxError} where it is not such a text. */
export function parseHeaderPage(text: string, littleEndian: boolean): PageLayout {
  const field = (name: string) => {
    const match = new RegExp(`\\b${name};\\s*offset:(\\d+);\\s*size:(\\d+);`).exec(text);
    if (match === null) {
      throw new SyntaxError(
        `Expected a field ${name} in header_page but found ${JSON.stringify(text.slice(0, 80))}`,
      );
    }
    return { offset: Number(match[1]), size: Number(match[2]) };
  };
  const stamp = field("timestamp");
  const commit = field("commit");
  const data = field("data");
  const size = data.offset + data.size;
  const sane = stamp.size === 8 && (commit.size === 4 || commit.size === 8) && size % 4 === 0 &&
    data.offset % 4 === 0 &&
    size <= MAX_PAGE && data.size >= 8 &&
    data.offset >= Math.max(stamp.offset + 8, commit.offset + commit.size);
  if (!sane) {
    throw new SyntaxError(`Expected a sane page layout in header_page but found ${JSON.stringify(text)}`);
  }
  return {
    size,
    dataOffset: data.offset,
    stampOffset: stamp.offset,
    commitOffset: commit.offset,
    commitSize: commit.size,
    littleEndian,
  };
}

/** Stamps between which those of a recording must lie, in ticks of its clock. */
export interface StampBounds {
  readonly from: bigint;
  readonly to: bigint;
}
