import assert from "node:assert/strict";
import { type PageLayout, parseHeaderPage } from "../../../lib/trace/ring_buffer.ts";
import { DisorderedPages } from "../../../lib/trace/tracefs/cpu_cursor.ts";
import { LOST_ID } from "../../../lib/trace/tracefs/page_records.ts";
import { walkPages } from "./walk_pages.ts";

const HEADER = (commit: number) =>
  `\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n` +
  `\tfield: local_t commit;\toffset:8;\tsize:${commit};\tsigned:1;\n` +
  `\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n` +
  `\tfield: char data;\toffset:${8 + commit};\tsize:${4088 - commit};\tsigned:0;\n`;

/** Writes pages as kernel/trace/ring_buffer.c lays them out. */
class PageWriter {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;

  constructor(readonly layout: PageLayout, stamp: bigint) {
    this.bytes = new Uint8Array(layout.size);
    this.#view = new DataView(this.bytes.buffer);
    this.#view.setBigUint64(0, stamp, layout.littleEndian);
    this.#at = layout.dataOffset;
  }

  #head(type: number, delta: number): this {
    const word = this.layout.littleEndian ? (delta << 5) | type : ((type << 27) | delta) >>> 0;
    return this.#word(word >>> 0);
  }

  #word(value: number): this {
    this.#view.setUint32(this.#at, value, this.layout.littleEndian);
    this.#at += 4;
    return this;
  }

  #payload(id: number, length: number): this {
    this.#view.setUint16(this.#at, id, this.layout.littleEndian);
    this.#at += length;
    return this;
  }

  record(delta: number, id: number, length: number): this {
    return this.#head(length / 4, delta).#payload(id, length);
  }

  longRecord(delta: number, id: number, length: number): this {
    return this.#head(0, delta).#word(length + 4).#payload(id, length);
  }

  discarded(delta: number, length: number): this {
    this.#head(29, delta).#word(length + 4);
    this.#at += length;
    return this;
  }

  extend(delta: bigint): this {
    return this.#head(30, Number(delta & 0x7ff_ffffn)).#word(Number(delta >> 27n));
  }

  stamp(stamp: bigint): this {
    const low = stamp & ((1n << 59n) - 1n);
    return this.#head(31, Number(low & 0x7ff_ffffn)).#word(Number(low >> 27n));
  }

  endPadding(): this {
    return this.#head(29, 0);
  }

  done(missed?: number): Uint8Array {
    const { layout } = this;
    let commit = this.#at - layout.dataOffset;
    if (missed !== undefined) {
      if (layout.commitSize === 8) this.#view.setBigUint64(this.#at, BigInt(missed), layout.littleEndian);
      else this.#view.setUint32(this.#at, missed, layout.littleEndian);
      commit = (commit | 0xc000_0000) >>> 0;
    }
    if (layout.commitSize === 8) {
      this.#view.setBigUint64(layout.commitOffset, BigInt(commit), layout.littleEndian);
    } else this.#view.setUint32(layout.commitOffset, commit, layout.littleEndian);
    return this.bytes;
  }
}

const known = new Uint8Array(65536).fill(1, 1, 100);

function join(...pages: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(pages.reduce((sum, page) => sum + page.length, 0));
  let at = 0;
  for (const page of pages) {
    out.set(page, at);
    at += page.length;
  }
  return out;
}

for (const littleEndian of [true, false]) {
  for (const commitSize of [4, 8]) {
    Deno.test(`every kind of record, ${littleEndian ? "little" : "big"} endian, long of ${commitSize} bytes`, () => {
      const layout = parseHeaderPage(HEADER(commitSize), littleEndian);
      assert.equal(layout.size, 4096);
      const first = new PageWriter(layout, 1_000_000_000_000n).record(0, 7, 16).extend(5_000_000_000n).record(
        0,
        8,
        112,
      )
        .longRecord(3, 9, 200).discarded(4, 20).record(10, 7, 8).stamp(1_000_000_000_000n + 7_000_000_000n)
        .record(1, 10, 4).endPadding().done();
      const second = new PageWriter(layout, 1_000_000_000_000n + 8_000_000_000n).record(5, 11, 12).done(77);
      const { length, ids, ts, sizes, found, holes } = walkPages(join(first, second), layout, {
        known,
        cpu: 3,
      });
      assert.deepEqual(ids, [7, 8, 9, 7, 10, LOST_ID, 11]);
      assert.deepEqual(ts, [0, 5e9, 5e9 + 3, 5e9 + 17, 7e9 + 1, 8e9, 8e9 + 5]);
      assert.deepEqual(sizes, [16, 112, 200, 8, 4, 77, 12]);
      for (let row = 0; row < length; row++) {
        if (ids[row] !== LOST_ID) assert.equal(found[row], ids[row]);
      }
      assert.deepEqual(holes, []);
    });
  }
}

