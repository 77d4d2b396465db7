import assert from "node:assert/strict";
import { ensureJupyter } from "../../../lib/tools/jupyter.ts";
import { notebookOf } from "../../notebook/notebook_file.ts";
import { repository } from "../../notebook/repository.ts";
import { columnOf, factsOf, shown, withPage } from "./open_page.ts";

/** Runs a notebook of `cells` and exports it as a page. */
async function exported(cells: string[]): Promise<string> {
  const jupyter = await ensureJupyter();
  // Within the repository, whose deno.json the kernel goes by.
  await Deno.mkdir(`${repository}/out`, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: `${repository}/out`, prefix: "export-" });
  try {
    await Deno.writeTextFile(`${folder}/book.ipynb`, JSON.stringify(notebookOf(cells)));
    const { success, stderr } = await new Deno.Command(jupyter.python, {
      args: [
        ...["-m", "nbconvert", "--execute", "--to", "html", "--ExecutePreprocessor.kernel_name=deno"],
        `${folder}/book.ipynb`,
      ],
      env: jupyter.env,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    return await Deno.readTextFile(`${folder}/book.html`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("it lives in a notebook that was run and exported as a page", async () => {
  const html = await exported([
    `import { timelineWidgetOf } from "${repository}/lib/plot/timeline_widget.ts";
     import { storyWidgetInput } from "${repository}/tests/plot/widget/story.ts";
     import { show } from "${repository}/lib/notebook/mod.ts";
     const widget = timelineWidgetOf(storyWidgetInput());
     await show(widget);`,
    `timelineWidgetOf(storyWidgetInput({ worker: "again" }))`,
  ]);
  await withPage(html, async ({ page, requests }) => {
    await shown(page, 2);
    await page.locator("canvas").first().scrollIntoViewIfNeeded();
    const facts = await factsOf(page);
    await page.mouse.click(columnOf(facts, 30_000), facts.lanes["worker[30]"]!);
    const chosen = await factsOf(page);
    assert.equal(chosen.tid, 30);
    assert.match(chosen.details, /gap of 20 µs: queued behind hog\[40\]/);
    await page.mouse.move(columnOf(facts, 30_000), facts.lanes["worker[30]"]!);
    await page.mouse.wheel(0, -300);
    await page.waitForFunction(() => {
      // deno-lint-ignore no-explicit-any
      return (globalThis as any).schedscopeWidgets[0].view.span < 90_000;
    });
    await page.getByRole("searchbox").nth(1).fill("again");
    assert.deepEqual((await factsOf(page, 1)).threads, ["again[30]"]);
    // What Jupyter's own template asks for stands in its text; the widget asks for nothing.
    const own = html.replaceAll(
      /<div [^>]*class="schedscope-widget"[\s\S]*?<\/script><script>[\s\S]*?<\/script><\/div>/g,
      "",
    );
    assert.ok(own !== html && !own.includes("schedscopeWidgets"));
    for (const url of requests) assert.ok(own.includes(url), `somebody asked for ${url}`);
  }, { mayAsk: true });
});
