import assert from "node:assert/strict";
import { parseHwlat } from "../../../lib/vm/kvm/parse_hwlat.ts";
import { randomFrom } from "../../seeded.ts";

/** The seed's README. */
const SEED = `
    <...>-105   [001] d...     3.630702: #1     inner/outer(us): 32522/48575 ts:1598486359.129995457
    <...>-105   [000] d...     4.798208: #2     inner/outer(us): 35568/52434 ts:1598486360.298155993
    <...>-105   [001] d...     5.833050: #3     inner/outer(us): 77049/37218 ts:1598486361.364877905
    <...>-105   [000] d...     6.892944: #4     inner/outer(us): 65977/62870 ts:1598486362.389955284
    <...>-105   [001] d...     7.916369: #5     inner/outer(us): 54781/72022 ts:1598486363.450472521
`;

Deno.test("the seed's five lines", () => {
  const samples = parseHwlat(SEED, { vm: "3" });
  assert.equal(samples.length, 5);
  assert.deepEqual([...samples.column("vm")], ["3", "3", "3", "3", "3"]);
  assert.deepEqual([...samples.column("cpu")], [1, 0, 1, 0, 1]);
  assert.deepEqual([...samples.column("ts")], [
    3_630_702_000,
    4_798_208_000,
    5_833_050_000,
    6_892_944_000,
    7_916_369_000,
  ]);
  assert.deepEqual([...samples.column("inner")], [
    32_522_000,
    35_568_000,
    77_049_000,
    65_977_000,
    54_781_000,
  ]);
  assert.deepEqual([...samples.column("outer")], [
    48_575_000,
    52_434_000,
    37_218_000,
    62_870_000,
    72_022_000,
  ]);
  assert.deepEqual([...samples.column("seq")], [1, 2, 3, 4, 5]);
  assert.deepEqual([...samples.column("tid")], [105, 105, 105, 105, 105]);
  assert.deepEqual([...samples.column("comm")], Array(5).fill("<...>"));
  assert.equal(samples.column("time")[4], 1598486363450472521n);
  // This kernel does not count, and there was no NMI.
  assert.ok(samples.column("count").every(Number.isNaN));
  assert.deepEqual([...samples.column("nmi_count")], [0, 0, 0, 0, 0]);
  assert.deepEqual([...samples.column("nmi_total")], [0, 0, 0, 0, 0]);
});

const ONE =
  "           <...>-4603    [003] d....  5539.298336: #4     inner/outer(us):   13/26    ts:1748106492.809430691";

function only(text: string) {
  const samples = parseHwlat(text);
  assert.equal(samples.length, 1, text);
  return samples.row(0);
}

Deno.test("what the kernel tells of counts and NMIs", () => {
  const counted = only(`${ONE} count:10\n`);
  assert.equal(counted.count, 10);
  assert.equal(counted.nmi_count, 0);
  const timed = only(`${ONE} count:10 nmi-total:4 nmi-count:1\n`);
  assert.deepEqual([timed.count, timed.nmi_total, timed.nmi_count], [10, 4000, 1]);
  const old = only(`${ONE} nmi-total:4 nmi-count:1\n`);
  assert.deepEqual([old.count, old.nmi_total, old.nmi_count], [NaN, 4000, 1]);
  // With CONFIG_GENERIC_SCHED_CLOCK the time in NMIs is not measured: there were some, and how long is unknown.
  const untimed = only(`${ONE} count:10 nmi-count:2\n`);
  assert.deepEqual([untimed.count, untimed.nmi_total, untimed.nmi_count], [10, NaN, 2]);
});

