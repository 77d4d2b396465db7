import { MissingEventError } from "../../trace/errors.ts";
import type { Columns } from "../../frame/column.ts";
import type { Frame } from "../../frame/frame.ts";
import type { GapLedger } from "../../sched/gaps.ts";
import type { Trace } from "../../trace/trace.ts";
import type { PageSection, PageTable } from "../render_page.ts";
import type { WidgetPlace } from "../timeline_widget.ts";

/** What the sections of a report have in common. */
export interface Story {
  /** What is told of. */
  readonly trace: Trace;
  /** Gaps of at least `threshold`; undefined where the trace lacks the events. */
  readonly ledger: GapLedger | undefined;
  /** Shortest gap, ns. */
  readonly threshold: number;
  /** Most rows of a table. */
  readonly rows: number;
  /** The address of a place in the timeline; undefined where that does not show it. */
  readonly link: (place: WidgetPlace) => string | undefined;
  /** The numbers behind the page, by section. */
  readonly figures: Record<string, unknown>;
}

/** One part of a report. */
export type Teller = (story: Story) => PageSection | undefined;

/** What `tell` says, or, where the trace lacks an event for it, that. */
export function told(heading: string, story: Story, tell: Teller): PageSection | undefined {
  try {
    return tell(story);
  } catch (error) {
    if (!(error instanceof MissingEventError)) throw error;
    return { heading, prose: error.message };
  }
}

/** `frame` as a table of a page, the first cell of each row a link to where `place` says it happened. */
export function linked<C extends Columns>(
  frame: Frame<C>,
  story: Story,
  place: (row: number) => WidgetPlace | undefined,
): PageTable {
  return {
    length: frame.length,
    toHTML: (options = {}) =>
      frame.toHTML({
        ...options,
        link: (row) => {
          const at = place(row);
          return at === undefined || !Number.isFinite(at.ts) ? undefined : story.link(at);
        },
      }),
  };
}

/** A share as percent. */
export function percent(share: number): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(share > 0.9995 && share < 1 ? 3 : 2)} %` : "–";
}

/** A number in groups of three digits. */
export function grouped(count: number): string {
  return count.toLocaleString("en-US");
}
