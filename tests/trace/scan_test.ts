import assert from "node:assert/strict";
import { type Column, type Columns, DictColumn } from "../../lib/frame/column.ts";
import type { Frame } from "../../lib/frame/frame.ts";
import { openTrace } from "../../lib/trace/open.ts";
import { scanTrace, type ScanTraceOptions } from "../../lib/trace/scan.ts";

const EVENTS = "sched:sched_switch,sched:sched_waking,sched:sched_process_exit";
const WORKLOAD = ["perf", "bench", "sched", "messaging", "-l", "60"];

async function record(path: string, args: readonly string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command("perf", {
    args: ["record", "-a", "-m", "256K", "-k", "CLOCK_MONOTONIC", "-e", EVENTS, ...args, "--", ...WORKLOAD],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  if (args.at(-1) === "-") await Deno.writeFile(path, stdout);
}

const KINDS: Readonly<Record<string, (path: string) => string[]>> = {
  "a file": (path) => ["-o", path],
  "a compressed file": (path) => ["-z", "-o", path],
  "a pipe": () => ["-o", "-"],
  "a directory": (path) => ["--threads", "-o", path],
};

const valuesOf = (column: Column): unknown[] =>
  Array.from({ length: column.length }, (_, i) => column instanceof DictColumn ? column.at(i) : column[i]);

async function collect(path: string, options: ScanTraceOptions): Promise<Frame<Columns>[]> {
  const frames: Frame<Columns>[] = [];
  for await (const frame of scanTrace(path, options)) frames.push(frame);
  return frames;
}

/** Of rows with the same stamp, those of different files of a directory may stand in any order: they are put in one. */
function inOrder(frames: readonly Frame<Columns>[], names: readonly string[], anyTies: boolean): unknown[][] {
  const columns = names.map((name) => frames.flatMap((frame) => valuesOf(frame.column(name))));
  const rows = columns[0]!.map((_, i) => columns.map((column) => column[i]));
  const stamp = (row: unknown[]) => row[0] as number;
  const key = (row: unknown[]) => row.join();
  return anyTies ? rows.sort((x, y) => stamp(x) - stamp(y) || (key(x) < key(y) ? -1 : 1)) : rows;
}

function assertSame(
  frames: readonly Frame<Columns>[],
  expected: Frame<Columns>,
  names: readonly string[],
  anyTies = false,
): void {
  const stamps = frames.flatMap((frame) => [...frame.column("ts") as Float64Array]);
  for (let i = 1; i < stamps.length; i++) assert.ok(stamps[i]! >= stamps[i - 1]!);
  assert.deepEqual(inOrder(frames, names, anyTies), inOrder([expected], names, anyTies));
}

for (const [kind, args] of Object.entries(KINDS)) {
  Deno.test(`scanTrace() of ${kind} gives the rows of an opened trace, batch by batch`, async () => {
    const dir = await Deno.makeTempDir();
    try {
      const path = `${dir}/perf.data`;
      await record(path, args(path));
      const whole = await openTrace(path);
      for (const event of ["sched:sched_switch", "sched:sched_process_exit"]) {
        const expected = whole.event(event);
        const frames = await collect(path, { event, batchRows: 1000 });
        assert.ok(frames.length > 0);
        for (const frame of frames.slice(0, -1)) assert.equal(frame.length, 1000);
        assert.deepEqual(frames[0]!.names, expected.names);
        assertSame(frames, expected, expected.names, kind === "a directory");
      }
      const { to } = whole.span;
      const window = { from: 0.3 * to, to: 0.6 * to };
      const part = whole.window(window).event("sched:sched_waking");
      const columns = ["pid", "comm"];
      const frames = await collect(path, { event: "sched:sched_waking", columns, window });
      assert.deepEqual(frames[0]!.names, ["ts", "cpu", "pid", "comm"]);
      assertSame(frames, part, ["ts", "cpu", "pid", "comm"], kind === "a directory");
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

Deno.test("scanTrace() of another format opens it and gives the same batches", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await record(`${dir}/perf.data`, ["-o", `${dir}/perf.data`]);
    const whole = await openTrace(`${dir}/perf.data`);
    const window = { to: whole.span.to / 2 };
    const { stdout } = await new Deno.Command("gzip", { args: ["-c", `${dir}/perf.data`], stdout: "piped" })
      .output();
    await Deno.writeFile(`${dir}/packed`, stdout);
    const frames = await collect(`${dir}/packed`, {
      event: "sched:sched_switch",
      columns: ["next_pid"],
      batchRows: 777,
      window,
    });
    const expected = whole.window(window).event("sched:sched_switch");
    assertSame(frames, expected, ["ts", "cpu", "next_pid"]);
    assert.equal(frames[0]!.length, Math.min(777, expected.length));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("scanTrace() says what is wrong, ends by its signal, and may be left early", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const path = `${dir}/perf.data`;
    await record(path, ["-o", path]);
    await assert.rejects(
      collect(path, { event: "sched:nothing" }),
      /no event "sched:nothing"; it has: sched:sched_switch/,
    );
    await assert.rejects(
      collect(path, { event: "sched:sched_switch", columns: ["nothing"] }),
      /sched:sched_switch has no field nothing; it has: .*prev_pid/,
    );
    await assert.rejects(
      collect(path, { event: "sched:sched_switch", batchRows: 0 }),
      /batchRows .* but found 0/,
    );
    const controller = new AbortController();
    await assert.rejects(async () => {
      for await (
        const _ of scanTrace(path, { event: "sched:sched_switch", batchRows: 10, signal: controller.signal })
      ) {
        controller.abort(new Error("enough"));
      }
    }, /enough/);
    // Leaving the loop closes the file: the test's sanitizer sees to it.
    for await (const frame of scanTrace(path, { event: "sched:sched_switch", batchRows: 10 })) {
      assert.equal(frame.length, 10);
      break;
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
