import assert from "node:assert/strict";
import { timelineWidgetOf, WIDGET_SCRIPT_SOURCE } from "../../../lib/plot/timeline_widget.ts";
import { themeFor } from "../../../lib/plot/widget/browser/theme.ts";
import { State } from "../../../lib/plot/widget/protocol.ts";
import { columnOf, factsOf, shown, strictPage, withPage } from "./open_page.ts";
import { madeUp } from "./made_up.ts";
import { storyWidgetInput } from "./story.ts";

const widget = timelineWidgetOf(storyWidgetInput());
const link = widget.link({ ts: 20_000, dur: 20_000, tid: 30 });
const page = strictPage(
  `${widget.html}<p><a id="row" href="${link}">a row of the ledger</a></p>${"<br>".repeat(200)}`,
  WIDGET_SCRIPT_SOURCE,
);

Deno.test("the wheel zooms at the pointer, drag and keys pan, and without the focus the wheel is the page's", async () => {
  await withPage(page, async ({ page }) => {
    await shown(page);
    const whole = await factsOf(page);
    assert.equal(whole.span, 100_000);
    const lane = whole.lanes["worker[30]"]!;
    const middle = (whole.left + whole.right) / 2;
    await page.mouse.move(middle, lane);
    await page.mouse.wheel(0, 100);
    await page.waitForFunction(() => scrollY > 0);
    assert.equal((await factsOf(page)).span, 100_000);
    await page.evaluate(() => scrollTo(0, 0));

    await page.mouse.click(middle, lane);
    const target = 70_000;
    await page.mouse.move(columnOf(whole, target), lane);
    for (let i = 0; i < 4; i++) await page.mouse.wheel(0, -200);
    await page.waitForFunction(() => {
      // deno-lint-ignore no-explicit-any
      return (globalThis as any).schedscopeWidgets[0].view.span < 30_000;
    });
    const zoomed = await factsOf(page);
    const under = zoomed.from +
      zoomed.span * (columnOf(whole, target) - whole.left) / (whole.right - whole.left);
    assert.ok(Math.abs(under - target) < 300, `${under} is under the pointer`);
    assert.equal(await page.evaluate(() => scrollY), 0);

    await page.mouse.move(middle, lane);
    await page.mouse.down();
    await page.mouse.move(middle + 60, lane, { steps: 4 });
    await page.mouse.up();
    const dragged = await factsOf(page);
    const moved = zoomed.from - 60 / (whole.right - whole.left) * zoomed.span;
    assert.ok(Math.abs(dragged.from - moved) < 1 && dragged.span === zoomed.span);

    await page.keyboard.press("ArrowRight");
    const panned = await factsOf(page);
    assert.ok(Math.abs(panned.from - dragged.from - 0.2 * dragged.span) < 1);
    await page.keyboard.press("+");
    assert.ok((await factsOf(page)).span < panned.span * 0.7);
    await page.keyboard.press("0");
    assert.equal((await factsOf(page)).span, 100_000);
    await page.getByRole("button", { name: "Zoom in" }).click();
    assert.ok((await factsOf(page)).span < 60_000);
    await page.getByRole("button", { name: "Show the whole time" }).click();
    assert.equal((await factsOf(page)).span, 100_000);
  });
});

Deno.test("hovering tells state, waker, cause and durations; a click follows the chain of wakeups", async () => {
  await withPage(page, async ({ page }) => {
    await shown(page);
    const facts = await factsOf(page);
    await page.mouse.move(columnOf(facts, 30_000), facts.lanes["worker[30]"]!);
    const tip = page.locator(".tip");
    const told = await tip.innerText();
    for (
      const words of [
        "woken: waits for a CPU for 20 µs",
        "woken by parent[20]",
        "gap of 20 µs: queued behind hog[40]",
      ]
    ) {
      assert.ok(told.includes(words), told);
    }
    await page.mouse.move(columnOf(facts, 65_000), facts.lanes["CPU 1"]!);
    assert.match(await tip.innerText(), /hole \(lost, 12 records\)/);
    await page.mouse.move(columnOf(facts, 50_000), facts.lanes["CPU 0"]!);
    assert.match(await tip.innerText(), /worker\[30\] of process 20 ran for 30 µs/);

    // On the CPU's lane, to the thread that ran; from there back to who woke it, and to what had woken that one.
    await page.mouse.click(columnOf(facts, 50_000), facts.lanes["CPU 0"]!);
    const ran = await factsOf(page);
    assert.deepEqual([ran.tid, ran.ts], [30, 40_000]);
    assert.match(ran.details, /running for 30 µs/);
    assert.match(
      ran.details,
      /Woken by\s+parent\[20\] at 20\.000 µs\s+an interrupt on an idle CPU at 10\.000 µs/,
    );
    await page.locator(".details").getByRole("button", { name: "parent[20]" }).click();
    const waker = await factsOf(page);
    assert.deepEqual([waker.tid, waker.ts], [20, 12_000]);
    assert.match(waker.details, /Woke\s+worker\[30\]/);
    await page.locator("canvas").focus();
    await page.keyboard.press("Shift+Enter");
    assert.deepEqual((await factsOf(page)).tid, 30);
    await page.keyboard.press("Enter");
    assert.deepEqual((await factsOf(page)).tid, 20);
    await page.keyboard.press("Enter");
    assert.match((await factsOf(page)).found, /parent\[20\] woken by an interrupt on an idle CPU/);

    await page.keyboard.press("c");
    assert.deepEqual((await factsOf(page)).threads.toSorted(), ["parent[20]", "worker[30]"]);
    await page.keyboard.press("Escape");
    const cleared = await factsOf(page);
    assert.equal(cleared.tid, undefined);
    assert.equal(cleared.threads.length, 3);
    assert.equal(cleared.details, "");
  });
});

