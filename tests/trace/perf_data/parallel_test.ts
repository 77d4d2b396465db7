import assert from "node:assert/strict";
import { openTrace } from "../../../lib/trace/open.ts";
import { threadsFor } from "../../../lib/trace/perf_data/parallel.ts";
import { makePerfData } from "../../bench/make_perf_data.ts";
import { recordWithPerf } from "./record_with_perf.ts";

const COLUMNS = ["kind", "ts", "cpu", "pid", "tid", "a", "b", "c"] as const;

/** Everything that several threads read must be what one reads, and no thread may be left: the sanitizer sees to that. */
async function assertSame(path: string, workers: number, what: string): Promise<void> {
  const alone = await openTrace(path, { workers: 1 });
  const together = await openTrace(path, { workers });
  assert.equal(together.epoch, alone.epoch, what);
  assert.equal(together.stream.length, alone.stream.length, what);
  for (const column of COLUMNS) {
    assert.ok(sameBytes(together.stream[column], alone.stream[column]), `${what}: ${column}`);
  }
  assert.deepEqual(together.stream.comms, alone.stream.comms, what);
  assert.deepEqual(together.stream.late, alone.stream.late, what);
  assert.deepEqual([...together.counts], [...alone.counts], what);
  assert.deepEqual(together.knownHoles, alone.knownHoles, what);
  assert.deepEqual(together.span, alone.span, what);
}

function sameBytes(x: ArrayBufferView, y: ArrayBufferView): boolean {
  const [left, right] = [x, y].map((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  return left!.length === right!.length && left!.every((byte, i) => byte === right![i]);
}

/** Where the records are. */
function dataOf(bytes: Uint8Array<ArrayBuffer>): { at: number; size: number } {
  const view = new DataView(bytes.buffer);
  return { at: Number(view.getBigUint64(40, true)), size: Number(view.getBigUint64(48, true)) };
}

/** The places behind each end of a round. */
function roundEnds(bytes: Uint8Array<ArrayBuffer>): number[] {
  const view = new DataView(bytes.buffer);
  const { at: from, size } = dataOf(bytes);
  const ends: number[] = [];
  for (let at = from; at < from + size; at += view.getUint16(at + 6, true)) {
    if (view.getUint32(at, true) === 68) ends.push(at + 8);
  }
  return ends;
}

Deno.test("several threads read of a recording what one reads, sound and damaged", async (t) => {
  const dir = await Deno.makeTempDir();
  try {
    const path = `${dir}/perf.data`;
    await recordWithPerf(path, ["perf", "bench", "sched", "messaging", "-g", "6", "-l", "300"], "256K");
    for (const workers of [2, 3, 4]) {
      await t.step(`${workers} threads`, () => assertSame(path, workers, "sound"));
    }

    const whole = await Deno.readFile(path);
    const ends = roundEnds(whole);
    assert.ok(ends.length > 8);
    const half = ends[ends.length >> 1]!;
    const { at, size } = dataOf(whole);
    const damages: Readonly<Record<string, (bytes: Uint8Array<ArrayBuffer>) => Uint8Array>> = {
      "nonsense near the middle": (bytes) => bytes.fill(0xa5, half + 800, half + 4000),
      "nonsense in the first part": (bytes) => bytes.fill(0xa5, at + (size >> 2), at + (size >> 2) + 999),
      "nonsense in the last part": (bytes) => bytes.fill(0, at + size - 7000, at + size - 3001),
      "a size that leads astray": (bytes) => {
        new DataView(bytes.buffer).setUint16(ends[(ends.length >> 1) - 1]! + 6, 4096, true);
        return bytes;
      },
      // What lay between two ends comes after them: it is late.
      "rounds in the wrong order": (bytes) => {
        const [a, b, , , c] = ends.slice((ends.length >> 1) - 3) as [number, number, number, number, number];
        const early = bytes.slice(a, b);
        bytes.copyWithin(a, b, c);
        bytes.set(early, c - early.length);
        return bytes;
      },
      "no round ends": (bytes) => {
        // Another type that is passed over (PERF_RECORD_HEADER_BUILD_ID's predecessor, 65, which nothing reads).
        const view = new DataView(bytes.buffer);
        for (const end of ends) view.setUint32(end - 8, 65, true);
        return bytes;
      },
      "a cut tail": (bytes) => bytes.subarray(0, at + Math.floor(size * 0.9)),
    };
    for (const [what, damage] of Object.entries(damages)) {
      await t.step(what, async () => {
        await Deno.writeFile(`${dir}/damaged`, damage(whole.slice()));
        const cut = what === "a cut tail";
        // Without its tail a file has no formats: it takes those of the whole one.
        if (cut) {
          const options = { formatsFrom: path };
          const alone = await openTrace(`${dir}/damaged`, { ...options, workers: 1 });
          const together = await openTrace(`${dir}/damaged`, { ...options, workers: 2 });
          assert.deepEqual(together.stream.ts, alone.stream.ts);
          assert.deepEqual(together.knownHoles, alone.knownHoles);
        } else await assertSame(`${dir}/damaged`, 2, what);
        const late = what === "rounds in the wrong order"
          ? (await openTrace(`${dir}/damaged`)).stream.late!
          : [1];
        assert.ok(late.length > 0);
      });
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("several threads read what the generator makes, of which the truth is known", async () => {
  const path = await Deno.makeTempFile({ suffix: ".perf.data" });
  try {
    const made = await makePerfData(path, 20e6);
    await assertSame(path, 2, "made");
    await assertSame(path, 3, "made");
    const trace = await openTrace(path, { workers: 2 });
    assert.equal(trace.switches.length, made.switches);
    assert.equal(trace.wakeups.length, made.wakings);
    for (let i = 1; i < trace.stream.length; i++) assert.ok(trace.stream.ts[i]! >= trace.stream.ts[i - 1]!);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a small file is read by one thread, and the option is kept to", () => {
  assert.equal(threadsFor(10e6, undefined), 1);
  assert.equal(threadsFor(10e6, 3), 3);
  assert.equal(threadsFor(10e9, 1), 1);
  const cpus = navigator.hardwareConcurrency;
  assert.equal(threadsFor(10e9, undefined), cpus < 4 ? 1 : Math.min(16, cpus));
});
