import { formatNs } from "../../../frame/format_ns.ts";
import { FIRST_THREAD, type Header, IDLE, NOBODY, State, WAKE_SOURCES, WIDGET_STATES } from "../protocol.ts";
import { byTask, type Wake } from "./chain.ts";
import { type CpuLane, type Holes, type Model, nameOf, type ThreadLane, Use, waits } from "./model.ts";

/** What a state is called. */
export const STATE_WORDS: Readonly<Record<typeof WIDGET_STATES[number], string>> = {
  unknown: "unknown: the trace does not say",
  running: "running",
  preempted: "preempted: wants to run",
  woken: "woken: waits for a CPU",
  sleeping: "sleeping",
  blocked: "blocked (uninterruptible)",
  stopped: "stopped",
  dead: "not there",
};

/**
 * The moment `t` (ns from the widget's time 0) counted from the trace's epoch, as the tables of the trace count it: in the largest unit that the
 * end of the view has, as fine as `step` ns.
 */
export function momentText({ from, length }: Pick<Header, "from" | "length">, t: number, step = 1): string {
  const end = from + length;
  const [digits, name] = end >= 1e9 ? [9, "s"] : end >= 1e6 ? [6, "ms"] : [3, "µs"];
  const shown = Math.max(0, Math.min(digits, Math.ceil(digits - Math.log10(Math.max(1, step)))));
  return `${((from + t) / 10 ** digits).toFixed(shown)} ${name}`;
}

/** What is under the pointer on a thread's lane, line by line. `step` is the time of a pixel, ns. */
export function describeThread(model: Model, lane: ThreadLane, t: number, step: number): string[] {
  const { header, gaps } = model;
  const { track } = lane;
  const who = lane.index + FIRST_THREAD;
  const title = nameOf(header, who) + ofProcess(model, lane.index);
  const row = track.rowAt(t);
  if (row < 0 || row >= track.length) return [title, "not there"];
  const lines = [title];
  const last = Math.min(track.length - 1, track.rowAt(Math.min(t + step, header.length)));
  if (last - row > 2) lines.push(...sharesAround(lane, row, last, t, step));
  else lines.push(...describeSlice(model, lane, row));
  for (const gap of gaps.byThread.get(who) ?? []) {
    if (gaps.from[gap]! > t + step || gaps.to[gap]! < t) continue;
    lines.push(...describeGap(model, gap));
    break;
  }
  return lines;
}

function sharesAround(
  lane: ThreadLane,
  first: number,
  last: number,
  t: number,
  step: number,
): string[] {
  const sums = new Float64Array(8);
  lane.track.addBetween(t, first, t + step, last, sums);
  const shares = WIDGET_STATES.map((state, k) => ({ state, share: sums[k]! / step }))
    .filter(({ share }) => share > 0.0005).sort((x, y) => y.share - x.share);
  return [
    `${(last - first + 1).toLocaleString("en-US")} slices in ${
      formatNs(step)
    } here; zoom in to tell them apart`,
    ...shares.map(({ state, share }) => `${(share * 100).toFixed(1)} % ${state}`),
  ];
}

/** What one slice of a thread was, line by line. */
export function describeSlice(model: Model, lane: ThreadLane, row: number): string[] {
  const { track, what } = lane;
  const state = track.category[row]!;
  const dur = track.time[row + 1]! - track.time[row]!;
  const cpu = lane.cpu[row]! - 1;
  const lines = [`${STATE_WORDS[WIDGET_STATES[state]!]} for ${formatNs(dur, { digits: 4 })}`];
  if (cpu >= 0 && state === State.Running) lines.push(`on CPU ${cpu}`);
  else if (cpu >= 0 && waits(state)) lines.push(`queued on CPU ${cpu}`);
  if (state === State.Woken) {
    lines.push(wakerText(model, lane.waker[row]!, WAKE_SOURCES[(what[row]! >> 3) & 7] ?? ""));
  }
  lines.push(`from ${momentText(model.header, track.time[row]!)}`);
  if ((what[row]! & 64) !== 0) lines.push("cut by the edge of the recording, or touched by a hole");
  return lines;
}

