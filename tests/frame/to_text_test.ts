import assert from "node:assert/strict";
import { DictColumn, formatNs, Frame, ns, ratio } from "../../lib/frame/mod.ts";

const HOSTILE = "<img src=x onerror=alert(1)>";

const frame = new Frame({
  ts: Float64Array.of(1_234_567_999, 0, -1500),
  comm: DictColumn.from(["make", "日本", "\x1b[31mred"]),
  wait: ns(Float64Array.of(47_100_000, 950, NaN)),
  share: ratio(Float64Array.of(0.5, 0.0312, 1)),
  cookie: BigUint64Array.of(1n, 2n ** 64n - 1n, 0n),
});

Deno.test("text: numbers to the right, times scaled, wide characters counted, escapes visible", () => {
  assert.equal(
    frame.toText({ width: 200 }),
    [
      "         ts  comm         wait    share                cookie",
      "───────────  ────────  ───────  ───────  ────────────────────",
      " 1.234567 s  make      47.1 ms   50.0 %                     1",
      " 0.000000 s  日本       950 ns    3.1 %  18446744073709551615",
      "-0.000001 s  ␛[31mred        –  100.0 %                     0",
    ].join("\n"),
  );
});

Deno.test("text: what is left out is said", () => {
  const many = new Frame({
    a: Int32Array.from({ length: 1234 }, (_, x) => x),
    long_name: new Int32Array(1234),
  });
  assert.equal(
    many.toText({ limit: 2, width: 8 }),
    "a\n─\n0\n1\n2 of 1,234 rows\nnot shown: long_name",
  );
  assert.equal(new Frame({ a: new Int8Array(0) }).toText(), "a\n─\nno rows");
  assert.equal(new Frame({ s: DictColumn.from(["abcdef"]) }).toText({ cellWidth: 4 }), "s\n────\nabc…");
});

Deno.test("console.log shows the table", () => {
  assert.match(Deno.inspect(frame), /^Frame of 3 rows\n +ts {2}comm/);
  assert.equal(String(frame), frame.toText());
});

Deno.test("HTML: every cell is text, rows are limited and counted", () => {
  const hostile = new Frame({
    comm: DictColumn.from([HOSTILE, "b", "c"]),
    [`<b onclick="x">`]: new Int8Array(3),
  });
  const html = hostile.toHTML({ limit: 2 });
  assert.ok(!/<(img|b)\b/.test(html));
  assert.ok(html.includes("&lt;img src=x onerror=alert(1)&gt;"));
  assert.ok(html.includes("2 of 3 rows"));
  assert.equal(html.match(/<tr>/g)?.length, 3);
});

Deno.test("a notebook gets HTML and text, and a frame that cannot be shown says so", () => {
  const display = (some: object) =>
    (some as Record<symbol, () => Record<string, string>>)[Symbol.for("Jupyter.display")]!();
  assert.deepEqual(Object.keys(display(frame)), ["text/html", "text/plain"]);
  const broken = new Frame({
    a: (): Int8Array => {
      throw new Error(`cut at byte 7 ${HOSTILE}`);
    },
  }, 1);
  assert.match(display(broken)["text/plain"]!, /cut at byte 7/);
  assert.ok(!display(broken)["text/html"]!.includes("<img"));
});

Deno.test("CSV: quoted where RFC 4180 wants it, read back by Python", async () => {
  const texts = ["plain", 'a,"b"', "two\nlines", "", HOSTILE];
  const csv = new Frame({
    s: DictColumn.from(texts),
    x: Float64Array.of(0.1, NaN, -5, 1e300, 123456789012345),
    n: BigInt64Array.of(-1n, 2n ** 62n, 0n, 1n, 2n),
  }).toCSV();
  const python = new Deno.Command("python3", {
    args: ["-c", "import csv,json,sys; print(json.dumps(list(csv.reader(sys.stdin))))"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = python.stdin.getWriter();
  await writer.write(new TextEncoder().encode(csv));
  await writer.close();
  const rows = JSON.parse(new TextDecoder().decode((await python.output()).stdout));
  assert.deepEqual(rows[0], ["s", "x", "n"]);
  assert.deepEqual(rows.slice(1).map((row: string[]) => row[0]), texts);
  assert.deepEqual(rows.slice(1).map((row: string[]) => row[1]), [
    "0.1",
    "",
    "-5",
    "1e+300",
    "123456789012345",
  ]);
  assert.equal(rows[2][2], "4611686018427387904");
});

Deno.test("JSON: rows and columns hold the same", () => {
  const rows = JSON.parse(JSON.stringify(frame));
  assert.deepEqual(rows[1], {
    ts: 0,
    comm: "日本",
    wait: 950,
    share: 0.0312,
    cookie: "18446744073709551615",
  });
  assert.equal(rows[2].wait, null);
  const columns = JSON.parse(JSON.stringify(frame.toJSONColumns()));
  for (const [name, values] of Object.entries(columns)) {
    assert.deepEqual(values, rows.map((row: Record<string, unknown>) => row[name]));
  }
});

Deno.test("durations read as people say them", () => {
  const cases: [number, string][] = [
    [0, "0 ns"],
    [-0, "0 ns"],
    [0.25, "0.25 ns"],
    [950, "950 ns"],
    [999.9, "1 µs"],
    [3200, "3.2 µs"],
    [999_999, "1 ms"],
    [47_123_456, "47.1 ms"],
    [119_754_120, "120 ms"],
    [-1_500_000_000, "-1.5 s"],
    [1_250e9, "1,250 s"],
    [86_400e9, "86,400 s"],
    [NaN, "–"],
    [Infinity, "∞"],
  ];
  for (const [value, text] of cases) assert.equal(formatNs(value), text);
  assert.equal(formatNs(47_123_456, { digits: 5 }), "47.123 ms");
});
