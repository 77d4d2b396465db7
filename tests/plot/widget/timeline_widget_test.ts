import assert from "node:assert/strict";
import { gaps } from "../../../lib/sched/gaps.ts";
import { runs } from "../../../lib/sched/runs.ts";
import { states } from "../../../lib/sched/states.ts";
import { timelineWidget, timelineWidgetOf } from "../../../lib/plot/timeline_widget.ts";
import type { TimelineWidget } from "../../../lib/plot/timeline_widget.ts";
import { type Model, nameOf } from "../../../lib/plot/widget/browser/model.ts";
import { fromBase64, unpack } from "../../../lib/plot/widget/browser/unpack.ts";
import { FIRST_THREAD, State } from "../../../lib/plot/widget/protocol.ts";
import { randomFrom } from "../../seeded.ts";
import { IDLE, type Task, TraceWriter } from "../../trace/make_trace.ts";
import { storyWidgetInput } from "./story.ts";

function modelOf({ html }: TimelineWidget): Promise<Model> {
  return unpack(fromBase64(/<script type="text\/plain">([^<]*)</.exec(html)![1]!));
}

/** A trace of `turns` turns on two CPUs; some switches are missing. */
function randomTrace(turns: number, seed: number) {
  const random = randomFrom(seed);
  const tasks = Array.from({ length: 9 }, (_, i): Task => ({ tid: 100 + i, comm: `task${i}` }));
  const writer = new TraceWriter();
  const current = [IDLE, IDLE];
  const asleep = new Set(tasks);
  const ready = new Set<Task>();
  let now = 1_000_000;
  for (let turn = 0; turn < turns; turn++) {
    now += 1 + random(500_000);
    const cpu = random(2);
    const wakee = [...asleep][random(asleep.size)];
    if (random(2) === 0 && wakee !== undefined) {
      writer.waking(now, cpu, current[cpu]!, wakee, random(2));
      asleep.delete(wakee);
      ready.add(wakee);
      continue;
    }
    const prev = current[cpu]!;
    const next = [...ready][random(ready.size)] ?? IDLE;
    if (next === prev) continue;
    const sleeps = random(2) === 0;
    ready.delete(next);
    if (prev !== IDLE) (sleeps ? asleep : ready).add(prev);
    if (random(12) !== 0) writer.switch(now, cpu, prev, prev === IDLE || !sleeps ? 0 : 1, next);
    current[cpu] = next;
  }
  return writer.trace();
}

Deno.test("timelineWidget() shows at every moment what runs() and states() say", async () => {
  for (const seed of [1, 2, 3]) {
    const trace = randomTrace(800, seed);
    const model = await modelOf(timelineWidget(trace));
    const { header } = model;
    const random = randomFrom(seed);
    const { from, to } = trace.span;
    assert.deepEqual([header.from, header.length], [from, to - from]);
    const run = [...runs(trace).rows()];
    const state = [...states(trace).rows()];
    for (let i = 0; i < 1500; i++) {
      const t = from + random(to - from);
      for (const lane of model.cpus) {
        const row = lane.track.rowAt(t - from);
        const shown = row < 0 || row === lane.track.length ? "idle" : nameOf(header, lane.who[row]!);
        const slice = run.find(({ cpu, ts, dur }) => cpu === lane.cpu && ts <= t && t < ts + dur);
        const name = slice === undefined || slice.tid === 0
          ? "idle"
          : slice.tid === -1
          ? "unknown"
          : `${slice.comm}[${slice.tid}]`;
        assert.equal(shown, name, `CPU ${lane.cpu} at ${t}`);
      }
      const index = random(model.threads.length);
      const lane = model.threads[index]!;
      const row = lane.track.rowAt(t - from);
      const slice = state.find(({ tid, ts, dur }) => tid === header.tid[index] && ts <= t && t < ts + dur);
      if (slice === undefined) {
        assert.ok(row < 0 || row >= lane.track.length || lane.track.category[row] === State.Dead);
        continue;
      }
      assert.equal(
        ["unknown", "running", "preempted", "woken", "sleeping", "blocked"][lane.track.category[row]!],
        slice.state,
      );
      assert.equal(lane.cpu[row]! - 1, slice.cpu);
      if (slice.state === "woken" && slice.waker > 0) {
        assert.equal(header.tid[lane.waker[row]! - FIRST_THREAD], slice.waker);
      }
    }
  }
});

