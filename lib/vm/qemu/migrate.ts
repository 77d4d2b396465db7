import { VmError } from "../errors.ts";
import type { Qmp } from "./qmp.ts";

/** Bytes a second; QEMU's own limit is for guests that go on. Beyond 32 bits: `1 << 40` would be 256. */
const BANDWIDTH = 2 ** 40;

/** Milliseconds between two looks at how far it is. */
const PAUSE = 10;

/** What `query-migrate` says. */
interface MigrationInfo {
  readonly status?: string;
  readonly "error-desc"?: string;
}

/**
 * Makes QEMU send the state of the guest, which it stops, to the socket at `path`. `receive` gets the connection and what settles
 * when QEMU says that all was sent, or that it was not.
 */
export async function migrateOut(
  qmp: Qmp,
  path: string,
  receive: (conn: Deno.Conn, whole: Promise<void>) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  using listener = Deno.listen({ transport: "unix", path });
  try {
    await qmp.execute("stop", {}, signal ? { signal } : {});
    await qmp.execute("migrate-set-parameters", { "max-bandwidth": BANDWIDTH });
    const accepted = listener.accept();
    accepted.catch(() => {});
    await qmp.execute("migrate", { uri: `unix:${path}` });
    using conn = await Promise.race([accepted, qmp.closed.then(() => gone())]);
    const close = () => conn.close();
    signal?.addEventListener("abort", close, { once: true });
    try {
      const whole = finished(qmp, signal);
      whole.catch(() => {});
      await receive(conn, whole);
    } finally {
      signal?.removeEventListener("abort", close);
    }
  } finally {
    await Deno.remove(path).catch(() => {});
  }
}

/** Makes QEMU, started with `-incoming defer`, take the state of a guest that `send` writes to it through the socket at `path`. */
export async function migrateIn(
  qmp: Qmp,
  path: string,
  send: (conn: Deno.Conn) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  await qmp.execute("migrate-incoming", { uri: `unix:${path}` }, signal ? { signal } : {});
  try {
    {
      using conn = await Deno.connect({ transport: "unix", path });
      await send(conn);
    }
    await finished(qmp, signal);
  } finally {
    await Deno.remove(path).catch(() => {});
  }
}

function gone(): never {
  throw new VmError("QEMU ended before it sent the state of the guest");
}

async function finished(qmp: Qmp, signal: AbortSignal | undefined): Promise<void> {
  while (true) {
    const info = await qmp.execute<MigrationInfo>("query-migrate", {}, signal ? { signal } : {});
    if (info.status === "completed") return;
    if (info.status === "failed" || info.status === "cancelled") {
      throw new VmError(`QEMU could not move the state of the guest: ${info["error-desc"] ?? info.status}`);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}
