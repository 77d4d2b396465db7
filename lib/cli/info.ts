import { formatNs } from "../frame/format_ns.ts";
import { openTrace } from "../trace/open.ts";
import type { Trace } from "../trace/trace.ts";
import { oneFile, parseCommand } from "./args.ts";
import { TRACE_HELP, TRACE_OPTIONS, traceOptions } from "./trace_args.ts";
import { ExitCode } from "./exit_code.ts";

/** One line for the list of commands. */
export const summary = "what a trace holds, on which machine it was made, and what is missing from it";

const HELP = `Usage: schedscope info [--json] FILE

Says what FILE (perf.data of any kind, a trace.dat, ftrace or perf script text, a directory of tracefs pages; gzip and zstd
around them; - is standard input) holds: its machine, its clock, how many of each event, and
what is missing: lost events, breaks of the switch chain, damage, and the share of CPU-time that is covered.

Options:
${TRACE_HELP}
  --json       one JSON object
  -h, --help   this text

Examples:
  schedscope info perf.data
  schedscope info --json perf.data | jq .coverage
`;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseCommand(args, { ...TRACE_OPTIONS, json: {} }, HELP);
  if (parsed === undefined) return ExitCode.Ok;
  const file = oneFile(parsed);
  const trace = await openTrace(file, { ...traceOptions(parsed), lazy: true });
  if (parsed.has("json")) console.log(JSON.stringify(infoOf(trace), null, 2));
  else printInfo(trace);
  return ExitCode.Ok;
}

/** The facts of `info --json`. */
function infoOf(trace: Trace): Record<string, unknown> {
  const { quality } = trace;
  const coverage = quality.coverage;
  return {
    format: trace.format,
    path: trace.path,
    host: trace.host,
    release: trace.host.release ?? null,
    cpus: trace.host.cpusOnline ?? coverage.length,
    clock: {
      name: trace.clock.name,
      hz: trace.clock.hz ?? null,
      wall_offset: trace.clock.wallOffset?.toString() ?? null,
    },
    epoch: trace.epoch.toString(),
    span_ns: trace.span.to - trace.span.from,
    events: Object.fromEntries([...trace.counts].filter(([, count]) => count > 0)),
    guests: trace.guests.map(({ machinePid, vcpus, counts }) => ({
      machine_pid: machinePid,
      vcpus,
      events: Object.fromEntries(counts),
    })),
    lost: quality.lost,
    holes: Array.from({ length: quality.holes.length }, (_, i) => quality.holes.row(i)),
    coverage: {
      share: quality.share,
      cpus: Array.from({ length: coverage.length }, (_, i) => coverage.row(i)),
    },
  };
}

function printInfo(trace: Trace): void {
  const { host, quality, clock } = trace;
  const fact = (name: string, value: string | undefined) => {
    if (value !== undefined && value !== "") console.log(`${name.padEnd(12)} ${value}`);
  };
  fact("format", trace.format);
  fact("host", [host.hostname, host.release, host.arch].filter(Boolean).join(" "));
  fact("cpu", host.cpu === undefined ? undefined : `${host.cpusOnline ?? "?"} x ${host.cpu}`);
  fact("recorder", host.recorder);
  fact("command", host.command?.join(" "));
  fact("clock", clock.hz === undefined ? clock.name : `${clock.name} at ${(clock.hz / 1e6).toFixed(3)} MHz`);
  if (clock.wallOffset !== undefined) {
    fact("started", new Date(Number((trace.epoch + clock.wallOffset) / 1_000_000n)).toISOString());
  }
  fact("span", formatNs(trace.span.to - trace.span.from));
  for (const { machinePid, vcpus } of trace.guests) {
    fact("guest", `process ${machinePid}, ${vcpus.length} vCPUs (--guest ${machinePid})`);
  }
  console.log("events");
  for (const [event, count] of [...trace.counts].sort((x, y) => y[1] - x[1])) {
    if (count > 0) console.log(`  ${String(count).padStart(10)}  ${event}`);
  }
  console.log(
    `quality      ${(quality.share * 100).toFixed(2)} % of CPU-time covered, ${quality.lost} events lost`,
  );
  const { coverage, holes } = quality;
  for (let i = 0; i < coverage.length; i++) {
    const row = coverage.row(i);
    if (row.switches === 0) continue;
    console.log(
      `  CPU ${row.cpu}: ${row.switches} switches, ${row.breaks} breaks of the chain, ${
        (row.share * 100).toFixed(2)
      } % covered`,
    );
  }
  if (holes.length > 0) {
    const worst = Array.from({ length: holes.length }, (_, i) => holes.row(i))
      .sort((x, y) => (y.to - y.from) - (x.to - x.from)).slice(0, 8);
    console.log(
      `holes        ${holes.length}${holes.length > worst.length ? `, the ${worst.length} longest:` : ":"}`,
    );
    for (const hole of worst) {
      const where = hole.cpu < 0 ? "whole trace" : `CPU ${hole.cpu}`;
      const count = hole.lost > 0 ? `, ${hole.lost} records` : "";
      console.log(
        `  ${hole.kind} at ${formatNs(hole.from)} for ${formatNs(hole.to - hole.from)}, ${where}${count}`,
      );
    }
  }
}
