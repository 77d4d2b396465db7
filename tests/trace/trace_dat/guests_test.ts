import assert from "node:assert/strict";
import { open, openHostAndGuests } from "../../../lib/trace/trace_dat/mod.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { join, makeTraceDat, numbers, piecesOf, type TraceDatPieces } from "./make_trace_dat.ts";
import { capture, traceCmd } from "./trace_cmd.ts";

const HOST = 0xfeedn;
const GUEST = 9n;

/** A correction: time, offset, scaling, bits of fraction. */
type Sample = readonly [bigint, bigint, bigint, bigint];

/** The data of a TIME_SHIFT option, as trace-cmd lays it out. */
function timeShift(peer: bigint, flags: number, cpus: readonly (readonly Sample[])[]): Uint8Array {
  const column = (samples: readonly Sample[], i: 0 | 1 | 2 | 3) =>
    numbers(true, ...samples.map((sample): [8, bigint] => [8, BigInt.asUintN(64, sample[i])]));
  return join([
    numbers(true, [8, peer], [4, flags], [4, cpus.length]),
    ...cpus.flatMap((samples) => [
      numbers(true, [4, samples.length]),
      column(samples, 0),
      column(samples, 1),
      column(samples, 2),
    ]),
    ...cpus.map((samples) => column(samples, 3)),
  ]);
}

function guestOption(cpus: number): Uint8Array {
  const name = new TextEncoder().encode("vm\0");
  const list = Array.from({ length: cpus }, (_, i): [4, number][] => [[4, i], [4, 100 + i]]).flat();
  return join([name, numbers(true, [8, GUEST], [4, cpus], ...list)]);
}

/** Stamps of all events of the guest that `trace-cmd report` of both files prints, by CPU in their order. */
async function reported(host: string, guest: string): Promise<Map<number, bigint[]>> {
  const text = await traceCmd("report", "-N", "-t", "-i", host, "-i", guest);
  const stamps = new Map<number, bigint[]>();
  for (const line of text.split("\n")) {
    const match = /^\s*(\S+):.*?-\d+ +\[(\d+)\] +(\d+)\.(\d{9}): /.exec(line);
    if (match === null || !guest.endsWith(match[1]!)) continue;
    const cpu = Number(match[2]);
    if (!stamps.has(cpu)) stamps.set(cpu, []);
    stamps.get(cpu)!.push(BigInt(match[3]!) * 1_000_000_000n + BigInt(match[4]!));
  }
  return stamps;
}

/** The same of a trace. */
function stampsOf(trace: Trace): Map<number, bigint[]> {
  const rows: { cpu: number; ts: number }[] = [];
  for (const event of trace.counts.keys()) {
    const { ts, cpu } = trace.eventColumns(event, ["ts", "cpu"]);
    (ts as Float64Array).forEach((stamp, i) => rows.push({ ts: stamp, cpu: (cpu as Uint16Array)[i]! }));
  }
  rows.sort((x, y) => x.ts - y.ts);
  const stamps = new Map<number, bigint[]>();
  for (const { cpu, ts } of rows) {
    if (!stamps.has(cpu)) stamps.set(cpu, []);
    stamps.get(cpu)!.push(trace.epoch + BigInt(ts));
  }
  return stamps;
}

Deno.test("a guest's stamps on its host's clock are what trace-cmd reports of both files", async () => {
  const directory = await Deno.makeTempDir();
  const pieces: TraceDatPieces = piecesOf(await capture(directory, 300));
  const plain = `${directory}/plain.dat`;
  await Deno.writeFile(plain, makeTraceDat(pieces));
  const own = await open(plain);
  const from = own.epoch;
  const length = BigInt(own.span.to);
  const cpus = pieces.buffers[0]!.cpus.length;
  const at = (part: bigint) => from + length * part / 10n;
  const corrections: Record<string, { flags: number; samples: (cpu: number) => Sample[] }> = {
    "one sample": { flags: 0, samples: (cpu) => [[from, -5_000_000n - BigInt(cpu), 1n, 0n]] },
    "two samples, interpolated": {
      flags: 1,
      samples: (cpu) => [[at(2n), 1000n + BigInt(cpu), 1n, 0n], [at(8n), 900_000n, 1n, 0n]],
    },
    "more samples, interpolated": {
      flags: 1,
      samples: (cpu) => [0n, 3n, 5n, 7n].map((part) => [at(part), 1000n * part + BigInt(cpu), 1n, 0n]),
    },
    "more samples, by steps": {
      flags: 0,
      samples: () => [2n, 4n, 6n].map((part) => [at(part), 7_000n * part, 1n, 0n]),
    },
    "scaled": {
      flags: 0,
      samples: () => [[from, 0n, 3n << 20n, 21n], [at(9n), 0n, 3n << 20n, 21n]],
    },
  };
  for (const version of [6, 7] as const) {
    const host = `${directory}/host.dat`;
    await Deno.writeFile(
      host,
      makeTraceDat({
        ...pieces,
        version,
        options: [{ id: 11, data: numbers(true, [8, HOST]) }, { id: 13, data: guestOption(cpus) }],
      }),
    );
    for (const [what, { flags, samples }] of Object.entries(corrections)) {
      const guest = `${directory}/guest.dat`;
      const shift = timeShift(HOST, flags, Array.from({ length: cpus }, (_, cpu) => samples(cpu)));
      const options = [{ id: 11, data: numbers(true, [8, GUEST]) }, { id: 12, data: shift }];
      await Deno.writeFile(guest, makeTraceDat({ ...pieces, version, options }));
      const { host: hostTrace, guests: [found] } = await openHostAndGuests(host, [guest]);
      const expected = await reported(host, guest);
      const stamps = stampsOf(found!.trace);
      assert.deepEqual([...stamps.keys()].sort(), [...expected.keys()].sort(), what);
      for (const [cpu, list] of expected) {
        assert.deepEqual(stamps.get(cpu), list, `${what}, version ${version}`);
      }
      assert.deepEqual(found!.name, "vm");
      assert.deepEqual([...found!.threads], Array.from({ length: cpus }, (_, i) => [i, 100 + i]));
      assert.equal(hostTrace.epoch, own.epoch);
      // By itself the guest stays on its own clock, as trace-cmd has it.
      assert.equal((await open(guest)).epoch, own.epoch);
    }
  }
  await assert.rejects(openHostAndGuests(plain, [plain]), /Expected .*plain.dat to have the TIME_SHIFT/);
  await Deno.remove(directory, { recursive: true });
});
