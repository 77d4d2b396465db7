import assert from "node:assert/strict";
import { decodeTaskName, encodeTaskName } from "../../lib/trace/task_name.ts";

Deno.test("encodeTaskName() gives back the bytes that decodeTaskName() was given, whatever they are", () => {
  const names: number[][] = [
    [],
    [...new TextEncoder().encode("kworker/0:1")],
    [...new TextEncoder().encode("é-ü-ß-é-ü")],
    [0xef, 0xbb, 0xbf, 0x61], // a byte order mark is a part of the name
    [0xff, 0xfe, 0x80, 0x7a],
    [0xed, 0xb2, 0x80], // a surrogate that UTF-8 forbids
    [0x1b, 0x5b, 0x33, 0x31, 0x6d],
    Array.from({ length: 15 }, (_, i) => 0xf1 + i),
  ];
  for (let byte = 1; byte < 256; byte++) names.push([0x61, byte, 0xc3, byte]);
  for (const name of names) {
    const bytes = Uint8Array.from(name);
    assert.deepEqual([...encodeTaskName(decodeTaskName(bytes))], name);
    // What follows the NUL is what was in the kernel's buffer before.
    assert.deepEqual([...encodeTaskName(decodeTaskName(Uint8Array.from([...name, 0, 0x78])))], name);
  }
});
