import assert from "node:assert/strict";
import { GAP_CAUSES } from "../../lib/sched/gap_cause.ts";
import { GapExplainer } from "../../lib/sched/gap_explainer.ts";
import type { CoreKnowledge } from "../../lib/sched/idle_causes.ts";
import { IDLE, type Task, TraceWriter } from "../trace/make_trace.ts";

const A: Task = { tid: 10, comm: "a" };
const B: Task = { tid: 20, comm: "b" };
const [R, S] = [0, 1];
const CORES = [[0, 1]];

/** A runs until 1000 on CPU 0 and again from 2500; its CPU idles meanwhile, and CPU 1 runs B from `begun` to `ended`. */
function turns(begun: number, ended: number) {
  return new TraceWriter()
    .switch(0, 0, IDLE, R, A)
    .switch(0, 1, B, R, IDLE)
    .switch(1000, 0, A, R, IDLE)
    .switch(begun, 1, IDLE, R, B)
    .switch(ended, 1, B, R, IDLE)
    .switch(2500, 0, IDLE, R, A)
    .switch(3000, 0, A, S, IDLE)
    .trace();
}

function explain(trace: ReturnType<typeof turns>, knowledge: CoreKnowledge, from = 1000, to = 2500) {
  const why = new GapExplainer(trace, [10], { cores: CORES, ...knowledge }).explain(10, from, to);
  const parts = Object.fromEntries(
    GAP_CAUSES.map((cause, i) => [cause, why.parts[i]!]).filter(([, ns]) => ns !== 0),
  );
  return { parts, culprit: why.culprit };
}

Deno.test("with cookies forced idle begins with the core's decision, and the way back is waking", () => {
  const apart = new Map([[10, 1], [20, 2]]);
  // 300 in which CPU 1 had not switched to B yet, 1000 of B, 200 in which CPU 0 had not switched back.
  assert.deepEqual(explain(turns(1300, 2300), { cookies: apart }), {
    parts: { "forced idle": 1300, "waking": 200 },
    culprit: "b",
  });
  // Of a part of the gap the same, wherever it begins.
  assert.deepEqual(explain(turns(1300, 2300), { cookies: apart }, 1200, 2400).parts, {
    "forced idle": 1100,
    "waking": 100,
  });
  assert.deepEqual(explain(turns(1300, 2300), { cookies: apart }, 1500, 2500).parts, {
    "forced idle": 800,
    "waking": 200,
  });
});

Deno.test("a partner that still runs when the core has decided for a stranger is no reason to wait", () => {
  const C: Task = { tid: 30, comm: "c" };
  const trace = new TraceWriter()
    .switch(0, 0, IDLE, R, A)
    .switch(0, 1, IDLE, R, C)
    .switch(1000, 0, A, R, IDLE)
    .switch(1300, 1, C, R, B)
    .switch(2300, 1, B, R, C)
    .switch(2500, 0, IDLE, R, A)
    .switch(3000, 0, A, S, IDLE)
    .trace();
  const cookies = new Map([[10, 1], [20, 2], [30, 1]]);
  assert.deepEqual(explain(trace, { cookies }).parts, { "forced idle": 1300, "waking": 200 });
});

Deno.test("who may run beside the thread forces nothing", () => {
  const together = new Map([[10, 1], [20, 1]]);
  assert.deepEqual(explain(turns(1300, 2300), { cookies: together }), {
    parts: { "throttled": 1500 },
    culprit: "",
  });
});

Deno.test("a core on which nobody else ever runs does not force its thread to wait", () => {
  const trace = new TraceWriter()
    .switch(0, 0, IDLE, R, A)
    .switch(0, 1, B, S, IDLE)
    .switch(1000, 0, A, R, IDLE)
    .switch(2500, 0, IDLE, R, A)
    .switch(3000, 0, A, S, IDLE)
    .trace();
  assert.deepEqual(explain(trace, { cookies: new Map([[10, 1], [20, 2]]) }).parts, { "throttled": 1500 });
});

Deno.test("without cookies nearly all of the wait must lie beside a busy sibling", () => {
  assert.deepEqual(explain(turns(1300, 2300), {}).parts, { "throttled": 1500 });
  assert.deepEqual(explain(turns(1010, 2490), {}), {
    parts: { "forced idle": 1480, "throttled": 20 },
    culprit: "b",
  });
});