Deno.test("search keeps the lanes of threads that it finds, and takes one by Enter", async () => {
  await withPage(page, async ({ page }) => {
    await shown(page);
    await page.locator("canvas").focus();
    await page.keyboard.press("/");
    await page.keyboard.type("WORK");
    const found = await factsOf(page);
    assert.deepEqual(found.threads, ["worker[30]"]);
    assert.equal(found.found, "1 thread");
    await page.keyboard.press("Enter");
    const taken = await factsOf(page);
    assert.deepEqual([taken.tid, taken.ts], [30, 40_000]);
    await page.getByRole("searchbox").fill("40");
    assert.deepEqual((await factsOf(page)).threads, ["hog[40]"]);
    await page.getByRole("searchbox").fill("nobody");
    assert.equal((await factsOf(page)).found, "0 threads");
    await page.keyboard.press("Escape");
    assert.equal((await factsOf(page)).threads.length, 3);
  });
});

Deno.test("a link of the ledger leads to its place: clicked, in the address, by script, by keys over the gaps", async () => {
  const arrived = async (page: Parameters<typeof factsOf>[0]) => {
    const facts = await factsOf(page);
    assert.deepEqual([facts.tid, facts.ts], [30, 20_000]);
    assert.ok(facts.from <= 20_000 && facts.from + facts.span >= 40_000 && facts.span < 60_000);
    assert.match(facts.details, /gap of 20 µs: queued behind hog\[40\]/);
  };
  await withPage(page, async ({ page }) => {
    await shown(page);
    await page.locator("#row").click();
    await arrived(page);
    await page.locator("canvas").focus();
    await page.keyboard.press("Escape");
    await page.keyboard.press("0");
    await page.keyboard.press("n");
    await arrived(page);
    assert.equal((await factsOf(page)).found, "Gap 1 of 1");
    const missed = await page.evaluate(() => {
      // deno-lint-ignore no-explicit-any
      return (globalThis as any).schedscopeWidgets[0].goTo({ ts: 5e9, tid: 30 });
    });
    assert.equal(missed, false);
    assert.match((await factsOf(page)).found, /outside of what this view holds/);
  });
  await withPage(page, async ({ page }) => {
    await shown(page);
    await arrived(page);
  }, { hash: link });
});

Deno.test("it is operated by keys alone, and says what it is", async () => {
  await withPage(page, async ({ page }) => {
    await shown(page);
    for (
      let i = 0;
      i < 12 && !(await page.locator("canvas").evaluate((canvas) => canvas.matches(":focus")));
      i++
    ) {
      await page.keyboard.press("Tab");
    }
    const canvas = page.getByRole("application");
    assert.ok(await canvas.evaluate((canvas) => canvas.matches(":focus")));
    assert.match(
      await canvas.getAttribute("aria-label") ?? "",
      /a timeline of 100 µs with 2 CPUs, 3 threads, 1 gap and \d+ slices/,
    );
    await page.keyboard.press("ArrowDown");
    const first = await factsOf(page);
    assert.equal(first.tid, 30);
    await page.keyboard.press("ArrowDown");
    assert.equal((await factsOf(page)).tid, 20);
    const at = (await factsOf(page)).ts!;
    await page.keyboard.press(",");
    assert.ok((await factsOf(page)).ts! < at);
    await page.keyboard.press(".");
    assert.equal((await factsOf(page)).ts, at);
  });
});

