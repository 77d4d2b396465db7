import assert from "node:assert/strict";
import { ByteWriter } from "../../../lib/sched/timehist/byte_writer.ts";
import type { TimehistPrintOptions } from "../../../lib/sched/timehist/options.ts";
import { writeTimehist } from "../../../lib/sched/timehist/timehist_print.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { makePerfData } from "../../bench/make_perf_data.ts";
import { recordWithPerf } from "../../trace/perf_data/record_with_perf.ts";

const PRINT_FILE = new URL("../../../lib/sched/timehist/print_file.ts", import.meta.url).href;

/** What `printFile` writes in a process of its own, and what it returns. */
async function printed(path: string, options: string): Promise<{ text: string; result: string }> {
  const code = `const { printFile } = await import("${PRINT_FILE}");
    console.error(JSON.stringify(await printFile(Deno.args[0], ${options}) ?? null));`;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", code, path],
    stdout: "piped",
    stderr: "piped",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return { text: new TextDecoder("latin1").decode(stdout), result: new TextDecoder().decode(stderr).trim() };
}

async function expected(
  path: string,
  options: TimehistPrintOptions,
): Promise<{ text: string; result: string }> {
  let text = "";
  const latin1 = new TextDecoder("latin1");
  const out = new ByteWriter((block) => text += latin1.decode(block));
  const coverage = writeTimehist(await openTrace(path), out, options);
  out.flush();
  return { text, result: JSON.stringify(coverage) };
}

/** The same keys in the same order. */
function coverage(result: string): Record<string, unknown> {
  const { share, span, runs, censored, cpus, lost } = JSON.parse(result);
  return { share, span, runs, censored, cpus, lost };
}

async function assertSame(path: string): Promise<void> {
  const cases: [string, TimehistPrintOptions][] = [
    ["{}", {}],
    ["{ state: true }", { state: true }],
    ["{ cpus: new Set([1]), tids: new Set([0, 900030]) }", {
      cpus: new Set([1]),
      tids: new Set([0, 900030]),
    }],
  ];
  for (const [text, options] of cases) {
    const found = await printed(path, text);
    const wanted = await expected(path, options);
    assert.equal(found.text.length, wanted.text.length, text);
    assert.ok(found.text === wanted.text, text);
    assert.deepEqual(coverage(found.result), coverage(wanted.result));
  }
}

Deno.test("printFile() writes what writeTimehist() does, of a made recording and of a damaged one", async () => {
  const path = await Deno.makeTempFile({ suffix: ".perf.data" });
  try {
    await makePerfData(path, 20e6);
    await assertSame(path);
    const bytes = await Deno.readFile(path);
    bytes.fill(0xa5, bytes.length >> 1, (bytes.length >> 1) + 5000);
    await Deno.writeFile(path, bytes);
    await assertSame(path);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("printFile() writes what writeTimehist() does of a real recording with losses and threads that come and go", async () => {
  const path = await Deno.makeTempFile({ suffix: ".perf.data" });
  try {
    const loops = ["-c", "for i in 1 2 3 4 5 6; do perf bench sched messaging -g 6 -l 700; done"];
    await recordWithPerf(path, ["bash", ...loops], "64K");
    const { size } = await Deno.stat(path);
    assert.ok(size > 16e6, `${size} bytes are too few for two threads`);
    await assertSame(path);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("printFile() leaves small files and what is no perf.data to others, and prints nothing then", async () => {
  const path = await Deno.makeTempFile({ suffix: ".perf.data" });
  try {
    await makePerfData(path, 1e6);
    assert.deepEqual(await printed(path, "{}"), { text: "", result: "null" });
    await Deno.writeFile(path, new Uint8Array(17e6));
    assert.deepEqual(await printed(path, "{}"), { text: "", result: "null" });
  } finally {
    await Deno.remove(path);
  }
});