Deno.test("what stands in front of a sample", () => {
  const tail = "#1     inner/outer(us): 20/30    ts:1598486359.129995457 count:2\n";
  const cases: [string, { comm: string; tid: number; cpu: number; ts: number }][] = [
    ["          hwlatd-105   [001] dn..     3.630702: ", {
      comm: "hwlatd",
      tid: 105,
      cpu: 1,
      ts: 3_630_702_000,
    }],
    ["        hwlatd/3-105   [003] dNZ21    3.630702: ", {
      comm: "hwlatd/3",
      tid: 105,
      cpu: 3,
      ts: 3_630_702_000,
    }],
    ["  a-7 b [001] x-105   [000] d....     3.630702: ", {
      comm: "a-7 b [001] x",
      tid: 105,
      cpu: 0,
      ts: 3_630_702_000,
    }],
    ["           <...>-4194304 [1023] D..1. 30.630702: ", {
      comm: "<...>",
      tid: 4194304,
      cpu: 1023,
      ts: 30_630_702_000,
    }],
    // Option record-tgid, known and unknown; no irq-info; stamps of nine digits; a clock without seconds.
    ["           <...>-105     (    104) [001] d....     3.630702: ", {
      comm: "<...>",
      tid: 105,
      cpu: 1,
      ts: 3_630_702_000,
    }],
    ["           <...>-105     (-------) [001] d....     3.630702: ", {
      comm: "<...>",
      tid: 105,
      cpu: 1,
      ts: 3_630_702_000,
    }],
    ["           <...>-105     [001]     3.630702: ", { comm: "<...>", tid: 105, cpu: 1, ts: 3_630_702_000 }],
    ["           <...>-105     [001] d....     3.630702123: ", {
      comm: "<...>",
      tid: 105,
      cpu: 1,
      ts: 3_630_702_123,
    }],
    ["           <...>-105     [001] d.... 1234567: ", { comm: "<...>", tid: 105, cpu: 1, ts: NaN }],
    // Option latency-format.
    ["   <...>-105       1d.... 3630702us!: ", { comm: "<...>", tid: 105, cpu: 1, ts: 3_630_702_000 }],
    ["   <...>-105       1dn..    12us : ", { comm: "<...>", tid: 105, cpu: 1, ts: 12_000 }],
    // The console had not ended its line.
    ["[    3.12] crng init done           <...>-105   [001] d...     3.630702: ", {
      comm: "<...>",
      tid: 105,
      cpu: 1,
      ts: 3_630_702_000,
    }],
  ];
  for (const [head, want] of cases) {
    const { comm, tid, cpu, ts, inner, outer, count } = only(head + tail);
    assert.deepEqual({ comm, tid, cpu, ts }, want, head);
    assert.deepEqual([inner, outer, count], [20_000, 30_000, 2], head);
  }
});

Deno.test("other lines between the samples are passed over, and told", () => {
  const others: string[] = [];
  const samples = parseHwlat(
    [
      "# tracer: hwlat",
      "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION",
      "[    0.000000] Linux version 6.12.1",
      `${ONE} count:1\r`,
      "",
      // Two writers of one console.
      `${ONE.slice(0, 60)}[    9.1] tsc: Refined`,
      `${ONE.slice(60)} count:1`,
      `${ONE} count:1 count:7`,
      `${ONE} count:1[    9.2] random: crng init done`,
      `${ONE.replace("5539.298336", "5539.29833")} count:1`,
      `${ONE.replace("430691", "43069")} count:1`,
      "           <...>-9  [003] d....  5539.298336: sched_switch: prev_comm=inner/outer(us): 1/2",
      `${ONE.replace("#4", "#5")} count:3`,
      "",
    ].join("\n"),
    { onOther: (line) => others.push(line) },
  );
  assert.deepEqual([...samples.column("seq")], [4, 5]);
  assert.deepEqual([...samples.column("count")], [1, 3]);
  assert.equal(others.length, 10);
});

Deno.test("lost events belong to the next sample of their CPU", () => {
  const at = (cpu: number) => `${ONE.replace("[003]", `[00${cpu}]`)} count:1\n`;
  const samples = parseHwlat(
    `${at(0)}CPU:1 [LOST 5 EVENTS]\n${at(0)}CPU:1 [LOST 2 EVENTS]\n${at(1)}${at(1)}CPU:0 [LOST EVENTS]\n${
      at(0)
    }`,
  );
  assert.deepEqual([...samples.column("lost")], [0, 0, 7, 0, NaN]);
});

