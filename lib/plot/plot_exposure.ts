import type { DictColumn, NumericColumn } from "../frame/column.ts";
import { formatNs } from "../frame/format_ns.ts";
import type { Columns } from "../frame/column.ts";
import type { Frame } from "../frame/frame.ts";
import { visibleText } from "../frame/visible_text.ts";
import type { Figure } from "./figure.ts";
import { textColorOn } from "./palette.ts";
import { DEFAULT_WIDTH, emptyFigure, Plot, plotFigure } from "./plot_figure.ts";
import { textPixels } from "./text_size.ts";

/** Columns that {@linkcode plotExposure} reads; `exposure` gives them. */
export type PlotExposureColumns = Columns & {
  /** Group whose thread might have spied. */
  attacker: DictColumn;
  /** Group whose thread might have been spied upon. */
  victim: DictColumn;
  /** Time in which both ran on one core, ns. */
  exposed: NumericColumn;
  /** Time of the episodes that a change of both siblings at once does not explain, ns. */
  beyond: NumericColumn;
  /** Upper bound where the trace does not tell who ran, ns. */
  upper: NumericColumn;
};

/** Options of {@linkcode plotExposure}. */
export interface PlotExposureOptions {
  /** Width that it may take, px. Default 860. */
  width?: number;
  /** Most groups; those exposed for the longest are shown. Default 10. */
  limit?: number;
  /** Which time is shown. Default `exposed`. */
  value?: "exposed" | "beyond" | "upper";
  /** Text under the figure. Default: how many groups are not shown, if any. */
  caption?: string;
}

/** From little to much; they differ in lightness, so that every eye tells them apart. */
const STEPS = ["#fff3cf", "#fdd78a", "#fca44f", "#f0652f", "#d8341f", "#a5142a"] as const;
const CELL_HEIGHT = 30;
const MOST_CELL_WIDTH = 110;
/** Sizes of the times in the cells, the largest that fits is taken. */
const LABEL_SIZES = [11, 9, 8];
/** Turn of the names over the columns. */
const TURN = 32;

/**
 * Who ran beside whom: a row for each attacker, a column for each victim, the time written in each cell. Colours go by the
 * logarithm, so that a millisecond among seconds is seen.
 */
export function plotExposure<C extends PlotExposureColumns>(
  pairs: Frame<C>,
  options: PlotExposureOptions = {},
): Figure {
  const { limit = 10, value = "exposed" } = options;
  const room = options.width ?? DEFAULT_WIDTH;
  const { groups, left, cells } = matrix(pairs, value, Math.max(2, limit));
  if (cells.length === 0) return emptyFigure("No group was exposed to another.", room);
  const names = groups.map(visibleText);
  const longest = Math.max(...names.map((name) => textPixels(name)));
  const marginLeft = Math.min(room / 3, longest + 12);
  const rise = Math.sin(TURN * Math.PI / 180);
  const marginTop = Math.min(150, longest * rise + 26);
  const marginRight = Math.min(120, longest * Math.cos(TURN * Math.PI / 180) * 0.6 + 8);
  const least = Math.min(...cells.map(({ time }) => time));
  const most = Math.max(...cells.map(({ time }) => time));
  const colors = cells.map(({ time }) => stepColor(time, least, most));
  const cellWidth = Math.min(MOST_CELL_WIDTH, (room - marginLeft - marginRight) / groups.length);
  const width = Math.max(marginLeft + groups.length * cellWidth + marginRight, Math.min(room, 460));
  const labels = cells.map(({ time }) => formatNs(time));
  const size = LABEL_SIZES.find((size) => labels.every((label) => textPixels(label, size) < cellWidth - 3));
  const caption = options.caption ??
    (left > 0 ? `${left} more group${left === 1 ? "" : "s"} not shown` : undefined);
  const alt = `Matrix of ${TITLE[value]}, attacker by victim: ` +
    cells.toSorted((a, b) => b.time - a.time).slice(0, 12)
      .map(({ attacker, victim, time }) => `${groups[attacker]} beside ${groups[victim]} ${formatNs(time)}`)
      .join("; ") +
    (cells.length > 12 ? `; and ${cells.length - 12} more` : "");
  return plotFigure({
    width,
    height: marginTop + groups.length * CELL_HEIGHT + 30,
    marginLeft,
    marginTop,
    marginRight,
    marginBottom: 30,
    x: { type: "band", domain: groups.keys(), axis: null, padding: 0.04 },
    y: { type: "band", domain: groups.keys(), axis: null, padding: 0.06 },
    color: { type: "identity" },
    alt,
    ...(caption === undefined ? {} : { caption }),
    marks: [
      // A group trusts itself.
      Plot.cell({ length: groups.length }, {
        x: [...groups.keys()],
        y: [...groups.keys()],
        stroke: "currentColor",
        strokeOpacity: 0.25,
        strokeDasharray: "3,3",
        fill: "none",
      }),
      Plot.cell({ length: cells.length }, {
        x: cells.map(({ victim }) => victim),
        y: cells.map(({ attacker }) => attacker),
        fill: colors,
        title: cells.map(({ attacker, victim, time }) =>
          `${names[attacker]} beside ${names[victim]}: ${formatNs(time)}`
        ),
      }),
      size !== undefined
        ? Plot.text({ length: cells.length }, {
          x: cells.map(({ victim }) => victim),
          y: cells.map(({ attacker }) => attacker),
          text: labels,
          fill: colors.map(textColorOn),
          fontSize: size,
        })
        : null,
      Plot.text({ length: groups.length }, {
        y: [...groups.keys()],
        text: names.map((name) => shortened(name, marginLeft - 12)),
        frameAnchor: "left",
        textAnchor: "end",
        dx: -6,
      }),
      Plot.text({ length: groups.length }, {
        x: [...groups.keys()],
        text: names.map((name) => shortened(name, (marginTop - 26) / rise)),
        frameAnchor: "top",
        textAnchor: "start",
        lineAnchor: "bottom",
        rotate: -TURN,
        dy: -6,
        dx: -8,
      }),
      Plot.text([`↓ attacker, victim → (${TITLE[value]}, summed over the cores)`], {
        frameAnchor: "bottom-left",
        textAnchor: "start",
        dy: 20,
        fontStyle: "italic",
      }),
    ],
  });
}

