import { Trace } from "../../../lib/trace/trace.ts";

/** A trace of `TraceWriter` with the fields of its switches named, as a reader of a text has them. */
export function withFields(trace: Trace): Trace {
  const names = ["prev_comm", "prev_pid", "prev_prio", "prev_state", "next_comm", "next_pid", "next_prio"];
  const { switches } = trace;
  const fields = names.map((name) => ({
    name,
    type: "int",
    offset: 0,
    size: 0,
    signed: true,
    count: 1,
    content: /comm/.test(name) ? "string" as const : "integer" as const,
  }));
  const format = { name: "sched:sched_switch", id: 1, fields, printFormat: "" };
  return new Trace({
    format: "test",
    epoch: trace.epoch,
    clock: trace.clock,
    host: {},
    topology: trace.topology,
    stream: trace.stream,
    formats: new Map([[format.name, format]]),
    counts: trace.counts,
    holes: [],
    savedNames: new Map(),
    decode(_event, wanted) {
      const own = ["ts", "cpu", ...names];
      return Object.fromEntries(wanted.map((field) => [
        field,
        own.includes(field) ? switches.column(field as "ts") : new Int32Array(switches.length),
      ]));
    },
  });
}
