import assert from "node:assert/strict";
import { Longest, Track } from "../../../lib/plot/widget/browser/track.ts";
import { randomFrom } from "../../seeded.ts";

/** A track of `rows` slices, some of them bursts of very short ones. */
function madeTrack(rows: number, seed: number): Track {
  const random = randomFrom(seed);
  const time = new Float64Array(rows + 1);
  time[0] = random(1000);
  for (let row = 0; row < rows; row++) {
    time[row + 1] = time[row]! + 1 + random(random(5) === 0 ? 100_000 : 20);
  }
  return new Track(time, Uint8Array.from({ length: rows }, () => random(4)), 4);
}

/** What {@linkcode Track} says, looked up slice by slice. */
function rowAt({ time, length }: Track, t: number): number {
  if (length === 0 || t < time[0]!) return -1;
  for (let row = 0; row < length; row++) if (t < time[row + 1]!) return row;
  return length;
}

function between(track: Track, from: number, to: number): number[] {
  const sums = [0, 0, 0, 0];
  for (let row = 0; row < track.length; row++) {
    const overlap = Math.min(to, track.time[row + 1]!) - Math.max(from, track.time[row]!);
    if (overlap > 0) sums[track.category[row]!]! += overlap;
  }
  return sums;
}

Deno.test("Track finds slices and adds up stretches as a walk over all slices does", () => {
  const random = randomFrom(7);
  for (const rows of [0, 1, 2, 15, 16, 17, 33, 500, 3000]) {
    const track = madeTrack(rows, rows);
    const end = track.time[rows]! + 500;
    for (let i = 0; i < 300; i++) {
      // Boundaries themselves are looked at as often as times between them.
      const any = () => random(2) === 0 ? random(Math.ceil(end)) : track.time[random(rows + 1)]!;
      const [from, to] = [any(), any()].sort((x, y) => x - y) as [number, number];
      const first = track.rowAt(from);
      const last = track.rowAt(to, Math.max(0, first));
      assert.equal(first, rowAt(track, from));
      assert.equal(last, rowAt(track, to), `${rows} rows, to ${to}`);
      const sums = new Float64Array(4);
      track.addBetween(from, first, to, last, sums);
      assert.deepEqual([...sums], between(track, from, to), `${rows} rows, ${from} to ${to}`);
    }
  }
});

Deno.test("Longest finds the slice that weighs most", () => {
  const random = randomFrom(3);
  for (const length of [0, 1, 16, 17, 257, 5000]) {
    const weights = Float32Array.from({ length }, () => Math.max(0, random(1_000_000) - 300_000));
    const longest = new Longest(weights);
    for (let i = 0; i < 300; i++) {
      const [first, end] = [random(length + 1), random(length + 1)].sort((x, y) => x - y) as [number, number];
      const most = weights.subarray(first, end).reduce((max, weight) => Math.max(max, weight), 0);
      const found = longest.of(first, end);
      if (most === 0) assert.equal(found, -1);
      else {assert.ok(
          found >= first && found < end && weights[found] === most,
          `${length}: ${first} to ${end}`,
        );}
    }
  }
});
