import assert from "node:assert/strict";
import { renderPage } from "../../lib/plot/mod.ts";
import { HOSTILE } from "./example_gaps.ts";
import { examplePage } from "./example_page.ts";

/** Runs headless Chromium on `html` and returns the document after it was loaded. */
async function loaded(html: string): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/page.html`;
    await Deno.writeTextFile(file, html);
    const args = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      `--user-data-dir=${folder}/profile`,
      "--dump-dom",
      `file://${file}`,
    ];
    const { success, stdout, stderr } = await new Deno.Command("chromium", { args }).output().catch(
      (cause) => {
        throw new Error("This test opens the page in Chromium: apt-get install chromium", { cause });
      },
    );
    assert.ok(success, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("in a real browser a hostile name is text everywhere and makes no element", async () => {
  const dom = await loaded(examplePage());
  assert.ok(!/<(img|script|iframe|object|embed|link|base)\b/i.test(dom));
  const shown = dom.split("&lt;img src=x onerror=alert(1)&gt;").length - 1;
  assert.ok(shown > 20, `shown ${shown} times`);
  assert.equal(dom.match(/<svg\b/g)?.length, 4);
  assert.equal(dom.match(/<table\b/g)?.length, 1);
});

Deno.test("the page's policy forbids scripts, should markup ever get in", async () => {
  const trusted =
    "<p id=probe>before</p><script>document.getElementById('probe').textContent = 'ran'</script>" +
    "<img src=x onerror=\"document.getElementById('probe').textContent = 'ran'\">";
  const dom = await loaded(
    renderPage({ title: "x", sections: [{ heading: "h", figures: [{ html: trusted }] }] }),
  );
  assert.match(dom, /<p id="probe">before<\/p>/);
});

Deno.test("the page loads nothing from anywhere", () => {
  const page = examplePage();
  const urls = [...page.matchAll(/(?:src|href|url)\s*[=(]\s*["']?([^"'\s)>]+)/g)].map((match) => match[1]!)
    .filter((url) => !url.startsWith("#") && url !== "x");
  assert.deepEqual(urls, []);
  assert.match(
    page,
    /Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"/,
  );
});

Deno.test("headings have unique targets, and empty parts leave nothing behind", () => {
  const page = renderPage({
    title: HOSTILE,
    sections: [{ heading: "Same" }, { heading: "Same" }, { heading: "日本" }],
  });
  const ids = [...page.matchAll(/<section id="([^"]*)"/g)].map((match) => match[1]);
  assert.equal(new Set(ids).size, 3);
  for (const id of ids) assert.ok(page.includes(`href="#${id}"`));
  assert.ok(!page.includes("<dl>"));
  assert.ok(!page.includes("undefined"));
});
