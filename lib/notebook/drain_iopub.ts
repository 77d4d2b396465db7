import type { Kernel } from "./kernel.ts";

/** Where a kernel publishes its output: an entry of its connection file. */
export interface IopubEndpoint {
  /** Address that the kernel listens on. */
  hostname: string;
  /** TCP port of the iopub channel. */
  port: number;
}

/** Options of {@linkcode drainIopub}. */
export interface DrainIopubOptions {
  /** Nanoseconds without a byte from the kernel after which it is given up (default 5e9). */
  patience?: number;
}

/**
 * Waits until everything broadcast so far has been written to every front end.
 *
 * Deno's kernel says that a cell is idle without waiting for the queue of messages that the cell left behind, and
 * headless front ends stop listening there. How long the queue needs depends on the machine, so no fixed delay is
 * right. Instead this subscribes to the kernel's own output (ZMTP 3.0, NULL mechanism, a SUB socket) and sends a
 * marker through the queue: an update of a display that does not exist, which front ends ignore. The kernel writes
 * one message at a time and to its subscribers in the order in which they came, so once the marker is here, all
 * that was queued before it is with the others.
 *
 * @returns Whether the marker came back; false if the kernel was silent for `options.patience`
 */
export async function drainIopub(
  kernel: Kernel,
  endpoint: IopubEndpoint,
  options: DrainIopubOptions = {},
): Promise<boolean> {
  const { patience = 5e9 } = options;
  const marker = `schedscope-drain-${crypto.randomUUID()}`;
  let conn: Deno.TcpConn;
  try {
    conn = await Deno.connect(endpoint);
  } catch {
    return false;
  }
  let open = true;
  let quiet: ReturnType<typeof setTimeout> | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  function close(): void {
    if (!open) return;
    open = false;
    clearTimeout(quiet);
    clearTimeout(again);
    conn.close();
  }
  function heard(): void {
    clearTimeout(quiet);
    quiet = setTimeout(close, patience / 1e6);
  }
  // The kernel does not say when a subscription has taken effect, so the marker is repeated, ever more rarely.
  function announce(pause: number): void {
    if (!open) return;
    kernel.broadcast("update_display_data", { data: {}, metadata: {}, transient: { display_id: marker } });
    // Subscribing once more changes nothing, but its segment carries the acknowledgement that Nagle's algorithm on the
    // kernel's side would otherwise wait 40 ms for.
    conn.write(subscription).catch(close);
    again = setTimeout(announce, pause, pause * 2);
  }

  try {
    heard();
    const hello = subscriberHello();
    for (let at = 0; at < hello.length;) at += await conn.write(hello.subarray(at));
    const frames = new FrameScanner(new TextEncoder().encode(marker));
    const chunk = new Uint8Array(1 << 16);
    let announced = false;
    for (let n = await conn.read(chunk); n !== null; n = await conn.read(chunk)) {
      heard();
      if (frames.push(chunk.subarray(0, n))) return true;
      if (!announced && frames.ready) {
        announced = true;
        announce(4);
      }
    }
    return false;
  } catch {
    return false;
  } finally {
    close();
  }
}

/** A message frame that subscribes to everything. */
const subscription = new Uint8Array([0x00, 1, 0x01]);

/** All that a subscriber has to say: greeting, READY as a SUB socket, and a subscription to everything. */
function subscriberHello(): Uint8Array {
  const greeting = new Uint8Array(64);
  greeting.set([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0]);
  greeting.set(new TextEncoder().encode("NULL"), 12);
  const ready = new TextEncoder().encode("\x05READY\x0bSocket-Type\0\0\0\x03SUB");
  return new Uint8Array([...greeting, 0x04, ready.length, ...ready, ...subscription]);
}

/** Longest frame that is looked into; a marker's content is far shorter. */
const markerFrameLimit = 4096;

/** Splits a ZMTP stream into frames and looks for `needle` in the short ones; long ones are skipped, not kept. */
export class FrameScanner {
  /** Whether the peer's greeting and its READY command have been read. */
  ready = false;
  readonly #needle: Uint8Array;
  #phase: "greeting" | "flags" | "size" | "skip" | "body" = "greeting";
  #wanted = 64;
  #got = 0;
  #bytes = new Uint8Array(64);

  /** Looks for `needle`. */
  constructor(needle: Uint8Array) {
    this.#needle = needle;
  }

  /** Reads on with `data`; true once the needle has been seen in a frame that ended in it. */
  push(data: Uint8Array): boolean {
    for (let at = 0; at < data.length;) {
      const take = Math.min(this.#wanted - this.#got, data.length - at);
      if (this.#phase !== "skip") this.#bytes.set(data.subarray(at, at + take), this.#got);
      this.#got += take;
      at += take;
      // A frame without a body ends with its size.
      while (this.#got === this.#wanted) {
        if (this.#next()) return true;
      }
    }
    return false;
  }

  #next(): boolean {
    const bytes = this.#bytes.subarray(0, this.#phase === "skip" ? 0 : this.#wanted);
    switch (this.#phase) {
      case "flags":
        this.#expect("size", bytes[0]! & 0x02 ? 8 : 1);
        return false;
      case "size": {
        const size = bytes.length === 1 ? bytes[0]! : Number(new DataView(bytes.buffer).getBigUint64(0));
        this.#expect(size > markerFrameLimit ? "skip" : "body", size);
        return false;
      }
      case "body":
        this.ready = true;
        this.#expect("flags", 1);
        return contains(bytes, this.#needle);
      default:
        this.#expect("flags", 1);
        return false;
    }
  }

  #expect(phase: "flags" | "size" | "skip" | "body", size: number): void {
    this.#phase = phase;
    this.#wanted = size;
    this.#got = 0;
    if (phase !== "skip") this.#bytes = new Uint8Array(size);
  }
}

function contains(bytes: Uint8Array, needle: Uint8Array): boolean {
  for (let at = bytes.indexOf(needle[0]!); at >= 0; at = bytes.indexOf(needle[0]!, at + 1)) {
    if (needle.every((byte, i) => bytes[at + i] === byte)) return true;
  }
  return false;
}
