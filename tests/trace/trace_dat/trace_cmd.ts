import assert from "node:assert/strict";
import { DictColumn } from "../../../lib/frame/column.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { startTracefs } from "../../../lib/trace/record/tracefs.ts";
import { makeSwitches } from "../record/busy.ts";

/** Runs trace-cmd; its output, or an error with what it said. */
export async function traceCmd(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("trace-cmd", { args }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`trace-cmd ${args.join(" ")}: ${text.decode(stderr)}`);
  return text.decode(stdout);
}

/** A recording of this machine by tracefs. */
export async function capture(
  directory: string,
  rounds: number,
  clock: "mono" | "x86-tsc" = "mono",
): Promise<string> {
  await using recorder = await startTracefs({
    output: `${directory}/${clock}.tracefs`,
    clock,
    irq: true,
    drainEvery: 0,
    bufferKb: 16384,
  });
  await makeSwitches(rounds);
  const { path, lost } = await recorder.stop();
  assert.equal(lost, 0);
  return path;
}

/** One event as `trace-cmd report -R -t` prints it, or as a trace has it. */
export interface Row {
  readonly pid: number;
  readonly cpu: number;
  readonly ns: bigint;
  readonly event: string;
  readonly fields: Record<string, string>;
}

/** Reads the lines of `trace-cmd report -R -t`: `names` are the fields of each event. */
export function parseReport(text: string, names: ReadonlyMap<string, readonly string[]>): Row[] {
  const rows: Row[] = [];
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("cpus=")) continue;
    const match = /^(?:\S+: +)?.*?-(\d+) +\[(\d+)\] +(\d+)\.(\d{9}): (\w+): +(.*)$/.exec(line);
    assert.ok(match !== null, line);
    const event = match[5]!;
    const own = names.get(event)!;
    const body = new RegExp(`^${own.map((name) => `${name}=(.*)`).join(" ")}$`).exec(match[6]!);
    assert.ok(body !== null, line);
    rows.push({
      pid: Number(match[1]),
      cpu: Number(match[2]),
      ns: BigInt(match[3]!) * 1_000_000_000n + BigInt(match[4]!),
      event,
      fields: Object.fromEntries(own.map((name, i) => [name, body[i + 1]!])),
    });
  }
  return rows;
}

/** Fields of each event of `trace` that are not common to all. */
export function fieldNames(trace: Trace): Map<string, string[]> {
  return new Map([...trace.formats.values()].map(({ name, fields }) => [
    name.slice(name.indexOf(":") + 1),
    fields.map((field) => field.name).filter((field) => !field.startsWith("common_")),
  ]));
}

/** All events of `trace` by event and in time order: what a report must say of them. */
export function rowsOf(trace: Trace): Map<string, Row[]> {
  const names = fieldNames(trace);
  return new Map([...trace.counts.keys()].map((full) => {
    const event = full.slice(full.indexOf(":") + 1);
    const frame = trace.event(full);
    const column = (name: string): (row: number) => string => {
      const found = frame.column(name);
      return found instanceof DictColumn ? (row) => String(found.at(row)) : (row) => String(found[row]);
    };
    const own = names.get(event)!.map((name) => [name, column(name)] as const);
    const ts = frame.column("ts") as Float64Array;
    const cpu = trace.formats.get(full)!.fields.some(({ name }) => name === "cpu")
      ? undefined
      : column("cpu");
    const pid = column("common_pid");
    const rows = Array.from({ length: frame.length }, (_, row): Row => ({
      pid: Number(pid(row)),
      cpu: cpu === undefined ? -1 : Number(cpu(row)),
      ns: trace.epoch + BigInt(ts[row]!),
      event,
      fields: Object.fromEntries(own.map(([name, value]) => [name, value(row)])),
    }));
    return [event, rows];
  }));
}
