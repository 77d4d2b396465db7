import assert from "node:assert/strict";
import { Qmp, type QmpEvent } from "../../../lib/vm/qemu/qmp.ts";
import { QmpError } from "../../../lib/vm/qemu/qmp_error.ts";
import { formatQmp, parseQmp } from "../../../lib/vm/qemu/qmp_json.ts";

const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": []}}\r\n';

/** A server that speaks as QEMU does; `answer` gets each command's text and what writes to the client. */
async function fakeQemu(
  answer: (message: Record<string, unknown>, write: (text: string) => Promise<void>, conn: Deno.Conn) => void,
  greeting = GREETING,
): Promise<{ conn: Deno.Conn } & AsyncDisposable> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/s`;
  const listener = Deno.listen({ transport: "unix", path });
  const serving = (async () => {
    const conn = await listener.accept();
    const write = async (text: string) => {
      const bytes = new TextEncoder().encode(text);
      for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
    };
    try {
      await write(greeting);
      let rest = "";
      for await (const chunk of conn.readable.pipeThrough(new TextDecoderStream())) {
        rest += chunk;
        for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
          const message = JSON.parse(rest.slice(0, end)) as Record<string, unknown>;
          rest = rest.slice(end + 1);
          if (message["execute"] === "qmp_capabilities") {
            await write(`{"return": {}, "id": ${message["id"]}}\r\n`);
          } else answer(message, write, conn);
        }
      }
    } catch {
      // The client is gone.
    }
    try {
      conn.close();
    } catch {
      // Closed by its stream.
    }
  })();
  const conn = await Deno.connect({ transport: "unix", path });
  return {
    conn,
    async [Symbol.asyncDispose]() {
      listener.close();
      try {
        conn.close();
      } catch {
        // Closed by the client.
      }
      await serving;
      await Deno.remove(directory, { recursive: true });
    },
  };
}

Deno.test("answers belong to commands by their ids, in whatever order and pieces they come", async () => {
  const asked: Record<string, unknown>[] = [];
  await using server = await fakeQemu(async (message, write) => {
    asked.push(message);
    if (asked.length < 3) return;
    const [a, b, c] = asked.map((one) => one["id"]);
    const text =
      `{"return": "c", "id": ${c}}\r\n{"timestamp": {"seconds": 5, "microseconds": 7}, "event": "STOP"}\r\n` +
      `{"return": {"of": "a"}, "id": ${a}}\r\n{"id": ${b}, "error": {"class": "GenericError", "desc": "not b"}}\r\n`;
    for (const piece of text.match(/[^]{1,7}/g)!) await write(piece);
  });
  using qmp = await Qmp.open(server.conn);
  assert.equal(await qmp.version, "7.2.22");
  const events: QmpEvent[] = [];
  qmp.listen((event) => events.push(event));
  const [a, b, c] = await Promise.allSettled([
    qmp.execute("first", { wide: 2n ** 63n - 1n, text: "\u2028 \u0000" }),
    qmp.execute("second"),
    qmp.execute("third"),
  ]);
  assert.deepEqual(a, { status: "fulfilled", value: { of: "a" } });
  assert.deepEqual(c, { status: "fulfilled", value: "c" });
  assert.ok(b.status === "rejected" && b.reason instanceof QmpError);
  assert.equal(b.reason.class, "GenericError");
  assert.equal(b.reason.desc, "not b");
  assert.match(b.reason.message, /second: not b/);
  assert.deepEqual(events, [{ event: "STOP", data: {}, ts: 5_000_007_000n }]);
  assert.deepEqual((asked[0]!["arguments"] as { text: string }).text, "\u2028 \u0000");
  assert.equal("arguments" in asked[1]!, false);
});

Deno.test("what waits for an answer is told when the channel closes, and what comes later as well", async () => {
  await using server = await fakeQemu((message, _write, conn) => {
    if (message["execute"] === "die") conn.close();
  });
  const qmp = await Qmp.open(server.conn);
  const waiting = [qmp.execute("never"), qmp.event(() => true), qmp.execute("die")];
  const found = await Promise.allSettled(waiting);
  for (const one of found) {
    assert.ok(one.status === "rejected" && one.reason instanceof QmpError, String(one));
    assert.equal(one.reason.class, "Closed");
  }
  await qmp.closed;
  await assert.rejects(qmp.execute("late"), { name: "QmpError", class: "Closed", command: "late" });
});

Deno.test("an aborted command stops waiting, and its answer hurts nobody", async () => {
  let release = () => {};
  await using server = await fakeQemu((message, write) => {
    if (message["execute"] === "slow") {
      release = () => void write(`{"return": 1, "id": ${message["id"]}}\r\n`);
    } else void write(`{"return": 2, "id": ${message["id"]}}\r\n`);
  });
  using qmp = await Qmp.open(server.conn);
  const stop = new AbortController();
  const slow = qmp.execute("slow", {}, { signal: stop.signal });
  assert.equal(await qmp.execute("quick"), 2);
  stop.abort(new Error("enough"));
  await assert.rejects(slow, { message: "enough" });
  release();
  assert.equal(await qmp.execute("quick"), 2);
});

Deno.test("a server that says nonsense closes the channel with its words, and no promise is left waiting", async () => {
  await using server = await fakeQemu((_message, write) => void write("HTTP/1.1 400 Bad Request\r\n"));
  const qmp = await Qmp.open(server.conn);
  await assert.rejects(qmp.execute("anything"), { class: "Closed", message: /no message/ });
  await using deaf = await fakeQemu(() => {}, "\x00\x01nonsense\n");
  await assert.rejects(Qmp.open(deaf.conn), { class: "Closed" });
  await using silent = await fakeQemu(() => {}, "");
  await assert.rejects(Qmp.open(silent.conn, { signal: AbortSignal.timeout(50) }), { name: "TimeoutError" });
});

Deno.test("an error without an id is of a text that QEMU could not read: its command does not wait for ever", async () => {
  await using server = await fakeQemu((_message, write) =>
    void write('{"error": {"class": "GenericError", "desc": "Invalid JSON syntax"}}\r\n')
  );
  using qmp = await Qmp.open(server.conn);
  await assert.rejects(qmp.execute("odd"), { class: "GenericError", desc: "Invalid JSON syntax" });
});

Deno.test("whole numbers of 64 bits keep every digit, both ways", () => {
  const text = '{"a":18446744073709551615,"b":-9223372036854775808,"c":9007199254740991,"d":0.5,"e":1e300}';
  const value = parseQmp(text);
  assert.deepEqual(value, {
    a: 18446744073709551615n,
    b: -9223372036854775808n,
    c: 9007199254740991,
    d: 0.5,
    e: 1e300,
  });
  assert.equal(formatQmp(value), text.replace("1e300", "1e+300"));
  assert.equal(formatQmp({ bandwidth: 2 ** 40 }), '{"bandwidth":1099511627776}');
});
