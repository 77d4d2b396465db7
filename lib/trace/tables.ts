import type { Column, Columns } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import { threadsOf } from "./threads.ts";
import type { Trace } from "./trace.ts";

/** A table, or what makes it when it is first asked for. */
export type LazyTable = Frame<Columns> | (() => Frame<Columns>);

/** Tables by name, in order. Each is made when it is first asked for, and then kept. */
export class Tables implements Iterable<[string, Frame<Columns>]> {
  /** What is true of all of them, such as the clock of their stamps: it goes into files that are made of them. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly #sources: Map<string, LazyTable>;

  /** Tables by name, or what makes them. */
  constructor(
    sources: Iterable<readonly [string, LazyTable]>,
    metadata: Readonly<Record<string, string>> = {},
  ) {
    this.#sources = new Map(sources);
    this.metadata = metadata;
  }

  /** How many. */
  get size(): number {
    return this.#sources.size;
  }

  /** Their names, in order. No table is made. */
  keys(): MapIterator<string> {
    return this.#sources.keys();
  }

  /** Whether there is one of this name. It is not made. */
  has(name: string): boolean {
    return this.#sources.has(name);
  }

  /** The table `name`. Throws a RangeError that names those there are. */
  get(name: string): Frame<Columns> {
    const source = this.#sources.get(name);
    if (source === undefined) {
      throw new RangeError(`No table ${JSON.stringify(name)}; there are: ${[...this.keys()].join(", ")}`);
    }
    if (typeof source !== "function") return source;
    const table = source();
    this.#sources.set(name, table);
    return table;
  }

  /** All tables with their names; each is made as it comes. */
  *[Symbol.iterator](): Iterator<[string, Frame<Columns>]> {
    for (const name of this.#sources.keys()) yield [name, this.get(name)];
  }
}

/** Events that `switches`, `wakeups` and `migrations` hold. */
const SHOWN: ReadonlySet<string> = new Set([
  "sched:sched_switch",
  "sched:sched_waking",
  "sched:sched_wakeup",
  "sched:sched_wakeup_new",
  "sched:sched_migrate_task",
]);

/**
 * Everything that `trace` holds, as tables: `switches`, `wakeups`, `migrations`, `threads` (see {@linkcode threadsOf}), `holes`,
 * `coverage`, and every other event that was recorded, called `system__name`. `more` are put behind them, such as the results of
 * an analysis; one of the same name takes the other's place.
 *
 * A table that is not asked for costs nothing, nor does a column.
 *
 * @example
 * ```ts ignore
 * import { openTrace, tablesOf } from "@schedscope/schedscope/trace";
 *
 * const tables = tablesOf(await openTrace("perf.data"));
 * console.log([...tables.keys()]);
 * console.log(tables.get("threads").toText());
 * ```
 */
export function tablesOf(trace: Trace, more: Readonly<Record<string, LazyTable>> = {}): Tables {
  const sources: [string, LazyTable][] = [
    ["switches", () => switchesOf(trace)],
    ["wakeups", () => trace.wakeups],
    ["migrations", () => trace.migrations],
    ["threads", () => threadsOf(trace)],
    ["holes", () => trace.quality.holes],
    ["coverage", () => trace.quality.coverage],
  ];
  for (const [event, count] of trace.counts) {
    if (count > 0 && !SHOWN.has(event)) {
      sources.push([event.replaceAll(":", "__"), () => eventOf(trace, event)]);
    }
  }
  return new Tables([...sources, ...Object.entries(more)], traceMetadata(trace));
}

/** What the tables' numbers mean and where they are from: `ts` + `schedscope.epoch` is the clock's own stamp in ns. */
function traceMetadata(trace: Trace): Record<string, string> {
  const { clock, host } = trace;
  const facts: Record<string, string | number | bigint | undefined> = {
    epoch: trace.epoch,
    clock: clock.name,
    wall_offset: clock.wallOffset,
    resolution: clock.resolution,
    source: trace.path,
    format: trace.format,
    host: host.hostname,
    release: host.release,
    arch: host.arch,
  };
  return Object.fromEntries(
    Object.entries(facts).flatMap(([name, value]) =>
      value === undefined ? [] : [[`schedscope.${name}`, String(value)]]
    ),
  );
}

function switchesOf(trace: Trace): Frame<Columns> {
  const decoded = ["prev_comm", "prev_prio", "next_comm", "next_prio"];
  return trace.has("sched:sched_switch")
    ? trace.switches.with(inTwoPasses(trace, "sched:sched_switch", decoded))
    : trace.switches;
}

function eventOf(trace: Trace, event: string): Frame<Columns> {
  const frame = trace.event(event);
  return new Frame<Columns>(inTwoPasses(trace, event, frame.names), frame.length);
}

/** Columns of `event` that are made one by one at first, and all that are left with the second that is asked for. */
function inTwoPasses(trace: Trace, event: string, fields: readonly string[]): Record<string, () => Column> {
  const left = new Set(fields);
  const made = new Map<string, Column>();
  const make = (field: string): Column => {
    if (left.has(field)) {
      const wanted = left.size === fields.length ? [field] : [...left];
      for (const [name, column] of Object.entries(decodedOf(trace, event, field, wanted))) {
        made.set(name, column);
        left.delete(name);
      }
    }
    const column = made.get(field)!;
    // The frame keeps it from here on.
    made.delete(field);
    return column;
  };
  return Object.fromEntries(fields.map((field) => [field, () => make(field)]));
}

/** `fields` of `event`, or, where some of them were not opened, `field` alone. */
function decodedOf(
  trace: Trace,
  event: string,
  field: string,
  fields: readonly string[],
): Record<string, Column> {
  try {
    return trace.eventColumns(event, fields);
  } catch (error) {
    if (!(error instanceof RangeError) || fields.length === 1) throw error;
    return trace.eventColumns(event, [field]);
  }
}
