import assert from "node:assert/strict";
import { openTrace } from "../../../lib/trace/open.ts";
import { scanTrace } from "../../../lib/trace/scan.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { join } from "../../seeded.ts";
import {
  makePerfData,
  makeRecord,
  type PerfDataPieces,
  RECORD,
  recordsIn,
  takeApart,
  u64s,
} from "./make_perf_data.ts";
import { perfOutput, recordWithPerf } from "./record_with_perf.ts";

const GUEST = 4321;
const OTHER = 8765;
const COMM = 3;
const EXIT = 4;
const FORK = 7;

/** One entry of an ID_INDEX record. */
interface Entry {
  readonly id: bigint;
  readonly cpu: number;
  readonly machine: number;
  readonly vcpu: number;
}

/** As perf's __perf_event__synthesize_id_index writes it. */
function idIndex(entries: readonly Entry[]): Uint8Array {
  return makeRecord(
    RECORD.idIndex,
    join([
      u64s(entries.length),
      ...entries.map(({ id, cpu }, i) => u64s(id, i, cpu, 0xffffffffffffffffn)),
      ...entries.map(({ machine, vcpu }) => u64s(machine, vcpu)),
    ]),
  );
}

/**
 * The recording as `perf inject --guest-data` would have it: the events once more, with ids of their own, as two guests'. The
 * records of the host's CPU 0 come again as the first guest's vCPU 5, and those of its forks as the second's.
 */
function withGuests(pieces: PerfDataPieces, firstSample: number): PerfDataPieces {
  const highest = Math.max(...pieces.attrs.flatMap(({ ids }) => ids.map(Number)));
  const stride = BigInt(highest + 1);
  const ids = pieces.attrs.flatMap((attr) => attr.ids);
  const guest = pieces.attrs.map(({ attr, ids }) => ({ attr, ids: ids.map((id) => id + stride) }));
  const other = pieces.attrs.map(({ attr, ids }) => ({ attr, ids: ids.map((id) => id + 2n * stride) }));
  const entries = [
    ...ids.map((id, i) => ({ id, cpu: i % 2, machine: 0, vcpu: 0 })),
    ...ids.map((id, i) => ({ id: id + stride, cpu: i % 2, machine: GUEST, vcpu: 5 })),
    ...ids.map((id, i) => ({ id: id + 2n * stride, cpu: i % 2, machine: OTHER, vcpu: 0 })),
  ];
  const records: Uint8Array[] = [];
  const given = pieces.records;
  for (const { type, from, to } of recordsIn(given)) {
    if (from === firstSample) records.push(idIndex(entries));
    records.push(given.subarray(from, to));
    const isSample = type === RECORD.sample;
    if (from < firstSample || !(isSample || type === COMM || type === EXIT || type === FORK)) continue;
    const own = given.slice(from, to);
    const view = new DataView(own.buffer);
    // IDENTIFIER, IP, TID, TIME, CPU of a sample; TID, TIME, CPU, IDENTIFIER behind others.
    const idAt = isSample ? 8 : own.length - 8;
    const cpu = isSample ? view.getUint32(40, true) : view.getUint32(own.length - 16, true);
    const add = (by: bigint, cpuMode: number) => {
      const copy = own.slice();
      const copied = new DataView(copy.buffer);
      copied.setBigUint64(idAt, view.getBigUint64(idAt, true) + by, true);
      copied.setUint16(4, (view.getUint16(4, true) & ~7) | cpuMode, true);
      records.push(copy);
    };
    if (cpu === 0) add(stride, 4);
    if (type === FORK) add(2n * stride, 5);
  }
  return { ...pieces, attrs: [...pieces.attrs, ...guest, ...other], records: join(records) };
}

/** All rows of the stream but those of a CPU other than `cpu`, as lines. */
function rows({ stream, epoch }: Trace, cpu?: number): string[] {
  const lines: string[] = [];
  for (let i = 0; i < stream.length; i++) {
    if (cpu !== undefined && stream.cpu[i] !== cpu) continue;
    const { kind, tid, pid, a, b, c } = stream;
    const name = kind[i] === 8 ? stream.comms[a[i]!] : a[i];
    lines.push(`${epoch + BigInt(stream.ts[i]!)} ${kind[i]} ${pid[i]} ${tid[i]} ${name} ${b[i]} ${c[i]}`);
  }
  return lines;
}

