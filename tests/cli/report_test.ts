import assert from "node:assert/strict";
import { formatNs } from "../../lib/frame/format_ns.ts";
import { report } from "../../lib/plot/report/mod.ts";
import { gaps } from "../../lib/sched/gaps.ts";
import { latency } from "../../lib/sched/latency/latency.ts";
import { load } from "../../lib/sched/load/cpu_load.ts";
import { summary } from "../../lib/sched/summary.ts";
import { openTrace } from "../../lib/trace/open.ts";
import { record } from "../../lib/trace/record/mod.ts";
import type { Trace } from "../../lib/trace/trace.ts";
import { factsOf, shown, withPage } from "../plot/widget/open_page.ts";
import { IDLE, type Task, TraceWriter } from "../trace/make_trace.ts";
import { MAIN, schedscope } from "./schedscope.ts";

const HOSTILE = "<img src=x onerror=document.title='owned'>\u202e\x1b[2J";

const SECTIONS = [
  "How good the trace is",
  "The longest gaps",
  "Around the longest gap",
  "Timeline",
  "What waiting was made of",
  "Latency by task",
  "Where the time went",
  "Fairness",
  "Load",
  "Where the trace is from",
];

/** How many pictures sections have. */
const PICTURES = {
  "Around the longest gap": 1,
  "What waiting was made of": 3,
  "Latency by task": 1,
  "Where the time went": 1,
  "Fairness": 2,
  "Load": 1,
};

/** Two CPUs, 100 ms: `victim` is woken at 10 ms and waits 20 ms behind the hostile one; others come and go. */
function madeUpTrace(hostile = HOSTILE): Trace {
  const victim: Task = { tid: 30, comm: "victim" };
  const hog: Task = { tid: 40, comm: hostile };
  const other: Task = { tid: 50, comm: "other" };
  const writer = new TraceWriter().switch(0, 0, IDLE, 0, victim).switch(0, 1, IDLE, 0, other)
    .switch(2e6, 0, victim, 1, hog).waking(10e6, 1, other, victim, 0).switch(30e6, 0, hog, 0, victim)
    .switch(35e6, 0, victim, 1, hog).switch(50e6, 1, other, 1, IDLE).waking(60e6, 0, hog, other, 1)
    .switch(60.01e6, 1, IDLE, 0, other).switch(100e6, 0, hog, 0, IDLE).switch(100e6, 1, other, 1, IDLE);
  return writer.trace();
}

/** The rows of the tables of a section, cell by cell. */
async function tablesOf(page: Parameters<Parameters<typeof withPage>[1]>[0]["page"], heading: string) {
  return await page.evaluate((heading) => {
    const section = [...document.querySelectorAll("section")]
      .find((each) => each.querySelector("h2")?.textContent === heading)!;
    return [...section.querySelectorAll("table")].map((table) =>
      [...table.querySelectorAll("tr")].map((row) =>
        [...row.querySelectorAll("th,td")].map((cell) => cell.textContent ?? "")
      )
    );
  }, heading);
}

