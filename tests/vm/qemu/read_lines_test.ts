import assert from "node:assert/strict";
import { readLines } from "../../../lib/vm/qemu/read_lines.ts";
import { randomFrom } from "../../seeded.ts";

/** What delivers `pieces` one after the other. */
function source(pieces: readonly Uint8Array[]) {
  const left = [...pieces];
  return {
    read(into: Uint8Array): Promise<number | null> {
      const piece = left.shift();
      if (piece === undefined) return Promise.resolve(null);
      const taken = piece.subarray(0, into.length);
      if (taken.length < piece.length) left.unshift(piece.subarray(taken.length));
      into.set(taken);
      return Promise.resolve(taken.length);
    },
  };
}

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("lines come without their ends, whatever ends them, and the last one too", async () => {
  const lines = await Array.fromAsync(readLines(source([encode("a\r\nb\n\r\r\n\nc d"), encode("e\r")])));
  assert.deepEqual(lines, ["a", "b", "", "", "c de"]);
  assert.deepEqual(await Array.fromAsync(readLines(source([]))), []);
  assert.deepEqual(await Array.fromAsync(readLines(source([encode("\n")]))), [""]);
});

Deno.test("what is no UTF-8 is marked, and a character may come in two pieces", async () => {
  const euro = encode("€uro\n");
  const lines = await Array.fromAsync(
    readLines(source([Uint8Array.of(0xff, 0x41, 10), euro.subarray(0, 1), euro.subarray(1)])),
  );
  assert.deepEqual(lines, ["\ufffdA", "€uro"]);
});

Deno.test("a line without end is cut, so that it takes no more memory than one", async () => {
  const huge = new Uint8Array(1 << 20).fill(0x78);
  const lines = await Array.fromAsync(readLines(source(Array(8).fill(huge)), { most: 1 << 16 }));
  assert.equal(lines.length, 128);
  assert.ok(lines.every((line) => line.length === 1 << 16));
});

Deno.test("cut anywhere, the lines are the same", async () => {
  const random = randomFrom(20);
  const lines = Array.from({ length: 400 }, () => "x".repeat(random(4) === 0 ? 64 * random(3) : random(150)));
  const bytes = encode(lines.map((line) => line + (random(2) === 0 ? "\r\n" : "\n")).join(""));
  const wanted = lines.flatMap((line) => line === "" ? [""] : line.match(/.{1,64}/g)!);
  for (let round = 0; round < 50; round++) {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length;) {
      const size = 1 + random(200);
      pieces.push(bytes.subarray(at, at + size));
      at += size;
    }
    assert.deepEqual(await Array.fromAsync(readLines(source(pieces), { most: 64 })), wanted);
  }
});
