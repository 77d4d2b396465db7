import { formatNs } from "../../frame/format_ns.ts";
import type { PageSection } from "../render_page.ts";
import { grouped, type Story } from "./story.ts";

/** Where the trace is from: machine, recorder, clock, events. */
export function originSection({ trace, figures, threshold }: Story): PageSection {
  const { host, clock, topology } = trace;
  const facts: Record<string, string | number> = {};
  const put = (name: string, value: string | number | undefined) => {
    if (value !== undefined && value !== "") facts[name] = value;
  };
  put("file", trace.path);
  put("format", trace.format);
  put("host", host.hostname);
  put("kernel", host.release);
  put("machine", host.arch);
  put("processor", host.cpu);
  put("CPUs online", host.cpusOnline);
  const smt = topology.cores.some((cpus) => cpus.length > 1);
  if (topology.cores.length > 0) put("cores", `${topology.cores.length}${smt ? ", with SMT siblings" : ""}`);
  put("memory", host.memory === undefined ? undefined : `${(host.memory / 2 ** 30).toFixed(1)} GiB`);
  put("recorder", host.recorder);
  put("command", host.command?.join(" "));
  if (clock.wallOffset !== undefined) {
    const start = trace.epoch + BigInt(Math.round(trace.span.from)) + clock.wallOffset;
    put("started", new Date(Number(start / 1_000_000n)).toISOString());
  }
  put("time told of", formatNs(trace.span.to - trace.span.from));
  put("gaps counted from", formatNs(threshold));
  figures["origin"] = { ...facts, events: Object.fromEntries(trace.counts) };
  const events = [...trace.counts].filter(([, count]) => count > 0).sort((x, y) => y[1] - x[1]);
  return {
    heading: "Where the trace is from",
    facts,
    text: events.map(([event, count]) => `${grouped(count).padStart(14)}  ${event}`).join("\n"),
  };
}
