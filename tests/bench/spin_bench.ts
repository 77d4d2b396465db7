/**
 * What the spin core costs, and what disturbs it: prints the sampling loop against a bare one, and a spinner in this process against one in a
 * child while this process makes garbage.
 *
 *     deno run -A tests/bench/spin_bench.ts [--json]
 */
import { spin } from "../../lib/bench/mod.ts";
import { nativeProgram } from "../../lib/native/mod.ts";

interface Loop {
  readonly bare_ns: number;
  readonly spin_ns: number;
  readonly ratio: number;
}

/** The median of five runs of both loops, each of which alternates them 400 times. */
function loopRatio(): Loop {
  const runs = Array.from({ length: 5 }, () => {
    const { stdout } = new Deno.Command(nativeProgram("schedscope-spin"), { args: ["--bench-loop"] })
      .outputSync();
    return JSON.parse(new TextDecoder().decode(stdout)) as Loop;
  });
  return runs.sort((a, b) => a.ratio - b.ratio)[2]!;
}

interface Disturbance {
  /** Gaps per second of spinning. */
  readonly gaps: number;
  /** TLB shootdowns and function calls that the spinner's CPU took, per second. */
  readonly interrupts: number;
}

/**
 * What a worker does: allocates and gives back memory, as a program does that handles large buffers. 40 MB is above the size from which malloc
 * always maps, so each return is an unmap, and `transfer(0)` returns it without waiting for the collector.
 */
const churn = `
  (async () => {
    for (;;) {
      for (let i = 0; i < 50; i++) {
        const bytes = new Uint8Array(40 << 20);
        for (let page = 0; page < 8; page++) bytes[page << 12] = 1;
        bytes.buffer.transfer(0);
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
`;

async function disturbance(isolation: "process" | "thread", busy: boolean): Promise<Disturbance> {
  const worker = busy
    ? new Worker(URL.createObjectURL(new Blob([churn], { type: "text/javascript" })), { type: "module" })
    : undefined;
  try {
    const result = await spin({
      isolation,
      threads: 1,
      cpus: [0],
      policy: "fifo:1", // no other task: what remains are interrupts
      maxSleep: 0,
      burst: 1e9,
      duration: 1e9,
      threshold: 1000,
      maxGap: 0,
      gapCapacity: 100_000,
    });
    const seconds = result.threads.column("wall")[0]! / 1e9;
    let interrupts = 0;
    for (const { irq, count } of result.interrupts.rows()) {
      if (irq === "TLB" || irq === "CAL") interrupts += count;
    }
    return { gaps: result.threads.column("run_gaps")[0]! / seconds, interrupts: interrupts / seconds };
  } finally {
    worker?.terminate();
  }
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** Alternates the two, three times, so that what changes on the machine meanwhile meets both. */
async function compare(busy: boolean) {
  const runs: Record<"process" | "thread", Disturbance[]> = { process: [], thread: [] };
  for (const isolation of ["process", "thread", "thread", "process", "process", "thread"] as const) {
    runs[isolation].push(await disturbance(isolation, busy));
  }
  const of = (isolation: "process" | "thread") => ({
    gaps: median(runs[isolation].map((d) => d.gaps)),
    interrupts: median(runs[isolation].map((d) => d.interrupts)),
  });
  const process = of("process"), thread = of("thread");
  return { process, thread, ratio: thread.gaps / process.gaps };
}

const loop = loopRatio();
const quiet = await compare(false), busy = await compare(true);
if (Deno.args.includes("--json")) {
  console.log(JSON.stringify({ loop, quiet, busy }));
} else {
  console.log(`sampling period: bare loop ${loop.bare_ns.toFixed(2)} ns, spin ${loop.spin_ns.toFixed(2)} ns`);
  console.log(`ratio ${loop.ratio.toFixed(3)} (limit 1.3): ${loop.ratio <= 1.3 ? "ok" : "TOO SLOW"}`);
  console.log("\ngaps over 1 us per second, TLB and CAL interrupts per second of the spinner's CPU:");
  for (
    const [name, { process, thread, ratio }] of [["idle runtime", quiet], ["busy runtime", busy]] as const
  ) {
    console.log(
      `${name}: child process ${process.gaps.toFixed(0)} gaps, ${
        process.interrupts.toFixed(0)
      } interrupts; ` +
        `in process ${thread.gaps.toFixed(0)} gaps, ${thread.interrupts.toFixed(0)} interrupts; ratio ${
          ratio.toFixed(2)
        }`,
    );
  }
}
if (loop.ratio > 1.3) Deno.exitCode = 1;
