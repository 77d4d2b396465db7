import assert from "node:assert/strict";
import type { DictColumn } from "../../lib/frame/column.ts";
import { fieldSink } from "../../lib/trace/decode_field.ts";
import type { EventField } from "../../lib/trace/event_format.ts";
import { parseEventFormat } from "../../lib/trace/event_format.ts";

/** A field as a line of a format text has it. */
function field(line: string): EventField {
  return parseEventFormat(`name: x\nID: 1\nformat:\n\t${line}\n`, "test").fields[0]!;
}

function decode(line: string, record: Uint8Array, littleEndian = true): unknown {
  const sink = fieldSink(field(line), 1, littleEndian);
  // The record lies in the middle of a larger buffer, so that reading outside of it would be seen.
  const around = new Uint8Array(record.length + 64).fill(0xee);
  around.set(record, 32);
  sink.set(0, new DataView(around.buffer), 32, record.length);
  const column = sink.finish();
  return "codes" in column ? (column as DictColumn).at(0) : column[0];
}

const bytes = (...values: number[]) => Uint8Array.from(values);
const text = (value: string) => new TextEncoder().encode(value);

Deno.test("integers of every size and sign, in both byte orders", () => {
  assert.equal(decode("field:s8 a;\toffset:1;\tsize:1;\tsigned:1;", bytes(0, 0xff)), -1);
  assert.equal(decode("field:u8 a;\toffset:1;\tsize:1;\tsigned:0;", bytes(0, 0xff)), 255);
  assert.equal(decode("field:short a;\toffset:0;\tsize:2;\tsigned:1;", bytes(0xfe, 0xff)), -2);
  assert.equal(decode("field:short a;\toffset:0;\tsize:2;\tsigned:1;", bytes(0xff, 0xfe), false), -2);
  assert.equal(decode("field:pid_t a;\toffset:0;\tsize:4;\tsigned:1;", bytes(1, 2, 3, 0x84)), 0x84030201 | 0);
  assert.equal(
    decode("field:u32 a;\toffset:0;\tsize:4;\tsigned:0;", bytes(0x84, 3, 2, 1), false),
    0x84030201,
  );
});

Deno.test("8-byte integers are doubles while that is exact, else big integers", () => {
  const of = (value: bigint) => new Uint8Array(BigInt64Array.of(value).buffer);
  const signed = "field:long a;\toffset:0;\tsize:8;\tsigned:1;";
  const unsigned = "field:u64 a;\toffset:0;\tsize:8;\tsigned:0;";
  for (const value of [0n, 1n, -1n, 2n ** 53n - 1n, -(2n ** 53n)]) {
    assert.equal(decode(signed, of(value)), Number(value));
  }
  for (const value of [2n ** 53n, 2n ** 62n, -(2n ** 63n)]) assert.equal(decode(signed, of(value)), value);
  assert.equal(decode(unsigned, of(-1n)), 2n ** 64n - 1n);
  assert.equal(decode(unsigned, of(2n ** 53n - 1n)), 2 ** 53 - 1);
  assert.equal(decode("field:long prev_state;\toffset:0;\tsize:8;\tsigned:1;", of(0x2002n)), 0x2002);
});

Deno.test("names of any bytes stay different and harmless", () => {
  const comm = "field:char comm[16];\toffset:0;\tsize:16;\tsigned:0;";
  const name = (...parts: number[]) => Uint8Array.from({ length: 16 }, (_, i) => parts[i] ?? 0);
  assert.equal(decode(comm, name(...text("bash"), 0, ...text("junk"))), "bash");
  assert.equal(decode(comm, name(...text("0123456789abcdef"))), "0123456789abcdef");
  assert.equal(decode(comm, name(0x1b, ...text("[2J"))), "␛[2J");
  assert.equal(decode(comm, name(0xff, 0x41)), "\\xffA");
  assert.equal(decode(comm, name(0xfe, 0x41)), "\\xfeA");
  assert.equal(decode(comm, name(...text("né"), 0xc3)), "né\\xc3");
  assert.equal(decode(comm, name(...text("<img src=x>"))), "<img src=x>");
  assert.equal(decode(comm, name()), "");
});

Deno.test("text elsewhere in the record, and to its end", () => {
  const record = new Uint8Array(24);
  new DataView(record.buffer).setUint32(8, 12 | (6 << 16), true);
  record.set(text("/bin/x"), 12);
  assert.equal(decode("field:__data_loc char[] filename;\toffset:8;\tsize:4;\tsigned:0;", record), "/bin/x");
  new DataView(record.buffer).setUint32(8, 0 | (6 << 16), true);
  assert.equal(decode("field:__rel_loc char[] filename;\toffset:8;\tsize:4;\tsigned:0;", record), "/bin/x");
  assert.equal(decode("field:char buf[];\toffset:12;\tsize:0;\tsigned:0;", record), "/bin/x");
});

Deno.test("arrays print as lists, what is unknown as hex", () => {
  const three = new Uint8Array(Uint32Array.of(7, 8, 0xffff_ffff).buffer);
  assert.equal(
    decode("field:unsigned int a[3];\toffset:0;\tsize:12;\tsigned:0;", three),
    "{7, 8, 4294967295}",
  );
  assert.equal(decode("field:int a[3];\toffset:0;\tsize:12;\tsigned:1;", three), "{7, 8, -1}");
  assert.equal(
    decode("field:struct in6_addr a;\toffset:0;\tsize:12;\tsigned:0;", three),
    "0700000008000000ffffffff",
  );
});

Deno.test("a field outside of its record reads as nothing, whatever its text claims", () => {
  const short = bytes(1, 2);
  const big = new Uint8Array(16);
  new DataView(big.buffer).setUint32(8, 0xffff_ffff, true);
  assert.equal(decode("field:int a;\toffset:0;\tsize:4;\tsigned:1;", short), 0);
  assert.equal(decode("field:u64 a;\toffset:4;\tsize:8;\tsigned:0;", short), 0);
  assert.equal(decode("field:char comm[16];\toffset:0;\tsize:16;\tsigned:0;", text("ab")), "ab");
  assert.equal(decode("field:char comm[16];\toffset:99;\tsize:16;\tsigned:0;", short), "");
  assert.equal(decode("field:__data_loc char[] a;\toffset:8;\tsize:4;\tsigned:0;", big), "");
  assert.equal(decode("field:__data_loc char[] a;\toffset:8;\tsize:4;\tsigned:0;", short), "");
  assert.equal(decode("field:int a[9];\toffset:50;\tsize:36;\tsigned:1;", short), "");
});

Deno.test("a column of many names has each once in its dictionary, in order of appearance", () => {
  const comm = field("field:char comm[16];\toffset:0;\tsize:16;\tsigned:0;");
  const sink = fieldSink(comm, 10000, true);
  const record = new Uint8Array(16);
  const view = new DataView(record.buffer);
  for (let row = 0; row < 10000; row++) {
    record.fill(0).set(text(`kworker/${row % 1000}`));
    sink.set(row, view, 0, 16);
  }
  const column = sink.finish() as DictColumn;
  for (let row = 0; row < 10000; row++) assert.equal(column.at(row), `kworker/${row % 1000}`);
  assert.equal(new Set(column.dictionary).size, column.dictionary.length);
  assert.ok(column.dictionary.length <= 1001);
});
