import assert from "node:assert/strict";
import { fingerprint } from "../../../lib/bench/fingerprint.ts";
import { LackingError, VmError } from "../../../lib/vm/errors.ts";
import { matrix } from "../../../lib/vm/run/matrix.ts";
import type { MatrixCell } from "../../../lib/vm/run/matrix_cell.ts";
import type { MatrixOptions } from "../../../lib/vm/run/matrix_options.ts";
import type { VmRunResult } from "../../../lib/vm/run/vm_run.ts";
import { randomFrom } from "../../seeded.ts";

const machine = await fingerprint();

/** A directory with two kernels, of which the second differs from the first. */
async function kernels(): Promise<{ dir: string; old: string; new: string } & AsyncDisposable> {
  const dir = await Deno.makeTempDir();
  await Deno.writeTextFile(`${dir}/old`, "old kernel");
  await Deno.writeTextFile(`${dir}/new`, "new kernel");
  return {
    dir,
    old: `${dir}/old`,
    new: `${dir}/new`,
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}

/** A run that gives `max_gap`. */
function given(max_gap: number, more: Partial<VmRunResult> = {}): VmRunResult {
  return {
    isolation: "none",
    metrics: { max_gap, jain: 1, nothing: NaN },
    fingerprint: { host: machine, guest: null, kernel: "k", release: "6.12", accelerator: "tcg" },
    notes: ["a note"],
    ...more,
  };
}

const short = ({ kernel, isolation, repeat }: MatrixCell) => `${kernel} ${isolation} ${repeat}`;

Deno.test("a matrix runs A B C D, D C B A, and tells what runs and how long it takes", async () => {
  await using files = await kernels();
  const order: string[] = [];
  const told: { done: number; total: number; left: number; text: string }[] = [];
  const result = await matrix({
    kernels: { old: files.old, new: files.new },
    repeats: 2,
    seconds: 5,
    onProgress: (progress) => told.push(progress),
    run(cell, { seconds, output }) {
      assert.equal(seconds, 5);
      assert.ok(output !== undefined, "each run has a place for its trace");
      order.push(short(cell));
      return Promise.resolve(given(order.length));
    },
  });
  const round = ["old none", "old cookies", "new none", "new cookies"];
  assert.deepEqual(order, [
    ...round.map((one) => `${one} 0`),
    ...round.toReversed().map((one) => `${one} 1`),
  ]);
  assert.deepEqual(told.map(({ done, total }) => [done, total]), order.map((_, i) => [i, 8]));
  assert.equal(told[0]!.left, 8 * 15e9, "nothing is known yet: the length of a run and a start");
  assert.ok(told.at(-1)!.left < 1e9, "a run took no time");
  assert.match(told[0]!.text, /^1\/8 old user none, .* left$/);
  assert.ok(result.complete);
  assert.deepEqual(Array.from(result.runs.column("max_gap") as Float64Array), [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.deepEqual(Array.from(result.runs.column("state")), new Array(8).fill("ok"));
});

Deno.test("an interrupted matrix goes on: only what is missing is run, and the result is the same", async () => {
  await using files = await kernels();
  const journal = `${files.dir}/journal`;
  const truth = (cell: MatrixCell) => [...short(cell)].reduce((sum, char) => sum + char.charCodeAt(0), 0);
  const all = { kernels: [files.old, files.new], repeats: 3, seconds: 1, journal } satisfies MatrixOptions;
  const random = randomFrom(5);
  const ran: string[] = [];
  let rounds = 0;
  for (;; rounds++) {
    const controller = new AbortController();
    let left = 1 + random(4);
    const result = await matrix({
      ...all,
      signal: controller.signal,
      async run(cell, { signal }) {
        if (left-- === 0) {
          controller.abort(new Error("stopped"));
          await Promise.resolve();
          // Some runners give what they have when they are stopped, others throw.
          if (random(2) === 0) signal!.throwIfAborted();
          return given(-1);
        }
        ran.push(short(cell));
        return given(truth(cell), { metrics: { max_gap: truth(cell), nothing: NaN, endless: Infinity } });
      },
    });
    assert.ok(result.cells.every(({ failure }) => failure === null), "an interruption is no failure");
    if (!result.complete) continue;
    assert.deepEqual(
      Array.from(result.runs.column("max_gap") as Float64Array),
      result.cells.map(truth),
    );
    assert.ok(
      Number.isNaN(result.cells[0]!.metrics["nothing"]) && result.cells[0]!.metrics["endless"] === Infinity,
    );
    assert.ok(result.cells[0]!.resumed && result.cells[0]!.notes[0] === "a note");
    break;
  }
  assert.ok(rounds >= 2 && ran.length === 12 && new Set(ran).size === 12, `${rounds} rounds: ${ran}`);
  // The same kernel by another name and path is the same; other options and another kernel are not.
  await Deno.copyFile(files.old, `${files.dir}/copy`);
  const again = async (more: Partial<MatrixOptions>) => {
    let count = 0;
    await matrix({
      ...all,
      kernels: { it: `${files.dir}/copy` },
      ...more,
      run: () => (count++, Promise.resolve(given(0))),
    });
    return count;
  };
  assert.equal(await again({}), 0);
  assert.equal(await again({ seconds: 2 }), 6);
  assert.equal(await again({ options: { memory: 256, pairs: 4 } }), 6);
  assert.equal(await again({ options: { pairs: 4, memory: 256 } }), 0, "in whatever order");
  await Deno.writeTextFile(`${files.dir}/copy`, "changed");
  assert.equal(await again({}), 6);
});

Deno.test("a damaged entry of the journal is done again, and said; a failure is none", async () => {
  await using files = await kernels();
  const journal = `${files.dir}/journal`;
  const all = { kernels: [files.old], isolations: ["none"], repeats: 4, seconds: 1, journal } as const;
  await matrix({ ...all, run: () => Promise.resolve(given(7)) });
  const entries = [...Deno.readDirSync(journal)].map(({ name }) => `${journal}/${name}`).sort();
  assert.equal(entries.length, 4);
  const text = await Deno.readTextFile(entries[0]!);
  const spoils = [
    text.slice(0, text.length / 2),
    text.replace('"max_gap":7', '"max_gap":8'),
    await Deno.readTextFile(entries[1]!),
    "null",
    "",
    text.replace("journal/1", "journal/9"),
    '{"schema":"schedscope-vm-journal/1"}',
  ];
  for (const spoiled of spoils) {
    await Deno.writeTextFile(entries[0]!, spoiled);
    let count = 0;
    const notes: string[] = [];
    const result = await matrix({
      ...all,
      onNote: (note) => notes.push(note),
      run: () => (count++, Promise.resolve(given(7))),
    });
    assert.equal(count, 1);
    assert.match(notes[0]!, /^The journal's entry .*: that run is done again$/);
    assert.match(notes[1]!, /^3 of 4 runs are in the journal already$/);
    assert.ok(result.complete && result.notes.length === 2);
    assert.equal(await Deno.readTextFile(entries[0]!) === spoiled, false);
  }
  assert.ok(
    [...Deno.readDirSync(journal)].every(({ name }) => name.endsWith(".json")),
    "nothing half-written is left",
  );
});

Deno.test("what fails is told and not fatal; what is lacking is not tried again; a resumed matrix tries both", async () => {
  await using files = await kernels();
  const tried: string[] = [];
  let bad = true;
  const all: MatrixOptions = {
    kernels: [files.old],
    isolations: ["none", "cookies", "tag"],
    repeats: 4,
    seconds: 1,
    journal: `${files.dir}/journal`,
    run(cell) {
      tried.push(short(cell));
      if (bad && cell.isolation === "cookies" && cell.repeat === 1) {
        throw new VmError("The guest \x1b[31mpanicked");
      }
      if (bad && cell.isolation === "tag") {
        throw new LackingError("the kernel has no cpu.tag", "boot another");
      }
      return Promise.resolve(given(cell.isolation === "none" ? 10 + cell.repeat : 20 + cell.repeat));
    },
  };
  const result = await matrix(all);
  assert.equal(result.cells.length, 12);
  assert.ok(!result.complete && result.failures.length === 5);
  assert.deepEqual(tried.filter((cell) => cell.includes("tag")), ["old tag 0"]);
  const { runs } = result;
  const failed = Array.from(runs.rows()).filter(({ state }) => state === "failed");
  assert.match(failed.find(({ isolation }) => isolation === "cookies")!.failure, /^The guest .*panicked$/);
  assert.ok(!failed.some(({ failure }) => failure.includes("\x1b")));
  assert.match(failed.at(-1)!.failure, /^not tried again: the kernel has no cpu.tag; boot another$/);
  assert.match(result.toString(), /12 of 12 runs, 5 failed/);
  const row = result.compare({ isolation: "none" }, { isolation: "cookies" }).row(0);
  assert.deepEqual([row.metric, row.n_a, row.n_b, row.verdict], ["max_gap", 4, 3, "too few runs"]);
  assert.throws(() => result.compare({ isolation: "none" }, { isolation: "tag" }), /no cpu.tag/);
  tried.length = 0;
  bad = false;
  const second = await matrix(all);
  assert.equal(tried.length, 5);
  assert.ok(second.complete);
  const verdict = second.compare({ isolation: "none" }, { isolation: "cookies" }, { metrics: ["max_gap"] })
    .row(0);
  assert.equal(verdict.verdict, "higher");
  assert.ok(verdict.low <= 10 && verdict.high >= 10 && verdict.noise < 10 && verdict.cliffs_delta === 1);
});

Deno.test("runs of unlike machines are not compared unless asked", async () => {
  await using files = await kernels();
  const result = await matrix({
    kernels: [files.old],
    repeats: 4,
    run: (cell) =>
      Promise.resolve(given(cell.repeat, {
        fingerprint: {
          host: cell.repeat === 3 ? { ...machine, kernel: "5.4" } : machine,
          guest: null,
          kernel: "k",
          release: "6.12",
          accelerator: "tcg",
        },
      })),
  });
  const sides = [{ isolation: "none" }, { isolation: "cookies" }] as const;
  assert.throws(() => result.compare(...sides), /machines that differ: kernel .*5\.4.*unlike: true/);
  assert.equal(result.compare(...sides, { unlike: true }).row(0).n_a, 4);
  assert.equal(JSON.parse(JSON.stringify(result)).schema, "schedscope-vm-matrix/1");
});

Deno.test("a matrix that makes no sense is refused", async () => {
  await using files = await kernels();
  const run = () => Promise.resolve(given(1));
  const refused = (options: Partial<MatrixOptions>, why: RegExp) =>
    assert.rejects(matrix({ kernels: [files.old], run, ...options }), why);
  await refused({ repeats: 0 }, /whole number from 1 but found 0/);
  await refused({ seconds: NaN }, /seconds above 0/);
  await refused({ kernels: [] }, /at least one kernel/);
  await refused({ isolations: ["none", "none"] }, /each once/);
  await refused({ traces: true }, /journal directory/);
  await refused({ kernels: [`${files.dir}/missing`] }, /no such file/);
  await refused(
    { kernels: [files.old, `${files.dir}/../${files.dir.split("/").at(-1)}/old`] },
    /Two kernels are called old/,
  );
});
