import assert from "node:assert/strict";
import { TraceFormatError } from "../../lib/trace/errors.ts";
import { openTrace, type OpenTraceOptions } from "../../lib/trace/open.ts";
import type { Trace } from "../../lib/trace/trace.ts";
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
    await lookAt(trace, random);
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

function openOptions(random: Random, { formatsFrom }: CheckOptions): OpenTraceOptions {
  return {
    ...(formatsFrom !== undefined && random(10) === 0 ? { formatsFrom } : {}),
    ...(random(100) === 0 ? { maxUnpacked: pick(random, [0, 1, 100_000]) } : {}),
  };
}

async function lookAt(trace: Trace, random: Random): Promise<void> {
  const { stream, counts, quality, span } = trace;
  const { ts, kind, length } = stream;
  assert.ok(length <= ts.length && length <= kind.length, "a stream holds its rows");
  for (let row = 0; row < length; row++) {
    if (!(row === 0 ? Number.isFinite(ts[0]) : ts[row]! >= ts[row - 1]!)) {
      assert.fail(`row ${row}: ${ts[row]} after ${ts[row - 1]}`);
    }
  }
  if (length > 0) assert.ok(Number.isFinite(ts[length - 1]), "stamps are numbers");
  assert.ok(span.from <= span.to, `span ${span.from} to ${span.to}`);
  assert.ok(trace.epoch >= 0n, `epoch ${trace.epoch}`);
  for (const column of trace.wakeups.names) {
    assert.equal(trace.wakeups.column(column).length, trace.wakeups.length);
  }
  if (trace.has("sched:sched_switch")) {
    for (const column of trace.switches.names) {
      assert.equal(trace.switches.column(column).length, trace.switches.length, `switches ${column}`);
    }
  }
  const events = [...counts.keys()];
  for (let i = Math.min(events.length, 5); i > 0; i--) checkEvent(trace, pick(random, events), random);
  checkQuality(quality, span);
  await checkParts(trace, random);
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

async function checkParts(_trace: Trace, _random: Random): Promise<void> {}
