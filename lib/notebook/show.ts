import { displayBundle } from "./display_bundle.ts";
import { kernel } from "./kernel.ts";
import { flushWithoutHook } from "./setup.ts";

/** Options of {@linkcode show}. */
export interface ShowOptions {
  /** A name for this display, so that a later call can replace it (default: none). */
  id?: string;
  /** Replace what is shown under `id` instead of adding a display (default false). */
  update?: boolean;
}

/**
 * Shows `value` in the notebook below the running cell; outside of a notebook it prints the value's text.
 *
 * Prefer this to leaving a value as the last expression of a cell: Deno's kernel keeps every such object alive until
 * it ends, and prints nothing at all for a bare bigint, `NaN`, an infinity or `-0`. What `show` has shown is not kept.
 * A value whose display method throws is shown as text with the reason, see {@linkcode displayBundle}.
 *
 * @throws {TypeError} If `update` is set without an `id`
 */
export async function show(value: unknown, options: ShowOptions = {}): Promise<void> {
  const { id, update = false } = options;
  if (update && id === undefined) {
    throw new TypeError("show() with update needs the id of the display to replace");
  }
  const data = await displayBundle(value);
  const notebook = kernel();
  if (notebook === undefined) {
    // A form without text is one that only a browser can show; say which.
    console.log(data["text/plain"] ?? `[${Object.keys(data).join(", ")}]`);
    return;
  }
  await notebook.broadcast(update ? "update_display_data" : "display_data", {
    data,
    metadata: {},
    transient: id === undefined ? {} : { display_id: id },
  });
  await flushWithoutHook();
}
