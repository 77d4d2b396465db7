import assert from "node:assert/strict";
import * as aq from "arquero";
import { tableFromArrays, tableFromIPC, tableToIPC } from "@uwdata/flechette";
import { type Columns, count, DictColumn, Frame, ns, readArrow, unitOf } from "../../lib/frame/mod.ts";
import { everyKind, HOSTILE_NAMES } from "./every_kind.ts";

function same(found: Frame<Columns>, wanted: Frame<Columns>) {
  assert.deepEqual(found.names, wanted.names);
  assert.equal(found.length, wanted.length);
  for (const name of wanted.names) {
    const [x, y] = [found.column(name), wanted.column(name)];
    if (y instanceof DictColumn) assert.deepEqual([...x as DictColumn], [...y]);
    else assert.deepEqual(x, y, name);
  }
}

Deno.test("a frame comes back from Arrow as it was: every kind of column, NaN, infinities, hostile names, units", () => {
  const frame = everyKind();
  for (const format of ["stream", "file"] as const) {
    for (const batchRows of [1, 3, 100]) {
      const bytes = frame.toArrowIPC({ format, batchRows, metadata: { clock: "mono" } });
      same(Frame.fromArrow(bytes), frame);
      assert.deepEqual(readArrow(bytes).metadata, { clock: "mono" });
    }
  }
  const back = Frame.fromArrow(
    new Frame({ wait: ns(Float64Array.of(1)), n: count(Int32Array.of(2)) }).toArrowIPC(),
  );
  assert.equal(unitOf(back.column("wait")), "ns");
  assert.equal(unitOf(back.column("n")), "count");
});

Deno.test("frames without rows, without columns, and slices that are not aligned", () => {
  for (const format of ["stream", "file"] as const) {
    same(Frame.fromArrow(everyKind().slice(0, 0).toArrowIPC({ format })), everyKind().slice(0, 0));
    assert.deepEqual(Frame.fromArrow(new Frame({}).toArrowIPC({ format })).names, []);
    same(Frame.fromArrow(everyKind().slice(1, 4).toArrowIPC({ format })), everyKind().slice(1, 4));
    // Bytes that begin where no double may.
    const bytes = everyKind().toArrowIPC({ format });
    const shifted = new Uint8Array(bytes.length + 3).subarray(3);
    shifted.set(bytes);
    same(Frame.fromArrow(shifted), everyKind());
  }
});

Deno.test("one batch is not copied", () => {
  const bytes = new Frame({ ts: Float64Array.of(1, 2), comm: DictColumn.from(["a", "b"]) }).toArrowIPC();
  const frame = Frame.fromArrow(bytes);
  assert.equal((frame.column("ts") as Float64Array).buffer, bytes.buffer);
  assert.equal((frame.column("comm") as DictColumn).codes.buffer, bytes.buffer);
});

Deno.test("flechette and Arquero read the same values; dictionaries stay dictionaries", () => {
  const frame = everyKind();
  const table = tableFromIPC(frame.toArrowIPC({ batchRows: 2 }), { useBigInt: true });
  for (const name of frame.names) {
    // flechette drops a byte order mark at the start of a text.
    const wanted = Array.from(
      frame.column(name) as Iterable<unknown>,
      (value) => typeof value === "string" ? value.replace(/^\ufeff/, "") : value,
    );
    assert.deepEqual([...table.getChild(name)!], wanted, name);
  }
  assert.equal(table.getChild("comm")!.type.typeId, -1);
  assert.deepEqual(
    aq.fromArrow(frame.toArrowIPC()).array("f64"),
    Array.from(frame.column("f64") as Float64Array),
  );
});

Deno.test("what flechette writes is read: text without dictionary, booleans, missing values", () => {
  const bytes = tableToIPC(
    tableFromArrays({
      flag: [true, false, null],
      number: [1.5, null, -2],
      whole: [1, null, 3],
      text: ["x", null, "y"],
    }),
    {},
  )!;
  const frame = Frame.fromArrow(bytes);
  assert.deepEqual(frame.column("number"), Float64Array.of(1.5, NaN, -2));
  assert.deepEqual([...frame.column("whole") as Float64Array], [1, NaN, 3]);
  assert.deepEqual([...frame.column("flag") as Float64Array], [1, 0, NaN]);
  assert.deepEqual([...frame.column("text") as DictColumn], ["x", "", "y"]);
});

Deno.test("a dictionary that has a string twice becomes one; a code outside of it is refused", () => {
  const twice = new Frame({ comm: new DictColumn(Uint8Array.of(0, 1, 2), ["a", "b", "a"]) });
  const bytes = twice.toArrowIPC();
  assert.deepEqual([...Frame.fromArrow(bytes).column("comm") as DictColumn], ["a", "b", "a"]);
  assert.deepEqual((Frame.fromArrow(bytes).column("comm") as DictColumn).dictionary, ["a", "b"]);
  const outside = new Frame({ comm: new DictColumn(Uint8Array.of(0, 7), ["a"]) });
  assert.throws(() => outside.toArrowIPC(), /Column "comm", row 1: code 7 is not in its dictionary of 1/);
});

