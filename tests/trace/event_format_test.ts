import assert from "node:assert/strict";
import { fieldOf, parseEventFormat } from "../../lib/trace/event_format.ts";

const HEAD = "name: made_up\nID: 42\nformat:\n";

Deno.test("parseEventFormat() reads what a kernel's format text says", () => {
  const format = parseEventFormat(
    HEAD +
      "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n" +
      "\tfield:char prev_comm[16];\toffset:8;\tsize:16;\tsigned:0;\n" +
      "\tfield:long prev_state;\toffset:32;\tsize:8;\tsigned:1;\n" +
      "\tfield:__data_loc char[] name;\toffset:40;\tsize:4;\tsigned:0;\n" +
      "\tfield:u64 args[6];\toffset:48;\tsize:48;\tsigned:0;\n" +
      '\nprint fmt: "x=%d", REC->x\n',
    "test",
  );
  assert.equal(format.name, "test:made_up");
  assert.equal(format.id, 42);
  assert.equal(format.printFormat, '"x=%d", REC->x');
  assert.deepEqual(fieldOf(format, "prev_state"), {
    name: "prev_state",
    type: "long",
    offset: 32,
    size: 8,
    signed: true,
    count: 1,
    content: "integer",
  });
  assert.deepEqual(
    format.fields.map(({ name, content, count }) => [name, content, count]),
    [["common_type", "integer", 1], ["prev_comm", "string", 16], ["prev_state", "integer", 1], [
      "name",
      "dynamic",
      1,
    ], [
      "args",
      "array",
      6,
    ]],
  );
  assert.equal(fieldOf(format, "nosuch"), undefined);
});

Deno.test("parseEventFormat() refuses what is none, without long thought", () => {
  assert.throws(() => parseEventFormat("hello", "test"), /name: and ID: lines but found "hello"/);
  assert.throws(
    () => parseEventFormat(HEAD + "\tfield:int x;\n", "test"),
    /offset and size in a field of made_up/,
  );
  for (const place of ["offset:9007199254740992;\tsize:4", "offset:8;\tsize:99999999"]) {
    assert.throws(
      () => parseEventFormat(`${HEAD}\tfield:int x;\t${place};\tsigned:0;\n`, "test"),
      /within 16777216 bytes/,
    );
  }
  const started = performance.now();
  const long = `\tfield:${"a".repeat(900_000)}!;\toffset:0;\tsize:4;\tsigned:0;\n`;
  assert.throws(() => parseEventFormat(HEAD + long, "test"), /in 1024 characters/);
  const many = "\tfield:int x;\toffset:0;\tsize:4;\tsigned:0;\n".repeat(5000);
  assert.throws(() => parseEventFormat(HEAD + many, "test"), /at most 4096 fields/);
  assert.ok(performance.now() - started < 2000);
});
