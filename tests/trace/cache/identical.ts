import assert from "node:assert/strict";
import { type Column, type Columns, DictColumn } from "../../../lib/frame/column.ts";
import type { Frame } from "../../../lib/frame/frame.ts";
import type { Trace } from "../../../lib/trace/trace.ts";

function sameColumn(found: Column, wanted: Column, what: string): void {
  assert.equal(found.constructor, wanted.constructor, what);
  if (found instanceof DictColumn && wanted instanceof DictColumn) {
    assert.deepEqual(found.dictionary, wanted.dictionary, what);
    sameColumn(found.codes as Column, wanted.codes as Column, what);
    return;
  }
  const [x, y] = [found as Float64Array, wanted as Float64Array];
  assert.equal(x.length, y.length, what);
  for (let i = 0; i < y.length; i++) {
    if (!Object.is(x[i], y[i])) assert.equal(x[i], y[i], `${what}, row ${i}`);
  }
}

function sameFrame<C extends Columns>(found: Frame<C>, wanted: Frame<C>, what: string): void {
  assert.deepEqual(found.names, wanted.names, what);
  assert.equal(found.length, wanted.length, what);
  for (const name of wanted.names) sameColumn(found.column(name), wanted.column(name), `${what} ${name}`);
}

/** Asserts that both traces have all the same, bit by bit. */
export function assertIdentical(found: Trace, wanted: Trace): void {
  for (
    const name of ["format", "path", "epoch", "clock", "host", "topology", "span", "guests", "guest"] as const
  ) {
    assert.deepEqual(found[name], wanted[name], name);
  }
  assert.deepEqual([...found.formats], [...wanted.formats]);
  assert.deepEqual([...found.counts], [...wanted.counts]);
  assert.deepEqual([...found.savedNames], [...wanted.savedNames]);
  assert.deepEqual(found.knownHoles, wanted.knownHoles);
  assert.equal(found.quality.lost, wanted.quality.lost);
  assert.equal(found.quality.share, wanted.quality.share);
  sameFrame(found.quality.holes, wanted.quality.holes, "holes");
  sameFrame(found.quality.coverage, wanted.quality.coverage, "coverage");
  const { stream } = wanted;
  assert.deepEqual(Object.keys(found.stream).sort(), Object.keys(stream).sort());
  assert.equal(found.stream.length, stream.length);
  assert.deepEqual(found.stream.comms, stream.comms);
  assert.deepEqual(found.stream.late, stream.late);
  for (const name of ["kind", "ts", "cpu", "pid", "tid", "a", "b", "c"] as const) {
    sameColumn(found.stream[name], stream[name], `stream ${name}`);
  }
  sameFrame(found.switches, wanted.switches, "switches");
  sameFrame(found.wakeups, wanted.wakeups, "wakeups");
  sameFrame(found.migrations, wanted.migrations, "migrations");
  for (const [event, count] of wanted.counts) {
    if (count === 0) continue;
    sameFrame(found.event(event), wanted.event(event), event);
    const fields = wanted.formats.get(event)!.fields.map(({ name }) => name);
    for (const field of fields) {
      for (const exact of [false, true]) {
        const get = (trace: Trace) => trace.eventColumns(event, [field], exact)[field]!;
        let column: Column;
        try {
          column = get(wanted);
        } catch (error) {
          assert.throws(() => get(found), { message: (error as Error).message });
          continue;
        }
        sameColumn(get(found), column, `${event} ${field} ${exact ? "exact" : ""}`);
      }
    }
  }
}
