import assert from "node:assert/strict";
import { findWeight, publishedReflex, runReflex, yieldSemantics } from "../../lib/bench/mod.ts";
import { weightWhereEqual } from "../../lib/bench/reflex/find_weight.ts";
import { Frame } from "../../lib/frame/mod.ts";

Deno.test("a sweep has a row and a file for each combination", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const seen: number[] = [];
    const sweep = await runReflex({
      children: [4, 8],
      active: [2, 4],
      weight: [50, 100],
      compute: [0, 5],
      duration: 3e6,
      minRuns: 2,
      maxRuns: 2,
      directory,
      onResult: (_, done, of) => {
        assert.equal(of, 16);
        seen.push(done);
      },
    });
    assert.equal(sweep.length, 16);
    assert.equal(seen.length, 16);
    assert.deepEqual(new Set(sweep.column("compute")), new Set([0, 5]));
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
    assert.equal(names.length, 16);
    const row = [...sweep.rows()].find((row) =>
      row.children === 8 && row.active === 2 && row.weight === 50 && row.compute === 5
    )!;
    const file = JSON.parse(await Deno.readTextFile(`${directory}/reflex-c8-a2-w50-r5.json`));
    assert.equal(file.mean, row.us_per_round);
    assert.equal(file.options.children, 8);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a combination that makes no sense is found before anything runs", async () => {
  let ran = 0;
  const onResult = () => void ran++;
  await assert.rejects(
    runReflex({ children: [4, 6], active: [4], onResult }),
    /6 children cannot stand in 4/,
  );
  await assert.rejects(runReflex({ children: [], onResult }), /at least one combination/);
  assert.equal(ran, 0);
});

Deno.test("the weight whose ratio is nearest to one, by hand", () => {
  const frame = (weight: number[], ratios: number[]) =>
    new Frame({ weight: Int32Array.from(weight), switch_wake_ratio: Float64Array.from(ratios) });
  assert.deepEqual(weightWhereEqual(frame([50, 75, 90, 100], [2, 1.33, 1.12, 1]), 0.15), {
    weight: 90,
    ratio: 1.12,
    equal: true,
  });
  assert.deepEqual(weightWhereEqual(frame([100, 50, 75], [1.3, 2, 1.25]), 0.1), {
    weight: 75,
    ratio: 1.25,
    equal: false,
  });
  assert.throws(() => weightWhereEqual(frame([50], [NaN]), 0.1), /sets need two members/);
});

Deno.test("more weight, fewer switches for each wake-up; the ratio is at least that of the description's arithmetic", async () => {
  const told: number[] = [];
  const found = await findWeight({
    children: 16,
    weights: [50, 90],
    duration: 60e6,
    onProgress: (weight) => void told.push(weight),
  });
  assert.deepEqual(told, [50, 90]);
  const [half, most] = [...found.weights.column("switch_wake_ratio")];
  assert.ok(half! > most! && most! >= 1, `${half} and ${most}`);
  assert.equal(found.weight, 90);
  await assert.rejects(findWeight({ weights: [0] }), /over 0/);
});

Deno.test("the published tables are those of 2002", () => {
  const published = publishedReflex();
  assert.equal(published.length, 42);
  const rows = [...published.rows()];
  assert.equal(rows.find((row) => row.series === "O(1), 8 CPUs" && row.children === 16)!.us_per_round, 1.5);
  assert.equal(
    rows.find((row) => row.series === "2.5.2-pre9, 2 CPUs" && row.children === 128)!.us_per_round,
    13.89,
  );
});

Deno.test("what sched_yield does, by release", () => {
  assert.match(yieldSemantics("2.4.18"), /pending/);
  assert.match(yieldSemantics("2.6.9-5.EL"), /expired array/);
  assert.match(yieldSemantics("2.6.23"), /CFS/);
  assert.match(yieldSemantics("6.5.0-1-amd64"), /skip buddy/);
  assert.match(yieldSemantics("6.6.1"), /EEVDF: the deadline moves back/);
  assert.match(yieldSemantics("6.18.44"), /since December 2025/);
  assert.match(yieldSemantics("7.0"), /forfeited up to the deadline/);
  assert.match(yieldSemantics(null), /not known/);
});