const TITLE = {
  exposed: "time side by side on one core",
  beyond: "time side by side on one core in episodes longer than a switch of both",
  upper: "upper bound of the time side by side on one core",
} as const;

/** A cell that is not empty; groups by their place. */
interface Cell {
  readonly attacker: number;
  readonly victim: number;
  readonly time: number;
}

/** The groups that are exposed for the longest, and what each pair of them has. */
function matrix(
  pairs: Frame<PlotExposureColumns>,
  value: "exposed" | "beyond" | "upper",
  limit: number,
): { groups: string[]; left: number; cells: Cell[] } {
  const attacker = pairs.column("attacker");
  const victim = pairs.column("victim");
  const time = pairs.column(value);
  const total = new Map<string, number>();
  for (let row = 0; row < pairs.length; row++) {
    if (!(time[row]! > 0)) continue;
    for (const name of [attacker.at(row), victim.at(row)]) {
      total.set(name, (total.get(name) ?? 0) + time[row]!);
    }
  }
  const groups = [...total].sort((a, b) => b[1] - a[1]).slice(0, limit).map(([name]) => name);
  const place = new Map(groups.map((name, i) => [name, i]));
  const cells: Cell[] = [];
  for (let row = 0; row < pairs.length; row++) {
    const [from, to] = [place.get(attacker.at(row)), place.get(victim.at(row))];
    if (from !== undefined && to !== undefined && time[row]! > 0) {
      cells.push({ attacker: from, victim: to, time: time[row]! });
    }
  }
  return { groups, left: total.size - groups.length, cells };
}

function stepColor(time: number, least: number, most: number): string {
  const share = most === least ? 0.5 : Math.log(time / least) / Math.log(most / least);
  return STEPS[Math.min(STEPS.length - 1, Math.floor(share * STEPS.length))]!;
}

/** `name`, cut in the middle where it is wider than `pixels`: numbers at the end tell groups apart. */
function shortened(name: string, pixels: number): string {
  if (textPixels(name) <= pixels) return name;
  const characters = [...name];
  const keep = Math.max(2, Math.floor(pixels / textPixels("n")) - 1);
  const head = Math.ceil(keep / 2);
  return `${characters.slice(0, head).join("")}…${
    characters.slice(characters.length - (keep - head)).join("")
  }`;
}
