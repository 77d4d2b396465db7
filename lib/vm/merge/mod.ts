/**
 * A guest's trace and its host's on one clock.
 *
 * @module
 */
export { type GuestClockFit, type GuestClocks } from "./guest_clock.ts";
export * from "./host_guest.ts";
export {
  HOST_GUEST_STATES,
  type HostGuestState,
  type HostGuestStateColumns,
  type HostGuestStatesOptions,
} from "./host_guest_states.ts";
export * from "./merge_host_guest.ts";
export { GUEST_WAIT_PARTS, type GuestWaitPart } from "./merged_parts.ts";
export { type VcpuThread } from "./merged_time.ts";
export * from "./record_host_guest.ts";
