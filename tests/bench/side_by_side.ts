import { addToTable } from "./closing_table.ts";

/** One of the programs that are compared. */
export interface Contestant {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

/** What one of them took. */
export interface Timing {
  readonly name: string;
  /** Wall time of each round, ms. */
  readonly rounds: readonly number[];
  /** Median of them, ms. */
  readonly median: number;
  /** Median over the rounds of the first contestant's time divided by this one's in the same round. */
  readonly timesFaster: number;
}

/** Runs the contestants in turn, `rounds` times, so that what disturbs the machine disturbs all; output goes to /dev/null. */
export async function sideBySide(contestants: readonly Contestant[], rounds = 5): Promise<Timing[]> {
  const times = contestants.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { program, args }] of contestants.entries()) {
      const start = performance.now();
      const { success } = await new Deno.Command(program, { args: [...args], stdout: "null", stderr: "null" })
        .output();
      if (!success) throw new Error(`${program} ${args.join(" ")} failed`);
      times[i]!.push(performance.now() - start);
    }
  }
  return contestants.map(({ name }, i) => ({
    name,
    rounds: times[i]!,
    median: median(times[i]!),
    timesFaster: median(times[i]!.map((time, round) => times[0]![round]! / time)),
  }));
}

/** Prints one line for each, and adds them to the closing table. */
export function printTimings(timings: readonly Timing[], aim: string): void {
  for (const [i, { name, median, rounds, timesFaster }] of timings.entries()) {
    const best = Math.min(...rounds);
    const ratio = i === 0 ? "" : `, ${timesFaster.toFixed(1)} x faster (${aim})`;
    if (i > 0) {
      addToTable({
        work: name,
        peer: timings[0]!.name,
        theirs: timings[0]!.median,
        ours: median,
        unit: "ms",
      });
    }
    console.log(`${name.padEnd(34)} median ${median.toFixed(0)} ms, best ${best.toFixed(0)} ms${ratio}`);
  }
}

/** The median of `values`. */
export function median(values: readonly number[]): number {
  return values.toSorted((x, y) => x - y)[values.length >> 1]!;
}
