import assert from "node:assert/strict";
import { TraceFormatError } from "../../lib/trace/errors.ts";
import { openTrace, type OpenTraceOptions } from "../../lib/trace/open.ts";
import { scanTrace } from "../../lib/trace/scan.ts";
import { tablesOf } from "../../lib/trace/tables.ts";
import type { Trace } from "../../lib/trace/trace.ts";
import type { TraceWindow } from "../../lib/trace/window.ts";
import { pick, type Random } from "../seeded.ts";

/** What became of an input: nothing wrong with it, opened with damage listed, or refused. */
export type Outcome = "opened" | "partial" | "refused";

/** What an input is opened by. */
export interface CheckOptions {
  /** Bytes of the input, where offsets that messages name must lie in them. */
  readonly size?: number;
  /** Another recording that may tell formats. */
  readonly formatsFrom?: string;
}

/**
 * Opens the input at `path` and looks at everything that a user may look at. Throws where something is not as it must be:
 * an error of another kind than {@linkcode TraceFormatError} or without its byte, stamps that fall, columns of another
 * length than their event's count, shares beyond 0 and 1, holes that end before they begin.
 */
export async function check(path: string, random: Random, options: CheckOptions = {}): Promise<Outcome> {
  const open = openOptions(random, options);
  let trace: Trace;
  try {
    trace = await openTrace(path, open);
    lookAt(trace, random);
    await checkParts(path, trace, random, open);
  } catch (error) {
    if (!(error instanceof TraceFormatError)) throw error;
    assert.match(error.message, /byte \d+: expected .+ but found .+/s, "the message says where and what");
    assert.doesNotMatch(error.message, /[\p{Cc}]/u, "the message is safe to print");
    assert.ok(Number.isSafeInteger(error.offset) && error.offset >= 0, `offset ${error.offset}`);
    if (options.size !== undefined) {
      assert.ok(error.offset <= options.size, `${error.offset} is beyond the ${options.size} bytes`);
    }
    return "refused";
  }
  const kinds = new Set<string>(trace.quality.holes.column("kind"));
  return kinds.has("corrupt") || kinds.has("truncated") ? "partial" : "opened";
}

/**
 * Opens the recording at `path` with a damaged cache in `directory`: the damage is found when it is opened, or when what is
 * damaged is asked for, and the next open has the recording.
 */
export async function checkCached(path: string, directory: string, random: Random): Promise<Outcome> {
  const whole = await openTrace(path);
  const open = async () => {
    const trace = await openTrace(path, { cache: directory });
    assert.deepEqual(trace.stream.ts, whole.stream.ts.subarray(0, whole.stream.length));
    assert.deepEqual([...trace.counts], [...whole.counts]);
    lookAt(trace, random);
  };
  try {
    await open();
    return "opened";
  } catch (error) {
    if (!(error instanceof Error && /was damaged or replaced since it was opened/.test(error.message))) {
      throw error;
    }
    await open();
    return "partial";
  }
}

function openOptions(random: Random, { formatsFrom }: CheckOptions): OpenTraceOptions {
  return {
    ...(formatsFrom !== undefined && random(10) === 0 ? { formatsFrom } : {}),
    ...(random(100) === 0 ? { maxUnpacked: pick(random, [0, 1, 100_000]) } : {}),
  };
}

function lookAt(trace: Trace, random: Random): void {
  const { counts, quality, span } = trace;
  checkRows(trace);
  assert.ok(span.from <= span.to, `span ${span.from} to ${span.to}`);
  for (const column of trace.wakeups.names) {
    assert.equal(trace.wakeups.column(column).length, trace.wakeups.length);
  }
  for (const column of trace.switches.names) {
    assert.equal(trace.switches.column(column).length, trace.switches.length, `switches ${column}`);
  }
  if (trace.formats.has("sched:sched_switch") && trace.switches.length > 0) {
    // Two passes: one for the stream, one for the columns. Their rows are the same, in the same order.
    const event = trace.event("sched:sched_switch");
    // A damaged format may have a field that is called cpu, which is then what the event has by that name.
    const own = trace.formats.get("sched:sched_switch")!.fields.map((field) => field.name);
    const names = ["ts", "cpu", "prev_pid", "next_pid"] as const;
    for (const name of names.filter((name) => name.endsWith("_pid") || !own.includes(name))) {
      const [one, other] = [trace.switches.column(name), event.column(name)];
      for (let row = 0; row < one.length; row++) {
        if (one[row] !== Number(other[row as never])) {
          assert.fail(`switch ${row}: ${name} ${one[row]}, ${other[row as never]}`);
        }
      }
    }
  }
  const events = [...counts.keys()];
  for (let i = Math.min(events.length, 5); i > 0; i--) checkEvent(trace, pick(random, events), random);
  checkQuality(quality, span);
}

/** The stream's stamps never fall. */
function checkRows({ stream }: Trace): void {
  const { ts, kind, length } = stream;
  assert.ok(length <= ts.length && length <= kind.length, "a stream holds its rows");
  for (let row = 0; row < length; row++) {
    if (!(row === 0 ? Number.isFinite(ts[0]) : ts[row]! >= ts[row - 1]!)) {
      assert.fail(`row ${row}: ${ts[row]} after ${ts[row - 1]}`);
    }
  }
  if (length > 0) assert.ok(Number.isFinite(ts[length - 1]), "stamps are numbers");
}

