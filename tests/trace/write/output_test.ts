import assert from "node:assert/strict";
import type { Trace } from "../../../lib/trace/trace.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { writePerfetto } from "../../../lib/trace/perfetto/mod.ts";
import { writeTraceDat } from "../../../lib/trace/trace_dat/mod.ts";
import { writeFtraceText } from "../../../lib/trace/write/ftrace_text.ts";
import { writeJsonLines } from "../../../lib/trace/write/json_lines.ts";
import { IDLE, TraceWriter } from "../make_trace.ts";
import { withFields } from "./with_fields.ts";

type Writer = (trace: Trace, output: string, options?: { signal?: AbortSignal }) => Promise<void>;

const WRITERS: readonly [string, Writer][] = [
  ["writePerfetto", writePerfetto],
  ["writeTraceDat", writeTraceDat],
  ["writeFtraceText", writeFtraceText],
  ["writeJsonLines", writeJsonLines],
];

/** More than 2 MiB in any of the formats. */
function bigTrace(): Trace {
  const writer = new TraceWriter();
  const tasks = Array.from({ length: 50 }, (_, i) => ({ tid: 100 + i, comm: `task-${i}` }));
  for (let i = 0; i < 60_000; i++) {
    const task = tasks[(i >> 1) % 50]!;
    if (i % 2 === 0) writer.switch(i * 1000, 0, IDLE, 0, task);
    else writer.switch(i * 1000, 0, task, 1, IDLE);
  }
  return withFields(writer.trace());
}

const names = (directory: string) => [...Deno.readDirSync(directory)].map(({ name }) => name).sort();

/** Whether there is the file that `aim` comes to be in. */
const underWay = (directory: string) => names(directory).some((each) => each.startsWith("aim."));

/** A signal that is aborted with `reason` when it is looked at and `when` holds: at a sure place, however slow the machine. */
function abortedOnce(when: () => boolean, reason: Error): AbortSignal {
  const controller = new AbortController();
  const { signal } = controller;
  Object.defineProperty(signal, "throwIfAborted", {
    value: () => {
      if (when()) controller.abort(reason);
      AbortSignal.prototype.throwIfAborted.call(signal);
    },
  });
  return signal;
}

async function run(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

Deno.test("a full disk, a place that cannot be written and an interrupt leave nothing, and an older file as it was", async (t) => {
  const trace = bigTrace();
  const directory = await Deno.makeTempDir();
  const small = `${directory}/small`;
  await Deno.mkdir(small);
  await run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small);
  try {
    for (const [name, write] of WRITERS) {
      await t.step(name, async () => {
        const output = `${small}/out`;
        await Deno.writeTextFile(output, "older");
        await assert.rejects(write(trace, output), /out could not be written: No space left on device/);
        assert.equal(await Deno.readTextFile(output), "older");
        assert.deepEqual(names(small), ["out"]);

        // A device is written to as it is.
        await assert.rejects(
          write(trace, "/dev/full"),
          /\/dev\/full could not be written: No space left on device/,
        );
        assert.ok((await Deno.stat("/dev/full")).isCharDevice);
        await write(trace, "/dev/null");

        await assert.rejects(write(trace, `/sys/${name}`), Deno.errors.PermissionDenied);
        await assert.rejects(write(trace, `${directory}/none/out`), Deno.errors.NotFound);
        await assert.rejects(write(trace, directory), /directory/i);

        const aim = `${directory}/aim`;
        await Deno.writeTextFile(aim, "older");
        const reason = new Error("interrupted");
        await assert.rejects(write(trace, aim, { signal: AbortSignal.abort(reason) }), reason);
        await assert.rejects(
          write(trace, aim, { signal: abortedOnce(() => underWay(directory), reason) }),
          reason,
        );
        assert.equal(await Deno.readTextFile(aim), "older");
        assert.deepEqual(names(directory), ["aim", "small"]);

        // A link stays one.
        await Deno.symlink(aim, `${directory}/link`);
        await write(trace, `${directory}/link`);
        assert.ok((await Deno.lstat(`${directory}/link`)).isSymlink);
        const copy = await openIfReadable(aim);
        if (copy !== undefined) assert.equal(copy.counts.get("sched:sched_switch"), 60_000);
        await Deno.remove(`${directory}/link`);
        await Deno.remove(aim);
      });
    }
  } finally {
    await run("umount", small);
    await Deno.remove(directory, { recursive: true });
  }
});

/** JSON lines are for others to read. */
async function openIfReadable(path: string): Promise<Trace | undefined> {
  const text = (await Deno.readTextFile(path)).slice(0, 6);
  return text === '{"ts":' ? undefined : await openTrace(path);
}
