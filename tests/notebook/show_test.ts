import { table } from "arquero";
import assert from "node:assert/strict";
import { displayBundle, displaySymbol, show } from "../../lib/notebook/mod.ts";
import { KernelSession, messageText } from "./kernel_session.ts";
import { repository } from "./repository.ts";

const load = `const { show } = await import("file://${repository}/lib/notebook/mod.ts");`;

Deno.test("show() displays the scalars that the kernel prints nothing for", async () => {
  await using session = await KernelSession.start();
  await session.text(load);
  for (const [source, text] of [["1n", "1n"], ["NaN", "NaN"], ["-0", "-0"], ["-Infinity", "-Infinity"]]) {
    assert.equal(
      await session.text(`${source}`),
      "",
      `the kernel shows ${source} by itself now: simplify show()`,
    );
    assert.equal(await session.text(`await show(${source})`), text);
  }
  assert.equal(
    await session.text(`await show(undefined); await show("two\\nlines\\x1b[2J")`),
    "undefinedtwo\nlines␛[2J",
  );
});

Deno.test("show() with an id replaces its display in place", async () => {
  await using session = await KernelSession.start();
  await session.text(load);
  const { outputs } = await session.execute(
    `await show("first", { id: "here" }); await show("second", { id: "here", update: true });`,
  );
  assert.deepEqual(
    outputs.map((m) => [m.type, messageText(m), m.content.transient?.display_id]),
    [["display_data", "first", "here"], ["update_display_data", "second", "here"]],
  );
  await assert.rejects(show(1, { update: true }), TypeError);
});

Deno.test("show() does not pin what it has shown, unlike a cell's result", async () => {
  await using session = await KernelSession.start();
  await session.text(load);
  await session.text(`var dead = []; var graves = new FinalizationRegistry((name) => dead.push(name));
    function big(name) { const value = { bytes: new Uint8Array(1e6), toJSON: () => 0 }; graves.register(value, name); return value; }`);
  for (let i = 0; i < 5; i++) await session.text(`await show(big("shown"))`);
  await session.text(`big("result")`);
  const counted = await session.text(`
    for (let i = 0; i < 100 && dead.filter((name) => name === "shown").length < 5; i++) {
      new Array(1e6).fill(i);
      await new Promise((done) => setTimeout(done, 10));
      if (i === 50) for (let j = 0; j < 40; j++) new ArrayBuffer(5e7);
    }
    console.log(JSON.stringify(dead.toSorted()))`);
  assert.deepEqual(JSON.parse(counted), Array(5).fill("shown"));
});

Deno.test("a name that is markup stays text in every form", async () => {
  const name = "<img src=x onerror=alert(1)>";
  await using session = await KernelSession.start();
  await session.text(load);
  const { outputs } = await session.execute(
    `const { progress } = await import("file://${repository}/lib/notebook/mod.ts");
     await show(${JSON.stringify(name)});
     const bar = progress(2, { label: ${JSON.stringify(name)} });
     await new Promise((done) => setTimeout(done, 150)); bar.add(); bar.close();`,
  );
  const pages = outputs.map((m) => m.content.data?.["text/html"]).filter((html) => html !== undefined);
  assert.equal(pages.length, 2, "progress makes HTML");
  for (const html of pages) {
    assert.ok(html.includes("&lt;img src=x onerror=alert(1)&gt;") && !html.includes("<img"), html);
  }
  assert.deepEqual(outputs[0]!.content.data, { "text/plain": name });
});

Deno.test("displayBundle() makes figures inline HTML first and a standalone SVG second", async () => {
  const svg = `<svg width="1"><circle r="1"></circle></svg>`;
  assert.deepEqual(await displayBundle({ outerHTML: svg }), {
    "text/html": svg,
    "image/svg+xml": svg.replace("<svg", `<svg xmlns="http://www.w3.org/2000/svg"`),
    "text/plain": "[SVG figure]",
  });
  const figure = { [displaySymbol]: () => Promise.resolve({ "text/html": "<p>", "text/plain": "p" }) };
  assert.deepEqual(await displayBundle(figure), { "text/html": "<p>", "text/plain": "p" });
});

Deno.test("displayBundle() makes the control characters of an Arquero table visible", async () => {
  const bundle = await displayBundle(table({ comm: ["a\x1b[2J\u202eb", "<b>"] })) as Record<string, string>;
  assert.ok(
    bundle["text/html"]!.includes('<td style="text-align: left;">a␛[2J\\u202eb</td>'),
    bundle["text/html"],
  );
  assert.ok(bundle["text/html"]!.includes("&lt;b&gt;"), bundle["text/html"]);
  assert.equal(bundle["text/plain"], "|comm|\n|:-|\n|a␛[2J\\u202eb|\n|<b>|\n2 rows x 1 columns");
});

Deno.test("displayBundle() never throws", async () => {
  const hostile: unknown[] = [
    { [displaySymbol]: () => Promise.reject(new Error("no")) },
    { [displaySymbol]: () => "text" },
    { [displaySymbol]: () => undefined },
    {
      [Symbol.for("Deno.customInspect")]() {
        throw new Error("no");
      },
    },
    new Proxy({}, {
      get() {
        throw new Error("no");
      },
      has() {
        throw new Error("no");
      },
    }),
    {
      get outerHTML() {
        throw new Error("no");
      },
    },
    {
      toHTML() {
        throw new Error("no");
      },
      toMarkdown() {},
      numRows: () => 1,
      numCols: () => 1,
    },
    {
      [displaySymbol]: () => {
        throw {
          toString() {
            throw new Error("no");
          },
        };
      },
    },
    Symbol("s"),
    () => 1,
    null,
    undefined,
    "\ud800",
  ];
  for (const value of hostile) assert.equal(typeof (await displayBundle(value))["text/plain"], "string");
});
