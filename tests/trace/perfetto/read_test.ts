import assert from "node:assert/strict";
import { memorySource } from "../../../lib/trace/byte_source.ts";
import { TraceFormatError } from "../../../lib/trace/errors.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { read, sniff, writePerfetto } from "../../../lib/trace/perfetto/mod.ts";
import { Kind } from "../../../lib/trace/stream.ts";
import { writeJsonLines } from "../../../lib/trace/write/json_lines.ts";
import { recordWithPerf } from "../perf_data/record_with_perf.ts";
import { capture } from "../trace_dat/trace_cmd.ts";
import { runPython } from "./perfetto_python.ts";

Deno.test("compact scheduler events, as Perfetto records them, also in compressed packets", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const file = `${dir}/perf.data`;
    await recordWithPerf(file, ["perf", "bench", "sched", "messaging", "-l", "50"]);
    const trace = await openTrace(file);
    await writeJsonLines(trace, `${dir}/trace.jsonl`);
    for (const packing of ["none", "zlib"]) {
      const made = `${dir}/${packing}.pftrace`;
      await runPython("make_compact.py", `${dir}/trace.jsonl`, made, packing);
      const copy = await openTrace(made);
      assert.equal(copy.counts.get("sched:sched_switch"), trace.counts.get("sched:sched_switch"));
      assert.equal(copy.counts.get("sched:sched_waking"), trace.counts.get("sched:sched_waking"));
      assert.deepEqual(copy.clock, { name: "boot", wallOffset: 1_700_000_000_000_000_000n });
      assert.equal(copy.quality.lost, 12);
      const key = (of: typeof trace, row: { ts: number; cpu: number }) =>
        `${of.epoch + BigInt(row.ts)} ${row.cpu}`;
      const theirs = new Map([...trace.switches.rows()].map((row) => [key(trace, row), row]));
      const before = new Map<number, { next_pid: number; next_comm: string }>();
      for (const row of copy.switches.rows()) {
        const wanted = theirs.get(key(copy, row))!;
        const next = { next_comm: wanted.next_comm, next_pid: wanted.next_pid, next_prio: wanted.next_prio };
        assert.equal(row.prev_state, wanted.prev_state);
        assert.deepEqual(
          { next_comm: row.next_comm, next_pid: row.next_pid, next_prio: row.next_prio },
          next,
        );
        // Who ran before is who came last, by the name that it had then.
        const last = before.get(row.cpu);
        assert.deepEqual([row.prev_pid, row.prev_comm], [last?.next_pid ?? -1, last?.next_comm ?? ""]);
        before.set(row.cpu, wanted);
      }
      const wakings = (of: typeof trace) =>
        [...of.wakeups.rows()].filter(({ kind }) => kind === "waking").map((row) =>
          `${key(of, row)} ${row.pid} ${row.target_cpu} ${row.common_flags}`
        ).sort();
      assert.deepEqual(wakings(copy), wakings(trace));
      const { stream } = copy;
      const names = new Map<number, string>();
      for (let i = 0; i < stream.length; i++) {
        if (stream.kind[i] === Kind.Comm) names.set(stream.tid[i]!, stream.comms[stream.a[i]!]!);
      }
      assert.equal(names.get(424243), "worker");
      assert.equal(names.get(424242), "a-program-with-");
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/** A small trace of this machine, as Perfetto's bytes. */
async function someBytes(): Promise<Uint8Array> {
  const dir = await Deno.makeTempDir();
  try {
    await writePerfetto(await openTrace(await capture(dir, 50)), `${dir}/t`);
    return await Deno.readFile(`${dir}/t`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("damage becomes holes; what is no trace is told with the byte", async () => {
  const bytes = await someBytes();
  const whole = read(memorySource(bytes));
  assert.ok(sniff(bytes.subarray(0, 65536)));
  const events = (trace: typeof whole) => [...trace.counts.values()].reduce((sum, n) => sum + n, 0);
  const cut = read(memorySource(bytes.subarray(0, bytes.length - 100)));
  assert.ok(events(cut) < events(whole));
  assert.equal([...cut.quality.holes.rows()].filter(({ kind }) => kind === "truncated").length, 1);

  // Bytes between packets.
  const half = bytes.indexOf(0x0a, 2000);
  const noise = new Uint8Array(bytes.length + 64);
  noise.set(bytes);
  noise.set(crypto.getRandomValues(new Uint8Array(64)).map((byte) => byte | 0xf0), bytes.length);
  assert.deepEqual(read(memorySource(noise)).counts, whole.counts);
  assert.ok(half > 0);

  for (const text of ["\nhello", "\n\n\n\n", "\n\x05hello", "", "hello"]) {
    assert.equal(sniff(new TextEncoder().encode(text)), false, JSON.stringify(text));
  }
  assert.throws(() => read(memorySource(new Uint8Array(1000), "x")), (error) => {
    assert.ok(error instanceof TraceFormatError);
    assert.match(error.message, /^x: byte 0: expected a packet of a Perfetto trace/);
    return true;
  });
  // A length of 2^63 bytes, and a packed packet that becomes too much.
  const claim = Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f);
  const claimed = new Uint8Array(bytes.length + claim.length);
  claimed.set(bytes);
  claimed.set(claim, bytes.length);
  assert.deepEqual(read(memorySource(claimed)).counts, whole.counts);
});

Deno.test("bytes that look like the beginning of a packet everywhere take a time in proportion to their number", () => {
  const bytes = new Uint8Array(1 << 20);
  // Damage first; then lengths to near the end, with fields that make sense until then.
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    bytes.set([0x0a, 0xf0, 0xff, 0x3f, 0x08, 0x01, 0x08, 0x01], at);
  }
  bytes.set([0xff, 0xff], 0);
  bytes.fill(0xff, bytes.length - 64);
  const start = Deno.memoryUsage().rss;
  const began = performance.now();
  try {
    read(memorySource(bytes));
  } catch (error) {
    assert.ok(error instanceof TraceFormatError);
  }
  // To look at all of each would take minutes; the bound leaves room for a busy machine.
  assert.ok(performance.now() - began < 20_000);
  assert.ok(Deno.memoryUsage().rss - start < 512 * 2 ** 20);
});

Deno.test("thousands of damaged traces: no crash, no hang, and every table can be made", async () => {
  const bytes = await someBytes();
  let seed = 12345;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
  let opened = 0;
  const start = performance.now();
  for (let round = 0; round < 2000 && performance.now() - start < 3000; round++) {
    const size = 1 + random(Math.min(bytes.length, 20_000));
    const from = random(2) === 0 ? 0 : random(bytes.length - size + 1);
    const part = bytes.slice(from, from + size);
    for (let i = random(8); i >= 0; i--) {
      const at = random(part.length);
      const kind = random(4);
      if (kind === 0) part[at] = random(256);
      else if (kind === 1) part[at] = 0xff;
      else if (kind === 2) part.copyWithin(at, random(part.length));
      else part[at]! ^= 1 << random(8);
    }
    sniff(part);
    try {
      const trace = read(memorySource(part));
      for (const event of trace.counts.keys()) {
        const frame = trace.event(event);
        for (const name of frame.names) assert.equal(frame.column(name).length, frame.length);
      }
      for (const table of [trace.switches, trace.wakeups, trace.migrations, trace.quality.holes]) {
        for (const _ of table.rows());
      }
      opened++;
    } catch (error) {
      assert.ok(error instanceof TraceFormatError, String(error));
      assert.ok(error.offset <= part.length);
    }
  }
  assert.ok(opened > 100, `${opened} opened`);
});
