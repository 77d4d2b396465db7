import assert from "node:assert/strict";
import { plotGuestWaits, plotHostGuest } from "../../lib/plot/mod.ts";
import { mergeHostGuest } from "../../lib/vm/merge/merge_host_guest.ts";
import { IDLE, type Task, TraceWriter } from "../trace/make_trace.ts";
import { HOSTILE } from "./example_gaps.ts";
import { assertGolden, xmlTags } from "./golden_svg.ts";

const MS = 1e6;

/** A guest of two vCPUs on two CPUs, one of which a hog has for itself half of the time. */
function example(periods = 6, name = "db") {
  const vcpus: Task[] = [0, 1].map((i) => ({ tid: 300 + i, comm: `CPU ${i}/KVM` }));
  const hog: Task = { tid: 99, comm: "hog" };
  const host = new TraceWriter().switch(0, 0, IDLE, 0, vcpus[0]!).switch(0, 1, IDLE, 0, vcpus[1]!);
  const [db, batch, web]: Task[] = [name, "batch", "web"].map((comm, i) => ({ tid: 10 + i, comm }));
  const guest = new TraceWriter().switch(0, 0, IDLE, 0, batch!).switch(0, 1, IDLE, 0, web!);
  for (let i = 0; i < periods; i++) {
    const at = i * 20 * MS;
    host.waking(at + 6 * MS, 0, vcpus[0]!, hog, 0)
      .switch(at + 6 * MS, 0, vcpus[0]!, 0x100, hog)
      .switch(at + 15 * MS, 0, hog, 1, vcpus[0]!)
      .switch(at + 12 * MS, 1, vcpus[1]!, 1, IDLE)
      .waking(at + 18 * MS, 0, vcpus[0]!, vcpus[1]!, 1)
      .switch(at + 18.3 * MS, 1, IDLE, 0, vcpus[1]!);
    guest.waking(at + 2 * MS, 1, web!, db!, 0)
      .switch(at + 5 * MS, 0, batch!, 0x100, db!)
      .switch(at + 17 * MS, 0, db!, 1, batch!)
      .switch(at + 12 * MS, 1, web!, 1, IDLE)
      .waking(at + 17 * MS, 0, batch!, web!, 1)
      .switch(at + 18.5 * MS, 1, IDLE, 0, web!);
  }
  const clock = { guest: 0n, host: 0n, rate: 1, sd: 0, max: 0 };
  const numbered = vcpus.map(({ tid }, index) => ({ index, tid }));
  return mergeHostGuest({ host: host.trace(), guest: guest.trace(), clock, vcpus: numbered });
}

Deno.test("vCPUs above, the guest's threads below: tests/golden/plot/host_guest.svg", async () => {
  const merged = example();
  const figure = plotHostGuest(merged.states({ to: 60 * MS }));
  await assertGolden(figure, "host_guest");
  assert.match(figure.alt, /vCPU 0 on the host: runs 33 ms, the vCPU waits on the host 27 ms/);
});

Deno.test("many slices are drawn by pixel and stay few: tests/golden/plot/host_guest_many.svg", async () => {
  const figure = plotHostGuest(example(900).states(), { width: 640 });
  await assertGolden(figure, "host_guest_many");
  assert.ok(figure.svg.match(/<rect/g)!.length < 10_000);
});

Deno.test("what waits were made of: tests/golden/plot/guest_waits.svg", async () => {
  const figure = plotGuestWaits(example().threads);
  await assertGolden(figure, "guest_waits");
  assert.match(figure.alt, /batch \[11\] waited .*vCPU preempted on the host/);
});

Deno.test("nothing to see is said; names of the guest cannot break out", async () => {
  const merged = example(2, HOSTILE);
  assert.match(plotHostGuest(merged.states().head(0)).alt, /Neither/);
  assert.match(plotGuestWaits(merged.threads.head(0)).alt, /No thread/);
  for (const figure of [plotHostGuest(merged.states()), plotGuestWaits(merged.threads)]) {
    assert.deepEqual((await xmlTags(figure.svg)).filter((tag) => /script|img/.test(tag)), []);
  }
});