/** Who woke, in words. */
export function wakerText(model: Model, waker: number, source: string): string {
  const name = nameOf(model.header, waker);
  if (source === "new") return waker === NOBODY ? "newly made" : `newly made by ${name}`;
  if (byTask(source)) return waker === NOBODY ? "woken by somebody unknown" : `woken by ${name}`;
  const by = source === "irq" ? "an interrupt" : source === "softirq" ? "a softirq" : "a timer";
  if (waker === NOBODY) return `woken by ${by}`;
  return waker === IDLE ? `woken by ${by} on an idle CPU` : `woken by ${by} that came upon ${name}`;
}

/** A wakeup in words. */
export function wakeText(model: Model, wake: Wake): string {
  return `${nameOf(model.header, wake.wakee)} ${wakerText(model, wake.waker, wake.source)}`;
}

/** A gap of the ledger, line by line. */
export function describeGap(model: Model, gap: number): string[] {
  const { gaps, header } = model;
  const { gapParts, causes, culprits } = header;
  const culprit = culprits[gaps.culprit[gap]!]!;
  const cause = causes[gaps.cause[gap]!]!;
  const by = culprit === "" ? "" : `${cause === "queued" ? " behind" : " by"} ${culprit}`;
  const parts = Array.from(
    { length: gapParts },
    (_, k) => ({ cause: causes[k]!, ns: gaps.parts[gap * gapParts + k]! }),
  )
    .filter(({ ns }) => ns > 0).sort((x, y) => y.ns - x.ns);
  return [
    `gap of ${formatNs(gaps.dur[gap]!, { digits: 4 })}: ${cause}${by}`,
    ...(parts.length < 2 ? [] : [parts.map(({ cause, ns }) => `${cause} ${formatNs(ns)}`).join(", ")]),
  ];
}

/** What is under the pointer on a CPU's lane, line by line. */
export function describeCpu(model: Model, lane: CpuLane, t: number, step: number): string[] {
  const { track } = lane;
  const lines = [`CPU ${lane.cpu}`, ...holesAt(model, lane.cpu, t, step)];
  const row = track.rowAt(t);
  if (row < 0 || row >= track.length) return [...lines, "no record yet, or no more"];
  const last = Math.min(track.length - 1, track.rowAt(Math.min(t + step, model.header.length)));
  const dur = (at: number) => formatNs(track.time[at + 1]! - track.time[at]!, { digits: 4 });
  if (last - row > 2) {
    const sums = new Float64Array(3);
    track.addBetween(t, row, t + step, last, sums);
    const main = lane.longest.of(row, last + 1);
    return [
      ...lines,
      `${(last - row + 1).toLocaleString("en-US")} slices in ${
        formatNs(step)
      } here; zoom in to tell them apart`,
      `${(sums[Use.Busy]! / step * 100).toFixed(1)} % busy` +
      (sums[Use.Unknown]! > 0 ? `, ${(sums[Use.Unknown]! / step * 100).toFixed(1)} % unknown` : ""),
      ...(main < 0 ? [] : [`longest: ${nameOf(model.header, lane.who[main]!)} for ${dur(main)}`]),
    ];
  }
  const who = lane.who[row]!;
  const doing = who === IDLE
    ? "idle"
    : who === NOBODY
    ? "unknown: the record of a switch is missing"
    : `${nameOf(model.header, who)}${ofProcess(model, who - FIRST_THREAD)} ran`;
  return [...lines, `${doing} for ${dur(row)}`, `from ${momentText(model.header, track.time[row]!)}`];
}

function holesAt(model: Model, cpu: number, t: number, step: number): string[] {
  for (const own of [model.holes.get(cpu), model.holes.get(-1)]) {
    const at = own === undefined ? -1 : own.from.findIndex((from, i) => from <= t + step && own.to[i]! >= t);
    if (at < 0) continue;
    return [holeText(model, own!, at)];
  }
  return [];
}

function holeText({ header }: Model, holes: Holes, at: number): string {
  const lost = holes.lost[at]! > 0 ? `, ${holes.lost[at]!.toLocaleString("en-US")} records` : "";
  return `hole (${header.holeKinds[holes.kind[at]!]}${lost}) of ${formatNs(holes.to[at]! - holes.from[at]!)}`;
}

function ofProcess({ header }: Model, index: number): string {
  const pid = header.pid[index]!;
  return pid > 0 && pid !== header.tid[index] ? ` of process ${pid}` : "";
}
