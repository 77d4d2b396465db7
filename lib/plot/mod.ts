/**
 * Figures of gaps and schedules, as inline SVG, a timeline that one can move in, and the page that holds them.
 *
 * @module
 */
import "../frame/with_arquero.ts";
export * from "./figure.ts";
export * from "./log_bins.ts";
export * from "./palette.ts";
export * from "./plot_before_after.ts";
export * from "./plot_cause_share.ts";
export * from "./plot_exposure.ts";
export * from "./plot_gangs.ts";
export * from "./plot_gap_histogram.ts";
export * from "./plot_guest_waits.ts";
export * from "./plot_host_guest.ts";
export * from "./plot_jain.ts";
export * from "./plot_lag.ts";
export * from "./plot_reflex.ts";
export * from "./plot_runqueue_depth.ts";
export * from "./plot_state_share.ts";
export * from "./plot_survival.ts";
export * from "./plot_timeline.ts";
export * from "./plot_wait_distribution.ts";
export * from "./plot_wakeup_chain.ts";
export * from "./render_page.ts";
export * from "./report/mod.ts";
export * from "./survival.ts";
export * from "./timeline_widget.ts";