Deno.test("what a recording has of guests stays apart from the host's, and opens by the option guest", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await recordWithPerf(
      `${dir}/host.data`,
      ["taskset", "-c", "0", "perf", "bench", "sched", "messaging", "-g", "1", "-l", "20"],
      "4M",
    );
    const host = await openTrace(`${dir}/host.data`);
    const pieces = takeApart(await Deno.readFile(`${dir}/host.data`));
    const firstSample = recordsIn(pieces.records).find(({ type }) => type === RECORD.sample)!.from;
    const path = `${dir}/guests.data`;
    await Deno.writeFile(path, makePerfData(withGuests(pieces, firstSample)));

    // perf reads it, and prints what it understood of the index.
    const dump = await perfOutput("script", "-D", "-i", path);
    const told = [
      ...dump.matchAll(
        /\.\.\. id: (\d+) {2}idx: \d+ {2}cpu: \d+ {2}tid: -1 {2}machine_pid: (\d+) {2}vcpu: (\d+)/g,
      ),
    ];
    assert.deepEqual([...new Set(told.map(([, , machine]) => Number(machine)))], [0, GUEST, OTHER]);

    const mixed = await openTrace(path);
    assert.deepEqual(rows(mixed), rows(host), "the host's rows are those of the recording without guests");
    assert.deepEqual([...mixed.counts], [...host.counts]);
    assert.deepEqual(
      mixed.switches.column("next_comm").toString(),
      host.switches.column("next_comm").toString(),
    );
    assert.equal(mixed.guest, undefined);
    assert.deepEqual(mixed.guests.map(({ machinePid, vcpus }) => [machinePid, vcpus]), [[GUEST, [5]], [
      OTHER,
      [0],
    ]]);

    const guest = await openTrace(path, { guest: GUEST });
    const samplesFrom = host.switches.column("ts")[0]!;
    const onCpu0 = rows(host, 0).filter((line) => !/^\d+ (9|13) /.test(line));
    const theirs = rows(guest);
    assert.ok(theirs.length > 100 && samplesFrom >= 0);
    // Of what stands ahead of the first sample nothing is the guest's.
    assert.deepEqual(theirs, onCpu0.slice(-theirs.length));
    assert.ok(guest.stream.cpu.every((cpu) => cpu === 5), "its CPUs are the guest's");
    assert.ok([...guest.event("sched:sched_switch").column("cpu") as Uint16Array].every((cpu) => cpu === 5));
    assert.deepEqual(new Map(mixed.guests[0]!.counts), new Map(guest.counts));
    assert.equal(guest.counts.get("sched:sched_switch"), guest.switches.length);
    assert.equal(guest.guest, GUEST);
    assert.deepEqual(guest.host, {});
    let scanned = 0;
    for await (const batch of scanTrace(path, { event: "sched:sched_switch", guest: GUEST })) {
      scanned += batch.length;
      assert.ok((batch.column("cpu") as Uint16Array).every((cpu) => cpu === 5));
    }
    assert.equal(scanned, guest.switches.length);

    const forks = await openTrace(path, { guest: OTHER });
    assert.ok(forks.stream.length > 0 && forks.stream.kind.every((kind) => kind === 6));

    await assert.rejects(
      openTrace(path, { guest: 1 }),
      /guest: the recording has no guest 1; it has: 4321, 8765/,
    );
    await assert.rejects(openTrace(`${dir}/host.data`, { guest: GUEST }), /no guest 4321; it has: none/);
    await Deno.writeTextFile(
      `${dir}/text`,
      "            bash-3771    [001] d..2.  6519.018362: sched_waking: comm=a pid=1 prio=1 target_cpu=000\n",
    );
    await assert.rejects(openTrace(`${dir}/text`, { guest: 1 }), /has no guests beside its host/);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
