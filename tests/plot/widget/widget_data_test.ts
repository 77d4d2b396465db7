import assert from "node:assert/strict";
import { wakeesOf, wakersOf } from "../../../lib/plot/widget/browser/chain.ts";
import { describeCpu, describeGap, describeThread } from "../../../lib/plot/widget/browser/describe.ts";
import { placeOf } from "../../../lib/plot/widget/browser/links.ts";
import { nameOf } from "../../../lib/plot/widget/browser/model.ts";
import { unpack } from "../../../lib/plot/widget/browser/unpack.ts";
import { FIRST_THREAD, State } from "../../../lib/plot/widget/protocol.ts";
import { VarintReader, VarintWriter } from "../../../lib/plot/widget/varint.ts";
import { widgetData, type WidgetInput } from "../../../lib/plot/widget/widget_data.ts";
import { madeUp } from "./made_up.ts";
import { storyWidgetInput } from "./story.ts";

Deno.test("whole numbers up to 2^53 - 1 survive being written as LEB128", () => {
  const values = [0, 1, 127, 128, 16383, 16384, 2 ** 31 - 1, 2 ** 31, 2 ** 32 + 5, 2 ** 45 + 3, 2 ** 53 - 1];
  const writer = new VarintWriter();
  for (let i = 0; i < 500; i++) for (const value of values) writer.put(value);
  const reader = new VarintReader(writer.finish());
  for (let i = 0; i < 500; i++) for (const value of values) assert.equal(reader.next(), value);
  assert.equal(reader.next(), 0);
});

Deno.test("what was packed is unpacked: every slice of every lane", async () => {
  const input = madeUp({ slices: 4000, cpus: 3, threads: 5 });
  const packed = widgetData(input);
  const model = await unpack(packed.bytes);
  assert.equal(model.slices, packed.slices);
  assert.equal(model.cpus.length, 3);
  const { runs, states } = input;
  for (let row = 0; row < runs.ts.length; row++) {
    const lane = model.cpus[runs.cpu[row]!]!;
    const at = lane.track.rowAt(runs.ts[row]!);
    assert.equal(lane.track.time[at], runs.ts[row]);
    assert.equal(lane.track.time[at + 1], runs.ts[row]! + runs.dur[row]!);
    assert.equal(model.header.tid[lane.who[at]! - FIRST_THREAD], runs.tid[row]);
  }
  let seen = 0;
  for (let row = 0; row < states.ts.length; row++) {
    if (states.dur[row] === 0) continue;
    const lane = model.threads[model.header.tid.indexOf(states.tid[row]!)]!;
    const at = lane.track.rowAt(states.ts[row]!);
    assert.equal(lane.track.time[at], states.ts[row]);
    assert.equal(lane.track.time[at + 1], states.ts[row]! + states.dur[row]!);
    assert.equal(lane.track.category[at], states.state[row]);
    assert.equal(lane.cpu[at]! - 1, states.cpu[row]);
    if (states.state[row] === State.Woken && states.waker[row]! > 0) {
      assert.equal(model.header.tid[lane.waker[at]! - FIRST_THREAD], states.waker[row]);
    }
    seen++;
  }
  const threadSlices = model.threads.reduce((sum, { track }) => sum + track.length, 0);
  assert.equal(threadSlices, seen);
});

Deno.test("rows are cut at the window; what lies between two rows is nothing, and overlaps are cut", async () => {
  const none = new Int32Array();
  const input: WidgetInput = {
    title: "t",
    from: 100,
    to: 200,
    runs: {
      cpu: Int32Array.of(0, 0, 0, 0),
      ts: Float64Array.of(50, 130, 140, 190),
      dur: Float64Array.of(70, 20, 20, 100),
      tid: Int32Array.of(7, -1, 8, 7),
    },
    states: {
      tid: none,
      ts: none,
      dur: none,
      state: none,
      cpu: none,
      waker: none,
      source: none,
      censored: none,
    },
    threads: { tid: [7], pid: [7], comm: ["a"] },
  };
  const { cpus, header } = await unpack(widgetData(input).bytes);
  assert.deepEqual([...cpus[0]!.track.time], [0, 20, 30, 50, 60, 90, 100]);
  assert.deepEqual([...cpus[0]!.who].map((who) => nameOf(header, who)), [
    "a[7]",
    "idle",
    "unknown",
    "[8]",
    "idle",
    "a[7]",
  ]);
});

Deno.test("a chain of wakeups leads back to the interrupt that began it, and forward to who was woken", async () => {
  const model = await unpack(widgetData(storyWidgetInput()).bytes);
  const index = (tid: number) => model.header.tid.indexOf(tid);
  const worker = model.threads[index(30)]!;
  const running = worker.track.rowAt(45_000);
  const chain = wakersOf(model, index(30), running);
  assert.deepEqual(
    chain.map(({ ts, waker, wakee, source }) => [
      ts,
      nameOf(model.header, waker),
      nameOf(model.header, wakee),
      source,
    ]),
    [
      [20_000, "parent[20]", "worker[30]", "task"],
      [10_000, "idle", "parent[20]", "irq"],
    ],
  );
  const parent = model.threads[index(20)]!;
  const ran = parent.track.rowAt(15_000);
  const woken = wakeesOf(
    model,
    index(20) + FIRST_THREAD,
    parent.track.time[ran]!,
    parent.track.time[ran + 1]!,
  );
  assert.deepEqual(woken.map(({ wakee, ts }) => [nameOf(model.header, wakee), ts]), [["worker[30]", 20_000]]);
});

Deno.test("what is under the pointer is told in words, with cause, waker and durations", async () => {
  const model = await unpack(widgetData(storyWidgetInput()).bytes);
  const worker = model.threads[model.header.tid.indexOf(30)]!;
  const words = describeThread(model, worker, 25_000, 10).join("\n");
  assert.match(words, /worker\[30\] of process 20/);
  assert.match(words, /woken: waits for a CPU for 20 µs/);
  assert.match(words, /queued on CPU 0/);
  assert.match(words, /woken by parent\[20\]/);
  assert.match(words, /gap of 20 µs: queued behind hog\[40\]/);
  assert.match(words, /queued 15 µs, waking 5 µs/);
  assert.match(describeCpu(model, model.cpus[0]!, 30_000, 10).join("\n"), /hog\[40\] ran for 20 µs/);
  assert.match(
    describeCpu(model, model.cpus[1]!, 62_000, 10).join("\n"),
    /hole \(lost, 12 records\) of 10 µs/,
  );
  assert.match(describeThread(model, worker, 1_000, 80_000).join("\n"), /4 slices in 80 µs here/);
  assert.equal(describeGap(model, 0)[0], "gap of 20 µs: queued behind hog[40]");
});

Deno.test("a link names a widget and a place, and nothing else is taken for one", () => {
  assert.deepEqual(placeOf("#schedscope-ab12?ts=5&dur=2.5&tid=7"), {
    id: "schedscope-ab12",
    place: { ts: 5, dur: 2.5, tid: 7 },
  });
  assert.deepEqual(placeOf("#schedscope-a?ts=0")?.place, { ts: 0 });
  for (
    const hash of ["", "#", "#top", "#schedscope-a", "#schedscope-a?ts=", "#schedscope-a?ts=x", "#a?ts=1"]
  ) {
    assert.equal(placeOf(hash), undefined, hash);
  }
});