Deno.test("timelineWidget() marks the ledger's gaps, and those of a window in the window's time", async () => {
  const trace = randomTrace(800, 5);
  const ledger = gaps(trace, { threshold: 100_000 });
  assert.ok(ledger.gaps.length > 20);
  const whole = await modelOf(timelineWidget(trace, { ledger }));
  assert.equal(whole.gaps.length, ledger.gaps.length);
  const rows = [...ledger.gaps.rows()].sort((x, y) => x.ts - y.ts);
  rows.forEach((row, i) => {
    assert.equal(whole.gaps.dur[i], row.dur);
    assert.equal(whole.header.causes[whole.gaps.cause[i]!], row.cause);
    const { gapParts } = whole.header;
    const parts = whole.gaps.parts.subarray(i * gapParts, (i + 1) * gapParts);
    assert.ok(Math.abs(parts.reduce((sum, ns) => sum + ns, 0) - row.dur) <= gapParts);
  });
  const span = trace.span.to - trace.span.from;
  const from = trace.span.from + Math.round(span / 3);
  const to = trace.span.from + Math.round(span / 2);
  for (
    const widget of [
      timelineWidget(trace, { ledger, from, to }),
      timelineWidget(trace.window({ from, to }), { ledger }),
    ]
  ) {
    const model = await modelOf(widget);
    const inside = rows.filter(({ ts, dur }) => ts < widget.span.to && ts + dur > widget.span.from);
    assert.equal(model.gaps.length, inside.length);
    assert.ok(widget.span.from >= from - 1e6 && widget.span.to <= to + 1e6);
    inside.forEach(({ ts }, i) => {
      assert.equal(model.gaps.from[i], Math.max(0, Math.round(ts - widget.span.from)));
    });
  }
});

Deno.test("of too many slices the part around the longest gap is shown, and the reader is told so", async () => {
  const trace = randomTrace(4000, 8);
  const ledger = gaps(trace, { threshold: 100_000 });
  const all = timelineWidget(trace, { ledger, maxSlices: Infinity });
  assert.doesNotMatch(all.alt, /maxSlices/);
  const part = timelineWidget(trace, { ledger, maxSlices: 1000 });
  // Lanes that reach in from before are cut, not counted.
  assert.ok(part.slices <= 1000 + 30 && part.slices > 500, `${part.slices} of ${all.slices}`);
  const longest = ledger.gaps.sort("dur", { descending: true }).row(0);
  assert.ok(part.span.from <= longest.ts + longest.dur / 2 && part.span.to >= longest.ts + longest.dur / 2);
  assert.match(
    part.alt,
    /Shows .* of .*: as much as 1,000 slices hold, around the longest gap; \d+ of \d+ gaps lie outside/,
  );
  assert.match((await modelOf(part)).header.note, /More with maxSlices/);
});

Deno.test("a trace without wakeups has lanes of CPUs only, and says so", async () => {
  const a: Task = { tid: 1, comm: "a" };
  const trace = new TraceWriter().switch(0, 0, IDLE, 0, a).switch(10_000, 0, a, 1, IDLE).lost(20_000, 0, 7)
    .switch(30_000, 0, IDLE, 0, a).trace();
  const widget = timelineWidget(trace, { title: "t" });
  const model = await modelOf(widget);
  assert.deepEqual([model.cpus.length, model.threads.filter(({ track }) => track.length > 0).length], [1, 0]);
  assert.match(widget.alt, /No wakeup was recorded, so that threads have no lanes\./);
  assert.throws(() => timelineWidget(new TraceWriter().trace()), /sched_switch/);
});

Deno.test("links, forms and errors", () => {
  const widget = timelineWidgetOf(storyWidgetInput());
  assert.equal(widget.link({ ts: 1, dur: 2, tid: 3 }), `#${widget.id}?ts=1&dur=2&tid=3`);
  assert.equal(widget.link({ ts: 1 }), `#${widget.id}?ts=1`);
  const forms = widget[Symbol.for("Jupyter.display") as keyof TimelineWidget] as unknown as () => Record<
    string,
    string
  >;
  assert.deepEqual(Object.keys(forms.call(widget)), ["text/html", "text/plain"]);
  assert.equal(String(widget), widget.alt);
  assert.equal(widget.html, timelineWidgetOf(storyWidgetInput()).html);
  assert.throws(
    () => timelineWidgetOf(storyWidgetInput(), { height: 20 }),
    /height of 120 to 4000 pixels but found 20/,
  );
  const trace = randomTrace(20, 1);
  assert.throws(() => timelineWidget(trace, { from: 2, to: 1 }), /from is not after its to but found 2 to 1/);
  assert.throws(() => timelineWidget(trace, { maxSlices: 0 }), /maxSlices to be at least 1 but found 0/);
});