Deno.test("wide dictionaries keep their codes", () => {
  for (const size of [127, 128, 129, 256]) {
    const names = Array.from({ length: size }, (_, i) => `task ${i}`);
    const codes = Uint8Array.from(names, (_, i) => i);
    const frame = new Frame({ comm: new DictColumn(codes, names) });
    assert.deepEqual([...Frame.fromArrow(frame.toArrowIPC()).column("comm") as DictColumn], names);
  }
  const many = Array.from({ length: 40_000 }, (_, i) => `task ${i}`);
  const frame = new Frame({ comm: new DictColumn(Uint16Array.from(many, (_, i) => i), many) });
  assert.deepEqual([...Frame.fromArrow(frame.toArrowIPC()).column("comm") as DictColumn], many);
});

const golden = new URL("../golden/arrow/", import.meta.url).pathname;

Deno.test("what pyarrow writes is read: several batches, views, times, missing values, dictionaries that change", () => {
  const frame = Frame.fromArrow(`${golden}kinds.arrow`);
  const found = Object.fromEntries(
    frame.names.map((name) => [name, Array.from(frame.column(name) as Iterable<unknown>)]),
  );
  assert.deepEqual(found, {
    large: ["a", "", "ccc", "a"],
    view: ["short", "longer than twelve bytes", "", "\ufeffmark"],
    flag: [1, NaN, 0, 1],
    i8: [1, -2, 3, -4],
    u64: [0n, 2n ** 64n - 1n, 7n, 9n],
    gaps: [1, NaN, 3, NaN],
    f32: [0.5, NaN, NaN, -1],
    stamp: [0n, 1n, 2n, 3n],
    day: [1, 1, 1, 1],
    clock: [1n, 2n, 3n, 4n],
    took: [5n, 6n, 7n, 8n],
    dict: ["x", "y", "", "x"],
    sliced: ["1", "2", "3", "4"],
  });
  for (
    const [name, comms] of Object.entries({
      replaced: ["make", "cc1", "make", "make", "ld", "make"],
      grown: ["make", "cc1", "make", "cc1", "make", "ld"],
    })
  ) {
    const stream = Frame.fromArrow(`${golden}${name}.arrows`);
    assert.deepEqual([...stream.column("comm") as DictColumn], comms);
    assert.deepEqual(stream.column("n"), Int32Array.of(1, 2, 3, 4, 5, 6));
  }
  assert.throws(
    () => Frame.fromArrow(`${golden}packed.arrow`),
    /byte \d+: .*compressed buffers; write the file uncomp/,
  );
  assert.throws(() => Frame.fromArrow(`${golden}nested.arrow`), /Column "list" has Arrow type list/);
});

Deno.test("damaged Arrow data gives an error that names a byte, or other values, and never more than that", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
  let refused = 0;
  const wholes = [
    everyKind().toArrowIPC({ format: "stream", batchRows: 3 }),
    everyKind().toArrowIPC({ format: "file", batchRows: 3 }),
    Deno.readFileSync(`${golden}kinds.arrow`),
    Deno.readFileSync(`${golden}grown.arrows`),
  ];
  for (const whole of wholes) {
    for (let run = 0; run < 3000; run++) {
      const bytes = run % 4 === 0 ? whole.slice(0, random(whole.length)) : whole.slice();
      for (let i = random(3); i >= 0 && bytes.length > 0; i--) {
        const at = random(bytes.length);
        if (random(3) === 0 && at + 4 <= bytes.length) {
          new DataView(bytes.buffer).setInt32(at, random(2) === 0 ? -random(100) : 0x7fffffff, true);
        } else bytes[at] = random(256);
      }
      try {
        const frame = Frame.fromArrow(bytes);
        for (const name of frame.names) Array.from(frame.column(name) as Iterable<unknown>);
      } catch (error) {
        refused++;
        assert.ok(error instanceof RangeError || error instanceof TypeError, String(error));
        assert.match(error.message, /byte \d+|Column "/);
      }
    }
  }
  assert.ok(refused > 1000);
});

Deno.test("what is no Arrow data is said to be none", async () => {
  assert.throws(
    () => Frame.fromArrow(new Uint8Array()),
    /byte 0: expected an Arrow IPC message but found no bytes/,
  );
  assert.throws(
    () => Frame.fromArrow(new TextEncoder().encode("ts,cpu\n1,2\n")),
    /byte 0: expected an Arrow/,
  );
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, everyKind().toArrowIPC({ format: "file" }));
    same(Frame.fromArrow(path), everyKind());
    await Deno.truncate(path, 500);
    assert.throws(() => Frame.fromArrow(path), (error: Error) => error.message.includes(`${path}: byte`));
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("every hostile name comes back", () => {
  const frame = new Frame({ comm: DictColumn.from(HOSTILE_NAMES) });
  assert.deepEqual([...Frame.fromArrow(frame.toArrowIPC()).column("comm") as DictColumn], HOSTILE_NAMES);
});