Deno.test("what is drawn has the colours of the states and the hatching of holes, at any zoom", async () => {
  const { states } = themeFor(false);
  await withPage(page, async ({ page }) => {
    await shown(page);
    const colors = (facts: Awaited<ReturnType<typeof factsOf>>, lane: string, ns: readonly number[]) =>
      page.evaluate(({ points, y }) => {
        // deno-lint-ignore no-explicit-any
        const { canvas } = (globalThis as any).schedscopeWidgets[0].parts;
        const box = canvas.getBoundingClientRect();
        const scale = canvas.width / box.width;
        return points.map((x) => {
          // Beside the arrow and the frame of what is chosen, which are drawn in the middle.
          const at =
            canvas.getContext("2d").getImageData((x - box.left) * scale, (y - 5 - box.top) * scale, 1, 1)
              .data;
          return "#" + [...at.slice(0, 3)].map((part) => part.toString(16).padStart(2, "0")).join("");
        });
      }, { points: ns.map((ns) => columnOf(facts, ns)), y: facts.lanes[lane]! });
    for (const zoom of [0, 1]) {
      for (let i = 0; i < zoom; i++) await page.getByRole("button", { name: "Zoom in" }).click();
      const facts = await factsOf(page);
      assert.deepEqual(await colors(facts, "worker[30]", [33_000, 57_000]), [
        states[State.Woken],
        states[State.Running],
      ]);
      assert.deepEqual(await colors(facts, "parent[20]", [28_000]), [states[State.Running]]);
      // A hatched stretch has two colours, and neither is that of a state.
      const hatched = await colors(
        facts,
        "parent[20]",
        Array.from({ length: 40 }, (_, i) => 45_000 + i * 150),
      );
      assert.equal(new Set(hatched).size, 2);
      assert.ok(!hatched.includes(states[State.Running]!) && !hatched.includes(states[State.Woken]!));
    }
  });
});

Deno.test("where many slices share a column, its height is the share of the time that the CPU was busy", async () => {
  const input = madeUp({ slices: 40_000, cpus: 2, threads: 6 });
  const { html } = timelineWidgetOf(input);
  const stripe = themeFor(false).stripe;
  await withPage(`<!doctype html><meta charset="utf-8">${html}`, async ({ page }) => {
    await shown(page);
    for (const [from, share] of [[0, 1], [0.3, 0.4], [0.71, 0.1]] as const) {
      await page.evaluate(({ from, share }) => {
        // deno-lint-ignore no-explicit-any
        const widget = (globalThis as any).schedscopeWidgets[0];
        widget.view.show(widget.view.length * from, widget.view.length * share);
        widget.redraw();
        return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      }, { from, share });
      const seen = await page.evaluate((stripe) => {
        // deno-lint-ignore no-explicit-any
        const { parts, layout, view } = (globalThis as any).schedscopeWidgets[0];
        const context = parts.canvas.getContext("2d");
        const [{ y, lane }] = [...layout.placed()].filter(({ lane }) => lane.kind === "cpu");
        const width = layout.timeWidth;
        const { data } = context.getImageData(layout.gutter, y, width, lane.height);
        const axis = context.getImageData(layout.gutter, 22, width, 1).data;
        const ground = parseInt(stripe.slice(1), 16);
        const heights: number[] = [];
        for (let x = 0; x < width; x++) {
          let filled = 0;
          for (let row = 0; row < lane.height; row++) {
            const at = (row * width + x) * 4;
            if (((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]) !== ground) filled++;
          }
          // A line of the axis goes through the lane.
          heights.push(axis[x * 4] < 250 ? -1 : filled);
        }
        return { heights, from: view.from, step: view.span / width, height: lane.height };
      }, stripe);
      const { ts, dur, cpu } = input.runs;
      let compared = 0;
      seen.heights.forEach((height, x) => {
        if (height < 0) return;
        const t0 = seen.from + x * seen.step;
        let busy = 0;
        let slices = 0;
        for (let row = 0; row < ts.length; row++) {
          if (cpu[row] !== 0) continue;
          const overlap = Math.min(t0 + seen.step, ts[row]! + dur[row]!) - Math.max(t0, ts[row]!);
          if (overlap > 0) [busy, slices] = [busy + overlap, slices + 1];
        }
        if (slices < 2) return;
        compared++;
        const expected = busy / seen.step * seen.height;
        assert.ok(Math.abs(height - expected) <= 1, `column ${x}: ${height} pixels for ${expected}`);
      });
      assert.ok(compared > 100, `${compared} columns`);
    }
  });
});
