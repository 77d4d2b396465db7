import assert from "node:assert/strict";
import { TraceFormatError } from "../../lib/trace/errors.ts";

Deno.test("a TraceFormatError quotes bytes of the input so that they do nothing to a terminal, and not all of them", () => {
  const { message, offset } = new TraceFormatError("a file", 7, "a name", `\x1b[2J\n${"x".repeat(1e6)}`);
  assert.match(message, /^a file: byte 7: expected a name but found ␛\[2J␊x+\.\.\.$/);
  assert.ok(message.length < 500);
  assert.equal(offset, 7);
});