Deno.test("a tail that is cut gives nothing, or a row without the number that may be cut", () => {
  const line = `${ONE} count:10 nmi-total:44 nmi-count:12`;
  const whole = only(`${line}\n`);
  for (let end = 0; end <= line.length; end++) {
    const samples = parseHwlat(line.slice(0, end));
    assert.equal(samples.length, end < ONE.length ? 0 : 1, line.slice(0, end));
    if (samples.length === 0) continue;
    const row = samples.row(0);
    assert.equal(row.time, whole.time);
    assert.equal(row.outer, whole.outer);
    for (const name of ["count", "nmi_total", "nmi_count"] as const) {
      assert.ok(Number.isNaN(row[name]) || row[name] === whole[name], `${name} of ${line.slice(0, end)}`);
    }
  }
  assert.equal(parseHwlat(`${ONE} count:10 nmi`).column("count")[0], 10);
});

Deno.test("bytes that are no UTF-8 and lines without end are no trouble", () => {
  const bytes = new Uint8Array([0xff, 0xfe, 0, 10, ...new TextEncoder().encode(`${ONE} count:3\n`), 0xc3]);
  assert.deepEqual([...parseHwlat(bytes).column("count")], [3]);
  const before = performance.now();
  assert.equal(parseHwlat(" inner/outer(us): " + "x-1 ".repeat(250_000)).length, 0);
  assert.equal(parseHwlat(" inner/outer(us): " + "-1".repeat(500_000) + "9".repeat(100_000)).length, 0);
  assert.ok(performance.now() - before < 5000);
  assert.equal(parseHwlat("").length, 0);
});

Deno.test("random samples come back as they were printed", () => {
  const below = randomFrom(6);
  const rows = Array.from({ length: 5000 }, (_, at) => ({
    seq: at + 1,
    tid: 1 + below(4194304),
    cpu: below(1024),
    us: below(1e12),
    inner: below(10 ** below(9)),
    outer: below(10 ** below(9)),
    seconds: below(2 ** 32),
    ns: below(1e9),
    count: 1 + below(100_000),
    nmi: below(4) === 0 ? 1 + below(100) : 0,
  }));
  const text = rows.map(({ seq, tid, cpu, us, inner, outer, seconds, ns, count, nmi }) =>
    `${"<...>".padStart(16)}-${`${tid}`.padEnd(7)} [${`${cpu}`.padStart(3, "0")}] d.... ` +
    `${Math.floor(us / 1e6)}`.padStart(5) + `.${`${us % 1e6}`.padStart(6, "0")}: ` +
    `#${`${seq}`.padEnd(5)} inner/outer(us): ${`${inner}`.padStart(4)}/${`${outer}`.padEnd(5)} ` +
    `ts:${seconds}.${`${ns}`.padStart(9, "0")} count:${count}` +
    (nmi === 0 ? "" : ` nmi-total:${nmi * 3} nmi-count:${nmi}`) + "\n"
  ).join("");
  const samples = parseHwlat(text);
  assert.equal(samples.length, rows.length);
  for (const [at, row] of rows.entries()) {
    const { seq, tid, cpu, ts, inner, outer, time, count, nmi_total, nmi_count } = samples.row(at);
    assert.deepEqual([seq, tid, cpu, ts, inner, outer, time, count, nmi_total, nmi_count], [
      row.seq,
      row.tid,
      row.cpu,
      row.us * 1e3,
      row.inner * 1e3,
      row.outer * 1e3,
      BigInt(row.seconds) * 1_000_000_000n + BigInt(row.ns),
      row.count,
      row.nmi * 3e3,
      row.nmi,
    ]);
  }
});
