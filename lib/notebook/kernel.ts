/** A value in the forms that a front end may choose from, by MIME type. */
export type MediaBundle = Record<string, string | object>;

/** What an object has so that a notebook, `show` and the CLI know how it looks: see {@linkcode displaySymbol}. */
export interface Displayable {
  /** The object's forms: `text/html` first of all, with `text/plain` as the form for everything else. */
  [displaySymbol](): MediaBundle | Promise<MediaBundle>;
}

/** Options of {@linkcode Kernel.broadcast}. */
export interface BroadcastOptions {
  /** Metadata of the message (default: none). */
  metadata?: Record<string, unknown>;
  /** Binary buffers that travel beside the JSON content (default: none). */
  buffers?: Uint8Array[];
}

/** The part of `Deno.jupyter` that schedscope uses. */
export interface Kernel {
  /** Sends a message of type `type` on the kernel's iopub channel. */
  broadcast(type: string, content: Record<string, unknown>, options?: BroadcastOptions): Promise<void> | void;
}

/** `Symbol.for("Jupyter.display")`: the method that Deno's kernel asks an object for its forms. */
export const displaySymbol: unique symbol = Symbol.for("Jupyter.display") as never;

/** The Jupyter kernel that this program runs in; undefined outside of one, where access to `Deno.jupyter` throws. */
export function kernel(): Kernel | undefined {
  try {
    return typeof Deno.jupyter.broadcast === "function" ? Deno.jupyter as Kernel : undefined;
  } catch {
    return undefined;
  }
}

/** Whether `value` is an object with a display method. A function with one is not: Deno's kernel ignores those too. */
export function isDisplayable(value: unknown): value is Displayable {
  try {
    return typeof value === "object" && value !== null &&
      typeof (value as Partial<Displayable>)[displaySymbol] === "function";
  } catch {
    return false;
  }
}