/** An event's frame has as many rows as were counted, in all of its columns. */
function checkEvent(trace: Trace, event: string, random: Random): void {
  const count = trace.counts.get(event)!;
  assert.ok(Number.isSafeInteger(count) && count >= 0, `${event}: ${count}`);
  if (!trace.formats.has(event)) return;
  const frame = trace.event(event);
  assert.equal(frame.length, count, event);
  const names = [...frame.names];
  for (let i = Math.min(names.length, 8); i > 0; i--) {
    const name = pick(random, names);
    assert.equal(frame.column(name).length, count, `${event} ${name}`);
  }
  const ts = frame.column("ts") as Float64Array;
  for (let row = 1; row < count; row++) {
    if (!(ts[row]! >= ts[row - 1]!)) assert.fail(`${event} row ${row}: ${ts[row]} after ${ts[row - 1]}`);
  }
}

function checkQuality(quality: Trace["quality"], span: Trace["span"]): void {
  const inShare = (share: number) => share >= 0 && share <= 1;
  assert.ok(inShare(quality.share), `share ${quality.share}`);
  for (const share of quality.coverage.column("share")) assert.ok(inShare(share), `share ${share} of a CPU`);
  const { holes } = quality;
  const [from, to, lost] = [holes.column("from"), holes.column("to"), holes.column("lost")];
  for (let row = 0; row < holes.length; row++) {
    const sane = from[row]! >= Math.min(0, span.from) && from[row]! <= to[row]! && Number.isFinite(to[row]) &&
      lost[row]! >= 0;
    if (!sane) assert.fail(`hole ${JSON.stringify(holes.row(row))} in a span of ${JSON.stringify(span)}`);
  }
  assert.ok(quality.lost >= 0, `lost ${quality.lost}`);
}

/** Parts of it: a window, one event batch by batch, the set of tables; each must agree with the whole. */
async function checkParts(path: string, trace: Trace, random: Random, open: OpenTraceOptions): Promise<void> {
  const recorded = [...trace.counts.keys()].filter((event) => trace.formats.has(event) && trace.has(event));
  const window = someWindow(trace, random);
  switch (random(9)) {
    case 0: {
      const part = trace.window(window);
      checkRows(part);
      checkQuality(part.quality, part.span);
      for (const [event, count] of part.counts) {
        assert.ok(count <= trace.counts.get(event)!, `${event} in a window`);
      }
      for (const event of recorded.slice(0, 2)) checkEvent(part, event, random);
      return;
    }
    case 1: {
      const part = await openTrace(path, { ...open, window });
      checkRows(part);
      checkQuality(part.quality, part.span);
      for (const event of [...part.counts.keys()].slice(0, 2)) checkEvent(part, event, random);
      return;
    }
    case 2: {
      if (recorded.length === 0) return;
      const event = pick(random, recorded);
      const part = await openTrace(path, { ...open, events: [event] });
      assert.equal(part.counts.get(event), trace.counts.get(event), `${event} alone`);
      checkEvent(part, event, random);
      return;
    }
    case 3:
    case 4: {
      if (recorded.length === 0) return;
      const event = pick(random, recorded);
      const columns = random(2) === 0 ? {} : { columns: trace.event(event).names.slice(0, 4) };
      let rows = 0;
      for await (
        const batch of scanTrace(path, {
          ...scanOptions(open),
          event,
          ...columns,
          batchRows: pick(random, [1, 7, 100, 65536]),
        })
      ) {
        for (const name of batch.names) {
          assert.equal(batch.column(name).length, batch.length, `${event} ${name}`);
        }
        rows += batch.length;
      }
      assert.equal(rows, trace.counts.get(event), `rows of ${event} batch by batch`);
      return;
    }
    case 5:
      for (const [name, table] of tablesOf(trace)) {
        const columns = table.names.slice(0, 12);
        for (const column of columns) {
          assert.equal(table.column(column).length, table.length, `${name} ${column}`);
        }
      }
      return;
    case 6: { // counted first, its stream made afterwards
      const late = await openTrace(path, { ...open, lazy: true });
      checkQuality(late.quality, late.span);
      assert.deepEqual([...late.counts], [...trace.counts]);
      assert.deepEqual(late.span, trace.span);
      assert.equal(late.quality.holes.length, trace.quality.holes.length);
      assert.deepEqual(late.stream.ts, trace.stream.ts);
      return;
    }
    case 7: {
      // A thread takes longer to start than all the rest.
      if (random(8) !== 0) return;
      const together = await openTrace(path, { ...open, workers: 2 });
      assert.deepEqual(together.stream, trace.stream);
      assert.deepEqual([...together.counts], [...trace.counts]);
      assert.equal(together.quality.holes.length, trace.quality.holes.length);
    }
  }
}

/** What of the options of an open a scan takes as well. */
function scanOptions({ formatsFrom, maxUnpacked }: OpenTraceOptions) {
  return {
    ...(formatsFrom === undefined ? {} : { formatsFrom }),
    ...(maxUnpacked === undefined ? {} : { maxUnpacked }),
  };
}

/** A part of the trace's time, or what is partly or wholly outside of it. */
function someWindow({ span, epoch }: Trace, random: Random): TraceWindow {
  const stamp = () => span.from + (span.to - span.from) * (random(1200) - 100) / 1000;
  const [from, to] = [stamp(), stamp()].sort((x, y) => x - y) as [number, number];
  const lead = pick(random, [0, 1e3, 1e9, Infinity]);
  if (random(4) !== 0) return { from, to, lead };
  return { from: epoch + BigInt(Math.floor(from)), to: epoch + BigInt(Math.ceil(to)), lead };
}
