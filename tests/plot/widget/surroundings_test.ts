import assert from "node:assert/strict";
import { timelineWidgetOf, WIDGET_SCRIPT_SOURCE } from "../../../lib/plot/timeline_widget.ts";
import { decodeTaskName } from "../../../lib/trace/task_name.ts";
import { repository } from "../../notebook/repository.ts";
import { columnOf, factsOf, shown, strictPage, withPage } from "./open_page.ts";
import { storyWidgetInput } from "./story.ts";

/** 15 bytes as `prctl(PR_SET_NAME)` takes them, none of them UTF-8. */
const BYTES = decodeTaskName(
  Uint8Array.of(0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80, 0xf8, 0x88, 0x1b, 0x5b, 0x32, 0x4a, 0xc3, 0x28),
);
const HOSTILE = {
  parent: "</script><script>hacked=1</script>",
  worker: "<img src=x onerror=hacked=1>",
  hog: `\u202e${BYTES}\x1b[2J"'&\u0000`,
};

/** What must never reach a page: controls but line feeds and tabs, and marks that turn text around. */
const UNSEEN = /(?![\n\t])[\p{Cc}\p{Cf}]/u;

Deno.test("hostile names are text in every place: in the page's source, on lanes, in tips and details", async () => {
  const input = storyWidgetInput(HOSTILE);
  const widget = timelineWidgetOf({ ...input, title: HOSTILE.parent, note: HOSTILE.worker });
  assert.ok(!widget.html.includes("hacked=1<"));
  assert.ok(!UNSEEN.test(widget.html + widget.alt));
  await withPage(strictPage(widget.html, WIDGET_SCRIPT_SOURCE), async ({ page }) => {
    await shown(page);
    const facts = await factsOf(page);
    const texts: string[] = [...facts.threads];
    for (const [lane, y] of Object.entries(facts.lanes)) {
      for (const ns of [5_000, 25_000, 50_000]) {
        await page.mouse.move(columnOf(facts, ns), y);
        texts.push(await page.locator(".tip").innerText());
      }
      await page.mouse.click(columnOf(facts, 50_000), y);
      texts.push((await factsOf(page)).details, lane);
    }
    assert.ok(texts.some((text) => text.includes("<img src=x onerror=hacked=1>[30]")), texts.join("\n"));
    assert.ok(texts.some((text) => text.includes("</script><script>hacked=1</script>[20]")));
    assert.ok(texts.some((text) => text.includes("\\u202e")));
    for (const text of texts) assert.ok(!UNSEEN.test(text), JSON.stringify(text));
    const found = await page.evaluate(() => ({
      hacked: "hacked" in globalThis,
      images: document.querySelectorAll("img").length +
        // deno-lint-ignore no-explicit-any
        (globalThis as any).schedscopeWidgets[0].parts.box.querySelectorAll("img,script,iframe").length,
      scripts: document.scripts.length,
    }));
    assert.deepEqual(found, { hacked: false, images: 0, scripts: 1 });
  });
});

Deno.test("it is light or dark as what is around it is, whatever made that so", async () => {
  const { html } = timelineWidgetOf(storyWidgetInput());
  const pictures = `${repository}/out/widget`;
  await Deno.mkdir(pictures, { recursive: true });
  const cases = [
    { name: "light page", scheme: "light", body: "", dark: false },
    { name: "dark page", scheme: "dark", body: "", dark: true },
    {
      name: "a notebook's light theme on a dark system",
      scheme: "dark",
      body: "background:#fff",
      dark: false,
    },
    {
      name: "a notebook's dark theme on a light system",
      scheme: "light",
      body: "background:#111",
      dark: true,
    },
  ] as const;
  for (const { name, scheme, body, dark } of cases) {
    const page =
      `<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark"><body style="${body}">${html}`;
    await withPage(page, async ({ page }) => {
      await shown(page);
      const brightness = () =>
        page.evaluate(() => {
          // deno-lint-ignore no-explicit-any
          const { parts } = (globalThis as any).schedscopeWidgets[0];
          const at = parts.canvas.getContext("2d").getImageData(2, 2, 1, 1).data;
          const text = getComputedStyle(parts.box).color.match(/\d+/g)!.map(Number);
          return { ground: at[0] + at[1] + at[2], ink: text[0]! + text[1]! + text[2]! };
        });
      const { ground, ink } = await brightness();
      assert.ok(dark ? ground < 150 && ink > 600 : ground > 700 && ink < 150, `${name}: ${ground}, ${ink}`);
      // To be looked at: out/widget/dark-page.png and so on.
      await page.locator(".schedscope-widget").screenshot({
        path: `${pictures}/${name.replaceAll(/\W+/g, "-")}.png`,
      });
      // Themes are switched while the page is open.
      await page.evaluate((color) => document.body.style.background = color, dark ? "#fff" : "#111");
      await page.waitForFunction((was) => {
        // deno-lint-ignore no-explicit-any
        const { parts } = (globalThis as any).schedscopeWidgets[0];
        const at = parts.canvas.getContext("2d").getImageData(2, 2, 1, 1).data;
        return (at[0] + at[1] + at[2] > 400) !== was;
      }, ground > 400);
    }, { colorScheme: scheme });
  }
});

Deno.test("several widgets live in one page, also where a notebook's front end puts them in later", async () => {
  const first = timelineWidgetOf(storyWidgetInput());
  const second = timelineWidgetOf(storyWidgetInput({ worker: "other" }, 10));
  assert.notEqual(first.id, second.id);
  const link = second.link({ ts: 200_000, dur: 200_000, tid: 30 });
  const page =
    `<!doctype html><meta charset="utf-8">${first.html}${first.html}${second.html}<a href="${link}">go</a>`;
  await withPage(page, async ({ page }) => {
    await shown(page, 3);
    await page.getByText("go", { exact: true }).click();
    assert.equal((await factsOf(page, 2)).tid, 30);
    assert.equal((await factsOf(page, 0)).tid, undefined);
    // As JupyterLab does it: the HTML first, then each script anew.
    await page.evaluate((html) => {
      const output = document.createElement("div");
      output.innerHTML = html;
      for (const script of output.querySelectorAll("script")) {
        const fresh = document.createElement("script");
        for (const { name, value } of script.attributes) fresh.setAttribute(name, value);
        fresh.textContent = script.textContent;
        script.replaceWith(fresh);
      }
      document.body.append(output);
    }, second.html);
    await shown(page, 4);
    assert.equal((await factsOf(page, 3)).length, 1_000_000);
  });
});

Deno.test("without scripts it says in words what it would show, and what is broken says so", async () => {
  const { html } = timelineWidgetOf(storyWidgetInput());
  await withPage(strictPage(html, "'none'"), async ({ page }) => {
    assert.match(
      await page.locator("body").innerText(),
      /Why the worker was late: a timeline of 100 µs .*“Trust Notebook”/,
    );
  }, { mayAsk: true });
  const broken = html.replace(/<script type="text\/plain">.{40}/, '<script type="text/plain">');
  await withPage(`<!doctype html>${broken}`, async ({ page }) => {
    await page.waitForSelector('.schedscope-widget[data-state="failed"]');
    assert.match(await page.locator("body").innerText(), /The timeline cannot be shown: /);
  });
});