Deno.test("in a browser the page tells its story in order, with the analyses' numbers, and asks nobody for anything", async () => {
  const trace = madeUpTrace();
  const { html, figures } = report(trace, { title: `Report of ${HOSTILE}` });
  await withPage(html, async ({ page }) => {
    await shown(page);
    const headings = await page.locator("h2").allTextContents();
    assert.deepEqual(headings, SECTIONS);
    assert.match(
      await page.locator(".summary").innerText(),
      /the longest that is told whole was 20 ms, in victim\[30\]/,
    );
    assert.notEqual(await page.title(), "owned");
    assert.equal(await page.locator("img, iframe, object, embed, link").count(), 0);
    assert.ok(await page.locator("script").count() <= 2, "no script but the widget's data and its own");

    const [whole] = await tablesOf(page, "The longest gaps");
    const worst = gaps(trace).gaps.sort("dur", { descending: true }).row(0);
    const cells = Object.fromEntries(whole![0]!.map((name, i) => [name, whole![1]![i]!]));
    assert.equal(cells["dur"], formatNs(worst.dur, { digits: 4 }));
    assert.equal(cells["thread"], "victim[30]");
    assert.match(cells["culprit"]!, /^<img src=x.*\\u202e␛\[2J\[40\]$/);

    const [delays] = await tablesOf(page, "Latency by task");
    const column = (name: string) => delays![0]!.indexOf(name);
    const expected = latency(trace, { by: "comm" });
    assert.equal(delays!.length - 1, expected.length);
    expected.column("max_delay").forEach((delay, row) => {
      assert.equal(delays![row + 1]![column("max_delay")], formatNs(delay, { digits: 4 }));
    });
    const [times] = await tablesOf(page, "Where the time went");
    const run = summary(trace, { by: "comm" }).column("run");
    run.forEach((time, row) => assert.equal(times![row + 1]![2], formatNs(time, { digits: 4 })));
    const [cpus] = await tablesOf(page, "Load");
    load(trace).column("busy").forEach((time, row) => {
      assert.equal(cpus![row + 1]![cpus![0]!.indexOf("busy")], formatNs(time, { digits: 4 }));
    });
    for (const [heading, pictures] of Object.entries(PICTURES)) {
      const section = page.locator("section", { has: page.locator("h2", { hasText: heading }) });
      assert.equal(await section.locator("figure").count(), pictures, heading);
    }
    assert.equal((figures["gaps"] as { total: number }).total, gaps(trace).total);
  });
});

Deno.test("a row of the gaps leads to its place in the timeline", async () => {
  const trace = madeUpTrace();
  const { html } = report(trace);
  await withPage(html, async ({ page }) => {
    await shown(page);
    const row = page.locator("section", { has: page.locator("h2", { hasText: "The longest gaps" }) })
      .locator("tbody tr", { hasText: "victim[30]" }).first();
    await row.locator("a").first().click();
    await page.waitForFunction(() => {
      // deno-lint-ignore no-explicit-any
      return (globalThis as any).schedscopeWidgets[0].selection !== undefined;
    });
    const facts = await factsOf(page);
    assert.equal(facts.tid, 30);
    assert.ok(facts.from <= 10e6 && facts.from + facts.span >= 30e6 && facts.span < 100e6);
  });
});

Deno.test("without the widget there is no script; the page is readable on 800 pixels, in the dark and on paper", async () => {
  const { html } = report(madeUpTrace(), { widget: false });
  assert.ok(!html.includes("<script"));
  assert.match(html, /content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"/);
  for (const colorScheme of ["light", "dark"] as const) {
    await withPage(html, async ({ page }) => {
      assert.deepEqual(
        await page.locator("h2").allTextContents(),
        SECTIONS.filter((each) => each !== "Timeline"),
      );
      const facts = await page.evaluate(() => ({
        width: document.documentElement.scrollWidth,
        ground: getComputedStyle(document.body).backgroundColor,
        wide: [...document.querySelectorAll(".wide")].filter((each) =>
          each.scrollWidth > each.clientWidth + 1
        ).length,
      }));
      assert.ok(facts.width <= 800, `${facts.width} px`);
      assert.equal(facts.ground === "rgb(255, 255, 255)", colorScheme === "light");
      await page.emulateMedia({ media: "print" });
      assert.equal(await page.locator("nav").isVisible(), false);
      assert.ok((await page.pdf({ format: "A4" })).length > 10_000);
    }, { colorScheme, viewport: { width: 800, height: 900 } });
  }
});

Deno.test("holes come first, and what the trace lacks is said in its place", () => {
  const hog: Task = { tid: 40, comm: "hog" };
  const lost = new TraceWriter().switch(0, 0, IDLE, 0, hog).switch(1e6, 0, hog, 0, IDLE).lost(2e6, 0, 17)
    .switch(3e6, 0, hog, 1, IDLE).trace();
  const { html, figures } = report(lost, { widget: false });
  const quality = figures["quality"] as { lost: number; holes: number; share: number };
  assert.equal(quality.lost, 17);
  assert.ok(quality.holes >= 2);
  assert.ok(quality.share < 1);
  assert.ok(html.indexOf("How good the trace is") < html.indexOf("Where the time went"));
  assert.match(html, /lacks the events of wakeups/);
  assert.match(html, /sched_waking/);
  assert.throws(() => report(lost.window({ from: 1.5e6, to: 1.6e6, lead: 0 })), /sched_switch/);
});

Deno.test("the command writes what the other commands say of the same recording", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const trace = `${directory}/own.tracefs`;
    await record({
      door: "tracefs",
      output: trace,
      command: ["perf", "bench", "sched", "pipe", "-l", "2000"],
    })
      .catch((cause) => assert.fail(`this test needs perf and root: ${cause}`));
    const output = `${directory}/report.html`;
    const made = await schedscope(["report", trace, "-o", output, "--threshold", "20us", "--title", "Own"]);
    assert.equal(made.code, 0, made.err);
    assert.match(made.out, /^[\d,]+ gaps of at least 20 µs in .*\n/);
    assert.ok(made.out.includes(`page: ${output}`));
    const html = await Deno.readTextFile(output);
    assert.match(html, /<title>Own<\/title>/);
    await withPage(html, async ({ page }) => {
      await shown(page);
      assert.deepEqual(await page.locator("h2").allTextContents(), SECTIONS);
    });

    const json = await schedscope(["report", trace, "--threshold", "20us", "--json"]);
    const told = JSON.parse(json.out) as {
      gaps: { total: number; worst: { dur: number }[] };
      quality: { share: number };
      latency: { tasks: number };
    };
    const found = JSON.parse((await schedscope(["gaps", "--threshold", "20us", "--json", trace])).out) as {
      total: number;
      coverage: number;
      gaps: { dur: number; censored: number }[];
    };
    assert.equal(told.gaps.total, found.total);
    assert.equal(told.quality.share, found.coverage);
    const longest = found.gaps.filter(({ censored }) => censored === 0).reduce(
      (most, { dur }) => Math.max(most, dur),
      0,
    );
    assert.equal(told.gaps.worst[0]?.dur ?? 0, longest);
    const waits = JSON.parse((await schedscope(["latency", "--json", trace])).out) as { threads: unknown[] };
    assert.equal(told.latency.tasks, waits.threads.length);

    const opened = await openTrace(trace);
    const half = (opened.span.from + opened.span.to) / 2;
    const part = await schedscope(["report", trace, "--to", `${Math.round(half)}ns`, "--json"]);
    const timeline = JSON.parse(part.out) as { timeline: { from: number; to: number } };
    assert.ok(Math.abs(timeline.timeline.to - half) <= 1);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a full disk and an interrupt leave an older page as it was, and nothing else", async (t) => {
  const directory = await Deno.makeTempDir();
  const fixture = `${directory}/own.tracefs`;
  await record({ door: "tracefs", output: fixture, duration: 50e6 });
  await t.step("a full disk", async () => {
    const small = `${directory}/small`;
    await Deno.mkdir(small);
    const mounted = await new Deno.Command("mount", {
      args: ["-t", "tmpfs", "-o", "size=64k", "tmpfs", small],
    }).output();
    assert.ok(mounted.success);
    try {
      await Deno.writeTextFile(`${small}/report.html`, "older");
      const { code, err } = await schedscope(["report", fixture, "-o", `${small}/report.html`]);
      assert.equal(code, 1);
      assert.match(err, /^schedscope report: .*report\.html/);
      assert.doesNotMatch(err, /\n\s+at /, "no stack");
      assert.deepEqual([...Deno.readDirSync(small)].map(({ name }) => name), ["report.html"]);
      assert.equal(await Deno.readTextFile(`${small}/report.html`), "older");
    } finally {
      await new Deno.Command("umount", { args: [small] }).output();
    }
  });
  await t.step("an interrupt", async () => {
    const output = `${directory}/report.html`;
    await Deno.writeTextFile(output, "older");
    for (const wait of [100, 200, 300]) {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "-q", MAIN, "report", fixture, "-o", output],
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn();
      await new Promise((resolve) => setTimeout(resolve, wait));
      try {
        child.kill("SIGINT");
      } catch {
        // It has ended.
      }
      const { success } = await child.status;
      const html = await Deno.readTextFile(output);
      if (success) assert.match(html, /<\/html>\n$/);
      else assert.equal(html, "older");
      assert.deepEqual(
        [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) => /^report/.test(name)),
        [
          "report.html",
        ],
      );
      await Deno.writeTextFile(output, "older");
    }
  });
  await Deno.remove(directory, { recursive: true });
});

Deno.test("wrong usage is named", async () => {
  for (
    const args of [
      [],
      ["a", "b"],
      ["a", "--window", "1s"],
      ["a", "--window", "1s,2s", "--from", "1s"],
      ["a", "--from", "2s", "--to", "1s"],
      ["a", "--threshold", "soon"],
      ["a", "--rows", "0"],
      ["a", "--json", "-o", "-"],
    ]
  ) {
    const { code, err } = await schedscope(["report", ...args]);
    assert.equal(code, 2, `${args.join(" ")}: ${err}`);
  }
  const { code, err } = await schedscope(["report", "/nonexistent/perf.data"]);
  assert.equal(code, 1);
  assert.match(err, /nonexistent/);
});
