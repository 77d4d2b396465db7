import assert from "node:assert/strict";
import {
  AGENT_PORT,
  Answer,
  Ask,
  frameHead,
  FrameReader,
  HEAD,
  MAGIC,
  MAX_PAYLOAD,
  PayloadWriter,
  VERSION,
} from "../../../lib/vm/agent/wire.ts";
import { signalName, signalNumber } from "../../../lib/vm/agent/signals.ts";
import { randomFrom } from "../../seeded.ts";

Deno.test("both sides have the same numbers", async () => {
  const header = await Deno.readTextFile(
    new URL("../../../native/include/agent_protocol.h", import.meta.url),
  );
  const text = (name: string) => new RegExp(`#define ${name} "(.*)"`).exec(header)?.[1];
  const number = (name: string) => {
    const [, value, shift] = new RegExp(`\\b${name} = (0x[0-9a-f]+|\\d+)(?: << (\\d+))?,`).exec(header)!;
    return Number(value) * 2 ** Number(shift ?? 0);
  };
  assert.deepEqual([text("SS_AGENT_MAGIC"), text("SS_AGENT_PORT")], [MAGIC, AGENT_PORT]);
  assert.deepEqual(
    [number("SS_AGENT_VERSION"), number("SS_AGENT_HEAD"), number("SS_AGENT_MAX_PAYLOAD")],
    [VERSION, HEAD, MAX_PAYLOAD],
  );
  const camel = (name: string) => name[0] + name.slice(1).toLowerCase();
  const found = { ask: {} as Record<string, number>, answer: {} as Record<string, number> };
  for (const [, reply, name, value] of header.matchAll(/\bSS_(R_)?([A-Z]+) = (0x8[0-9a-f]|\d+)(?=,)/g)) {
    found[reply === undefined ? "ask" : "answer"][camel(name!)] = Number(value);
  }
  assert.deepEqual(found, { ask: { ...Ask }, answer: { ...Answer } });
});

Deno.test("frames come out as they went in, however the bytes are cut", () => {
  const below = randomFrom(6);
  const random = () => below(1_000_000) / 1_000_000;
  const nonce = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const hello = new PayloadWriter().raw(new TextEncoder().encode(MAGIC)).raw(nonce).done();
  for (let round = 0; round < 6; round++) {
    const frames: { type: number; id: number; payload: Uint8Array }[] = [{
      type: Answer.Hello,
      id: 0,
      payload: hello,
    }];
    for (let i = 0; i < 60; i++) {
      const size = random() < 0.1 ? MAX_PAYLOAD : Math.floor(random() ** 4 * 300_000);
      const payload = new Uint8Array(size).map((_, k) => k * 31 + i);
      frames.push({ type: 0x80 + i, id: below(2 ** 31), payload });
    }
    const writer = new PayloadWriter().raw(new TextEncoder().encode(`rubbish ${MAGIC}\x81`));
    for (const { type, id, payload } of frames) writer.raw(frameHead(type, id, payload.length)).raw(payload);
    const bytes = writer.done();
    const reader = new FrameReader(nonce);
    let next = 0;
    for (let at = 0; at < bytes.length;) {
      const { room } = reader;
      assert.ok(room.length > 0);
      const size = Math.min(room.length, bytes.length - at, 1 + Math.floor(random() ** 3 * 400_000));
      room.set(bytes.subarray(at, at + size));
      at += size;
      reader.take(size, (type, id, payload) => {
        const expected = frames[next++]!;
        assert.deepEqual([type, id, payload.length], [expected.type, expected.id, expected.payload.length]);
        assert.ok(payload.every((byte, i) => byte === expected.payload[i]));
      });
    }
    assert.equal(next, frames.length);
  }
});

Deno.test("signals are named as kill -l names them", () => {
  const names = new TextDecoder().decode(
    new Deno.Command("bash", { args: ["-c", "kill -l"] }).outputSync().stdout,
  );
  for (const [, number, name] of names.matchAll(/(\d+)\) (SIG[A-Z0-9]+)\b/g)) {
    if (Number(number) > 31) continue;
    assert.equal(signalName(Number(number)), name);
    assert.equal(signalNumber(name!), Number(number));
  }
});
