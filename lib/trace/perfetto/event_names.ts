import type { EventField, EventFormat } from "../event_format.ts";
import type { BundleEvent } from "./read_bundles.ts";

/** What an event is called that is no generic one; those that are not known have the number of their field in the name. */
export function eventName(event: BundleEvent): string {
  return event.known?.name ?? `unknown:ftrace_event_${event.id}`;
}

/** A format out of a Perfetto trace: names and kinds of fields, without a layout in bytes. */
export function perfettoFormat(
  name: string,
  id: number,
  fields: ReadonlyMap<string, "int" | "uint" | "text">,
): EventFormat {
  return {
    name,
    id,
    fields: [...fields].map(([field, type]): EventField => ({
      name: field,
      type: type === "text" ? "char[]" : type,
      offset: 0,
      size: 0,
      signed: type === "int",
      count: 1,
      content: type === "text" ? "string" : "integer",
    })),
    printFormat: "",
  };
}