Deno.test("an absolute stamp takes its top bits from the running one, and the next where it has gone past", () => {
  const layout = parseHeaderPage(HEADER(8), true);
  const base = (1n << 59n) * 3n + 1000n;
  const page = new PageWriter(layout, base).record(0, 1, 8).stamp(base + 5000n).record(0, 2, 8).done();
  assert.deepEqual(walkPages(page, layout, { known }).ts, [0, 5000]);
  const near = (1n << 59n) * 4n - 10n;
  const over = new PageWriter(layout, near).record(0, 1, 8).stamp(near + 30n).record(0, 2, 8).done();
  assert.deepEqual(walkPages(over, layout, { known }).ts, [0, 30]);
});

Deno.test("a page whose stamp cannot be is left out as a hole between its neighbours", () => {
  const layout = parseHeaderPage(HEADER(8), true);
  const good = [1000n, 2000n, 3000n, 4000n].map((stamp) =>
    new PageWriter(layout, stamp).record(1, 5, 8).done()
  );
  for (const wild of [0n, 900n, (1n << 63n) + 5n]) {
    const bad = new PageWriter(layout, wild).record(1, 5, 8).done();
    const pages = join(good[0]!, good[1]!, bad, good[2]!, good[3]!);
    assert.throws(() => walkPages(pages, layout, { known, indexed: false }), DisorderedPages);
    const { ts, holes } = walkPages(pages, layout, { known, epoch: 1000n });
    assert.deepEqual(ts, [1, 1001, 2001, 3001]);
    assert.deepEqual(holes, [{ kind: "corrupt", cpu: 0, from: 1001, to: 2000, lost: 0, offset: 8192 }]);
  }
});

Deno.test("records that do not fit, commits that are too large and cut pages become holes", () => {
  const layout = parseHeaderPage(HEADER(8), true);
  const tooLong = new PageWriter(layout, 1000n).record(1, 5, 8).done();
  new DataView(tooLong.buffer).setUint32(16, 28 | (1 << 5), true);
  assert.equal(walkPages(tooLong, layout, { known }).holes[0]!.kind, "corrupt");
  const zeroLong = new PageWriter(layout, 1000n).longRecord(1, 5, 200).done();
  new DataView(zeroLong.buffer).setUint32(20, 0, true);
  const { length, holes } = walkPages(zeroLong, layout, { known });
  assert.equal(length, 0);
  assert.deepEqual(holes.map((hole) => [hole.kind, hole.offset]), [["corrupt", 16]]);
  const commit = new PageWriter(layout, 1000n).record(1, 5, 8).endPadding().done();
  new DataView(commit.buffer).setUint32(8, 0x7ff_ffff, true);
  const walked = walkPages(commit, layout, { known });
  assert.equal(walked.length, 1);
  assert.equal(walked.holes[0]!.kind, "corrupt");
  const cut = walkPages(commit.subarray(0, 4000), layout, { known });
  assert.deepEqual(cut.holes.map((hole) => [hole.kind, hole.offset]), [["truncated", 0]]);
});

Deno.test("stamps are the same whether lost events become rows or not", () => {
  const layout = parseHeaderPage(HEADER(8), true);
  const some = known.slice();
  some[99] = 0;
  const pages = join(
    new PageWriter(layout, 1000n).record(0, 7, 16).done(),
    // Lost events, and of the rest nothing but a record that no event has, later than what follows on the next page.
    new PageWriter(layout, 5000n).record(4000, 99, 16).done(3),
    new PageWriter(layout, 6000n).record(1, 7, 16).record(5000, 7, 16).done(),
  );
  const walk = (losses: boolean) => {
    const { ids, ts } = walkPages(pages, layout, { known: some, losses });
    return ts.filter((_, row) => ids[row] !== LOST_ID);
  };
  assert.deepEqual(walk(true), [0, 8000, 10001]);
  assert.deepEqual(walk(false), walk(true));
});

Deno.test("a record that is too short for its event is damage and no row", () => {
  const layout = parseHeaderPage(HEADER(8), true);
  const page = new PageWriter(layout, 1000n).record(0, 7, 16).record(1, 7, 12).record(2, 8, 12).done();
  const least = new Uint32Array(0x1_0000);
  least[7] = 16;
  const { ids, ts, holes } = walkPages(page, layout, { known, least });
  assert.deepEqual(ids, [7, 8]);
  assert.deepEqual(ts, [0, 3]);
  assert.deepEqual(holes.map(({ kind, offset }) => [kind, offset]), [["corrupt", layout.dataOffset + 20]]);
});

Deno.test("time never falls, also where a damaged stamp goes back behind lost events", () => {
  const layout = parseHeaderPage(HEADER(8), true);
  const first = new PageWriter(layout, 1000n).record(1, 5, 8).done();
  const second = new PageWriter(layout, 5000n).stamp(200n).record(1, 6, 8).done(9);
  const { ids, ts } = walkPages(join(first, second), layout, { known });
  assert.deepEqual(ids, [5, LOST_ID, 6]);
  assert.deepEqual(ts, [1, 4000, 4000]);
});

Deno.test("a header_page that makes no sense is refused", () => {
  for (
    const text of [
      "",
      "garbage",
      HEADER(8).replace("size:4080", "size:0"),
      HEADER(8).replace("size:4080", "size:99999999"),
    ]
  ) {
    assert.throws(() => parseHeaderPage(text, true), SyntaxError);
  }
});
